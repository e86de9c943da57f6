import type { Catalog } from '../../model/catalog.ts';
import type { TableDefinition } from '../../model/types.ts';
import type { Condition } from '../../query/condition.ts';
import { namedColumns } from '../../query/named-columns.ts';
import { databaseName, storedColumns, storedName } from '../schema-sql.ts';
import { deletedColumn, lsnColumn } from '../shipping/system-vectors.ts';
import { conditionSql } from './condition-sql.ts';
import type { SqlParameters } from './sql-parameters.ts';
import { quoteName } from './sql-text.ts';

export interface Source {
  /** A table or a subquery. */
  readonly from: string;
  /** A condition on its rows. */
  readonly where: string;
}

/** The log positions whose rows a query sees. */
export interface LsnRange {
  readonly after: number | null;
  readonly upTo: number;
}

/**
 * The rows of a table that a filter accepts: appended rows as they are, state rows as they are now,
 * or at the range's end. A state table's newest versions are found among the keys that the filter
 * allows, not among all: `beyondKey` is SQL for more that it asks of keys. Which state rows changed in
 * a range is for `changedRows` to say.
 */
export function tableSource(
  catalog: Catalog,
  table: TableDefinition,
  where: Condition | null,
  parameters: SqlParameters,
  range?: LsnRange,
  beyondKey?: string,
): Source {
  const stored = storedSource(catalog, table);
  const lsn = quoteName(lsnColumn);
  const upTo = range ? [`${lsn} <= ${parameters.add('UInt64', String(range.upTo))}`] : [];
  const { onKey, onRest } = splitCondition(catalog, table, where, parameters);
  if (table.kind !== 'state') {
    const after =
      range && range.after !== null
        ? [`${lsn} > ${parameters.add('UInt64', String(range.after))}`]
        : [];
    return { from: stored, where: conjunction([...upTo, ...after, onKey, onRest]) };
  }
  const names = storedColumns(table).map((column) => quoteName(column.name));
  const keySql = table.key.map(quoteName).join(', ');
  const from = `(SELECT ${names.join(', ')} FROM ${stored} WHERE ${conjunction([...upTo, onKey, ...(beyondKey ? [beyondKey] : [])])} ORDER BY ${keySql}, ${lsn} DESC LIMIT 1 BY ${keySql})`;
  return { from, where: conjunction([`${quoteName(deletedColumn)} = 0`, onRest]) };
}

/** The table that holds the rows, of a state table every version of each. */
export function storedSource(catalog: Catalog, table: TableDefinition): string {
  return `${quoteName(databaseName(catalog.manifest.title))}.${quoteName(storedName(table))}`;
}

/** A condition as SQL: what versions of one row have in common, and the rest; whether there is any. */
export function splitCondition(
  catalog: Catalog,
  table: TableDefinition,
  where: Condition | null,
  parameters: SqlParameters,
): { readonly onKey: string; readonly onRest: string; readonly asksMore: boolean } {
  const columns = catalog.columnsOf(table);
  const parts = where === null ? [] : where.kind === 'and' ? where.all : [where];
  const key = new Set(table.key);
  const isOfKey = (part: Condition) => namedColumns(part).every((name) => key.has(name));
  const toSql = (some: readonly Condition[]) =>
    conjunction(some.map((part) => conditionSql(part, columns, parameters)));
  const rest = parts.filter((part) => !isOfKey(part));
  return { onKey: toSql(parts.filter(isOfKey)), onRest: toSql(rest), asksMore: rest.length > 0 };
}

function conjunction(conditions: readonly string[]): string {
  return conditions.length === 0 ? '1' : conditions.join(' AND ');
}
