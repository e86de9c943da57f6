import type { ScalarKind, Value } from '../../engine/model/types.ts';
import { type EffectStream, type TickBatch, tickItself } from '../../engine/tick/tick-batch.ts';
import { type ColumnVector, valueAt } from '../../engine/vectors/column-vector.ts';

/** The tick as a client without Arrow would send it. What effects require must be comparisons that all hold. */
export function jsonTickBody(batch: TickBatch): Buffer {
  const actions = objectText(batch.actions.vectors.map((v) => [v.column.name, columnText(v)]));
  const effects = batch.streams.map((stream) =>
    objectText([
      ...effectColumns(stream),
      ['op', `"${stream.op}"`],
      ['table', `"${stream.table.name}"`],
    ]),
  );
  return Buffer.from(`{"effects":[${effects.join()}],"actions":${actions}}`);
}

type Member = readonly [name: string, text: string];

function objectText(members: readonly Member[]): string {
  return `{${members.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join()}}`;
}

function effectColumns({ rows, action, expectedVersions, require }: EffectStream): Member[] {
  const indices = Array.from(action, (index) => (index === tickItself ? null : index));
  const members: Member[] = [['action', JSON.stringify(indices)]];
  for (const vector of rows.vectors) members.push([vector.column.name, columnText(vector)]);
  if (expectedVersions) members.push(['expectedVersion', JSON.stringify([...expectedVersions])]);
  const form = require?.form;
  const parts = form?.kind === 'and' ? form.all : form ? [form] : [];
  for (const part of parts) {
    if (part.kind !== 'compare') throw new RangeError('a require of comparisons');
    const operand = require?.operands[part.operand];
    if (operand) members.push([`require.${part.column}.${part.op}`, columnText(operand)]);
  }
  return members;
}

function columnText(vector: ColumnVector): string {
  const { kind } = vector.column;
  const cells = Array.from({ length: vector.length }, (_, row) =>
    cellText(kind, valueAt(vector, row)),
  );
  return `[${cells.join()}]`;
}

/** `JSON.stringify` knows neither minus zero nor wide integers; past f32's range is an infinity. */
function cellText(kind: ScalarKind, value: Value): string {
  if (Array.isArray(value)) return `[${value.map((one) => cellText(kind, one)).join()}]`;
  if (value instanceof Uint8Array) return `"${Buffer.from(value).toString('base64')}"`;
  if (kind === 'json' && value !== null) return value as string;
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value).map(([part, number]) => `"${part}":${cellText('f32', number)}`)}}`;
  }
  if (kind === 'timestamp' && value !== null) {
    const iso = new Date(value as number).toISOString();
    // Years of more than four digits have no such form.
    return /^\d/.test(iso) ? `"${iso}"` : String(value);
  }
  if (Object.is(value, -0)) return '-0';
  if (value === Number.POSITIVE_INFINITY) return '1e300';
  return typeof value === 'bigint' ? `"${value}"` : JSON.stringify(value);
}
