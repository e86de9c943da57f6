import type { ConflictReport, RowWriter } from '../model/conflict.ts';
import { holdsFloats } from '../model/kinds.ts';
import { asLsn } from '../model/position.ts';
import type { ConflictCode } from '../model/system-columns.ts';
import type { Row, Value } from '../model/types.ts';
import { readValue } from '../state/row-codec.ts';
import { actionWord, lsnWord, tickWord, versionWord } from '../state/row-layout.ts';
import type { TableChanges } from '../state/table-changes.ts';
import { valueAt } from '../vectors/column-vector.ts';
import { outOfRange } from './batch-check.ts';
import { type EffectRun, isFiniteAt, missingColumns } from './effect-run.ts';
import { tickItself } from './tick-batch.ts';

/** Describes the conflict at once, before the action is taken back: the row is as the effect saw it. */
export function reportConflict(
  code: ConflictCode,
  action: number,
  effect: number,
  run: EffectRun,
  row: number,
  sessionId: string,
): ConflictReport {
  const { stream, changes } = run;
  const key = keyOf(run, row, sessionId);
  const expectedVersion = stream.expectedVersions?.[row] ?? null;
  const found = changes ? rowFacts(changes, run.slotOf(row)) : null;
  return {
    action,
    code,
    effect,
    table: stream.table.name,
    key,
    expectedVersion,
    actualVersion: found?.version ?? null,
    lastWriter: found?.writer ?? null,
    message: messageOf(code, run, row, key, expectedVersion, found),
  };
}

function keyOf(run: EffectRun, row: number, sessionId: string): Row {
  const key: { [column: string]: Value } = {};
  for (const name of run.stream.table.key) {
    const vector = run.stream.rows.vectors.find((v) => v.column.name === name);
    key[name] = vector ? valueAt(vector, row) : sessionId;
  }
  return key;
}

interface RowFacts {
  readonly version: number;
  readonly writer: RowWriter;
  readonly slot: number;
}

function rowFacts(changes: TableChanges, slot: number): RowFacts | null {
  const { table } = changes;
  if (slot === -1 || !table.isAlive(slot)) return null;
  const page = table.pages.page(slot);
  const offset = table.pages.offset(slot);
  const tick = page.u32[offset + tickWord] as number;
  const action = page.u32[offset + actionWord] as number;
  return {
    slot,
    version: page.u32[offset + versionWord] as number,
    writer: {
      lsn: asLsn(page.f64[(offset + lsnWord) >> 1] as number),
      tick: tick === 0 ? null : tick - 1,
      action: action === tickItself ? null : action,
    },
  };
}

function messageOf(
  code: ConflictCode,
  run: EffectRun,
  row: number,
  key: Row,
  expectedVersion: number | null,
  found: RowFacts | null,
): string {
  const { stream } = run;
  const { name } = stream.table;
  const place = stream.table.kind === 'state' ? `${name} ${keyText(key)}` : name;
  switch (code) {
    case 'ROW_NOT_FOUND': {
      if (stream.op !== 'upsert') return `${place} does not exist`;
      const given = new Set(stream.rows.vectors.map((vector) => vector.column.name));
      const missing = missingColumns(stream.table, given).join(', ');
      return `${place} does not exist, and the upsert does not give ${missing} to create it`;
    }
    case 'ROW_EXISTS':
      return `${place} exists at version ${found?.version}`;
    case 'VERSION_MISMATCH':
      return `${place} is at version ${found?.version}, not ${expectedVersion}`;
    case 'GUARD_FAILED':
      return `${place} does not satisfy the effect's require`;
    case 'OUT_OF_RANGE':
      return stream.op === 'adjust'
        ? `${place} cannot hold the sum: ${columnsText(run, row, found)}`
        : `${place} cannot hold what is given: ${nonFiniteText(run, row)}`;
  }
}

function nonFiniteText({ stream }: EffectRun, row: number): string {
  return stream.rows.vectors
    .filter((vector) => holdsFloats(vector.column) && !isFiniteAt(vector, row))
    .map(({ column }) => `${column.name} is ${outOfRange(column.kind)}`)
    .join('; ');
}

function keyText(key: Row): string {
  return `(${Object.entries(key)
    .map(([column, value]) => `${column} ${String(value)}`)
    .join(', ')})`;
}

function columnsText(run: EffectRun, row: number, found: RowFacts | null): string {
  const { stream, changes } = run;
  const added = stream.rows.vectors.filter((v) => !stream.table.key.includes(v.column.name));
  return added
    .map((vector) => {
      const { name } = vector.column;
      const sum = `plus ${textOf(valueAt(vector, row))}`;
      const column = changes?.table.layout.columns.find((c) => c.column.name === name);
      if (!changes || !found || !column) return `${name} ${sum}`;
      const { table } = changes;
      const page = table.pages.page(found.slot);
      const offset = table.pages.offset(found.slot);
      const value = readValue(table.layout, column, page, offset, table.pool);
      return `${name} ${textOf(value)} ${sum}`;
    })
    .join(', ');
}

function textOf(value: Value): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
