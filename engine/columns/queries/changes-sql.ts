import type { Catalog } from '../../model/catalog.ts';
import type { ColumnDefinition, TableDefinition } from '../../model/types.ts';
import type { Condition } from '../../query/condition.ts';
import { storedColumns } from '../schema-sql.ts';
import { deletedColumn, lsnColumn } from '../shipping/system-vectors.ts';
import { type Source, splitCondition, storedSource } from './source-sql.ts';
import type { SqlParameters } from './sql-parameters.ts';
import { quoteName } from './sql-text.ts';

export interface ChangedRows extends Source {
  /** A condition on its rows: the row was there at the range's begin, and is not at its end. */
  readonly isGone: string;
}

/** Tells which rows are gone; no manifest may name a column by its second form. */
export function goneMark(columns: ReadonlyMap<string, ColumnDefinition>): ColumnDefinition {
  const name = columns.has('deleted') ? '_deleted' : 'deleted';
  return { name, kind: 'bool', optional: false, list: false, values: [] };
}

/**
 * What turns the rows of a state table that a filter accepts at `after` into those that it accepts
 * at `upTo`: rows written meanwhile, and rows that are gone, as they were deleted or the filter
 * accepts them no longer. A row that came and went between the two is none of these.
 *
 *     after            upTo
 *       │  a₁ ─── a₂    │      a₂
 *       b₁ ──── deleted │      b is gone
 *       │ c₁ ── deleted │      nothing
 *
 * The newest version of a row that changed lies in the range itself, so what did not change is not
 * read but for the keys that are gone.
 */
export function changedRows(
  catalog: Catalog,
  table: TableDefinition,
  where: Condition | null,
  parameters: SqlParameters,
  range: { readonly after: number; readonly upTo: number },
): ChangedRows {
  const stored = storedSource(catalog, table);
  const lsn = quoteName(lsnColumn);
  const after = parameters.add('UInt64', String(range.after));
  const upTo = parameters.add('UInt64', String(range.upTo));
  const { onKey, onRest } = splitCondition(catalog, table, where, parameters);
  const key = table.key.map(quoteName).join(', ');
  const names = storedColumns(table).map((column) => quoteName(column.name));
  const newest = (selected: string, versions: string) =>
    `(SELECT ${selected} FROM ${stored} WHERE ${versions} AND ${onKey} ORDER BY ${key}, ${lsn} DESC LIMIT 1 BY ${key})`;
  const isThere = `(${quoteName(deletedColumn)} = 0 AND ${onRest})`;
  const inRange = `${lsn} > ${after} AND ${lsn} <= ${upTo}`;
  const changedKeys = `SELECT ${key} FROM ${stored} WHERE ${inRange} AND ${onKey}`;
  const before = newest(names.join(', '), `${lsn} <= ${after} AND (${key}) IN (${changedKeys})`);
  const keysBefore = `SELECT ${key} FROM ${before} WHERE ${isThere}`;
  return {
    from: newest(names.join(', '), inRange),
    where: `(${isThere} OR (${key}) IN (${keysBefore}))`,
    isGone: `NOT ${isThere}`,
  };
}
