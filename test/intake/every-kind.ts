import fc from 'fast-check';
import type { TickInput } from '../../engine/intake/rows/row-input.ts';
import { scalarKinds } from '../../engine/model/kinds.ts';
import type { ColumnDefinition, Row, TitleManifest, Value } from '../../engine/model/types.ts';
import { tickHeader } from '../tick/tick-header.ts';
import { cellOf, columnOf } from './any-column.ts';

/** Each kind as it is, optional, and as a list. */
const columns = scalarKinds.flatMap((kind) => [
  columnOf(`${kind}One`, kind),
  columnOf(`${kind}Maybe`, kind, { optional: true }),
  columnOf(`${kind}List`, kind, { list: true, optional: true }),
]);

/** A title whose actions and events have columns of every kind. */
export const everyKind: TitleManifest = {
  format: 1,
  title: 'kinds',
  version: 1,
  tables: [
    { name: 'order', kind: 'action', columns, key: [], indexes: [] },
    { name: 'ledger', kind: 'event', columns, key: [], indexes: [] },
  ],
  views: [],
  roles: [],
};

/** Values that JSON has, JSON in the spelling of `JSON.stringify`. */
function sendable({ kind, list }: ColumnDefinition, value: Value): boolean {
  const scalars = list ? ((value ?? []) as readonly Value[]) : [value];
  return scalars.every((scalar) => {
    if (typeof scalar === 'number') return Number.isFinite(scalar);
    if (kind === 'vec3' && scalar !== null) return Object.values(scalar).every(Number.isFinite);
    return kind !== 'json' || scalar === null || isPlainJson(scalar as string);
  });
}

function isPlainJson(text: string): boolean {
  return text !== 'null' && JSON.stringify(JSON.parse(text)) === text;
}

const row = fc.record(
  Object.fromEntries(
    columns.map((column) => [
      column.name,
      cellOf(column).filter((value) => sendable(column, value)),
    ]),
  ),
) as fc.Arbitrary<Row>;

/** A tick of up to four actions, and events of theirs and of its own. */
export function everyKindTick(): fc.Arbitrary<TickInput> {
  const effects = fc.array(
    row.map((cells) => ({ op: 'append' as const, table: 'ledger', row: cells })),
    { maxLength: 2 },
  );
  return fc.record({
    header: fc.constant(tickHeader(1)),
    actions: fc
      .array(fc.record({ row, effects }), { maxLength: 4 })
      .map((actions) => actions.map((action, i) => ({ ...action, actionId: `a${i}` }))),
    effects,
  });
}
