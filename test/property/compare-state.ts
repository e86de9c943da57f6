import { expect } from 'vitest';
import { finish } from '../../engine/govern/work.ts';
import type {
  ColumnDefinition,
  IndexDefinition,
  Row,
  Scalar,
  TableDefinition,
  Value,
} from '../../engine/model/types.ts';
import { type Kind, sessionIds, valuesOf } from './arbitraries.ts';
import type { ModelRow } from './naive-hash.ts';
import { canonical, type NaiveModel } from './naive-model.ts';
import type { Process } from './process.ts';

/** Sessions with their chains, rows with their versions, and what keys and indexes lead to. */
export function expectSame(process: Process, model: NaiveModel): void {
  expect(process.sessions.map(({ lsn: _, ...session }) => session)).toEqual(
    [...model.sessions].map(([sessionId, { answers, forgotten: _, ...session }]) => {
      return { sessionId, ...session, answers: answers.size };
    }),
  );
  for (const table of process.catalog.stateTables) {
    const rows = [...(model.tables.get(table.name)?.values() ?? [])];
    const written = model.everWritten.get(table.name) ?? [];
    expect(texts(process.rows(table))).toEqual(sorted(rows));
    expect(process.live.rowCount(table.name)).toBe(rows.length);
    for (const key of distinct(written.map((row) => pick(row, table.key)))) {
      const got = process.live.get(table.name, key);
      expect(got ? texts([got]) : []).toEqual(sorted(rows.filter(({ row }) => has(row, key))));
    }
    for (const index of table.indexes) {
      const probes = probesOf(table, index, written);
      // First what ends even where a list of the index has become a ring.
      expect(probes.map((values) => texts(process.rowsUnder(table, index, values)))).toEqual(
        probes.map((values) => sorted(rows.filter(({ row }) => isUnder(table, row, values)))),
      );
      expect(probes.map((values) => readThrough(process, table, values))).toEqual(
        probes.map((values) => {
          const matching = sorted(rows.filter(({ row }) => has(row, values)));
          return { selected: matching, listed: matching };
        }),
      );
    }
  }
}

/** The words of a null are zeros: by those an index leads to it too, and reads leave it out. */
function isUnder(table: TableDefinition, row: Row, values: Row): boolean {
  const zeros = Object.fromEntries(table.columns.map((column) => [column.name, zeroOf(column)]));
  return Object.entries(values).every(([name, value]) => (row[name] ?? zeros[name]) === value);
}

function readThrough(process: Process, table: TableDefinition, values: Row) {
  const all = Object.entries(values).map(([column, value]) => {
    return { kind: 'compare' as const, column, op: 'eq' as const, value: value as Scalar };
  });
  const where = { kind: 'and' as const, all };
  const request = { where, orderBy: [], first: 1000, after: null, scan: 'refuse' as const };
  return {
    selected: texts(finish(process.live.select(table.name, where))),
    listed: texts(finish(process.live.list(table.name, request)).rows),
  };
}

/** Values to look for: those that any row could have, and those that one had at some time. */
function probesOf(table: TableDefinition, index: IndexDefinition, written: readonly Row[]): Row[] {
  let possible: Row[] = [{}];
  for (const { name, kind } of table.columns.filter((c) => index.columns.includes(c.name))) {
    const values = name === 'sessionId' ? [...sessionIds, 'none'] : valuesOf[kind as Kind];
    possible = possible.flatMap((row) => values.map((value) => ({ ...row, [name]: value })));
  }
  const had = written.map((row) => pick(row, index.columns));
  return distinct([...possible, ...had.filter((row) => !Object.values(row).includes(null))]);
}

/** The value whose words are zeros; a text has none. */
function zeroOf({ kind, values }: ColumnDefinition): Value {
  if (kind === 'enum') return values[0] ?? null;
  if (kind === 'bool') return false;
  if (kind === 'string') return null;
  return kind === 'i64' || kind === 'u64' ? 0n : 0;
}

function has(row: Row, values: Row): boolean {
  return Object.entries(values).every(([name, value]) => row[name] === value);
}

function pick(row: Row, columns: readonly string[]): Row {
  return Object.fromEntries(columns.map((name) => [name, row[name] ?? null]));
}

function distinct(rows: readonly Row[]): Row[] {
  return [...new Map(rows.map((row) => [canonical(row), row])).values()];
}

function texts(rows: readonly Row[]): string[] {
  return sorted(
    rows.map(({ version, position: _p, committedAt: _c, ...row }) => {
      return { row, version: Number(version) };
    }),
  );
}

function sorted(rows: readonly ModelRow[]): string[] {
  return rows.map(canonical).sort();
}
