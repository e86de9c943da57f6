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
 * The rows of a table that meet a condition: appended rows as they are, state rows as they are now,
 * or at the range's end. A state table's newest versions are found among the keys that the condition
 * allows, not among all.
 */
export function tableSource(
  catalog: Catalog,
  table: TableDefinition,
  where: Condition | null,
  parameters: SqlParameters,
  range?: LsnRange,
): Source {
  const columns = catalog.columnsOf(table);
  const stored = `${quoteName(databaseName(catalog.manifest.title))}.${quoteName(storedName(table))}`;
  const lsn = quoteName(lsnColumn);
  const upTo = range ? [`${lsn} <= ${parameters.add('UInt64', String(range.upTo))}`] : [];
  const after =
    range && range.after !== null
      ? [`${lsn} > ${parameters.add('UInt64', String(range.after))}`]
      : [];
  const parts = where === null ? [] : where.kind === 'and' ? where.all : [where];
  const toSql = (part: Condition) => conditionSql(part, columns, parameters);
  if (table.kind !== 'state') {
    return { from: stored, where: conjunction([...upTo, ...after, ...parts.map(toSql)]) };
  }
  const key = new Set(table.key);
  const isOfKey = (part: Condition) => namedColumns(part).every((name) => key.has(name));
  const onKey = parts.filter(isOfKey);
  const onRest = parts.filter((part) => !isOfKey(part));
  const names = storedColumns(table).map((column) => quoteName(column.name));
  const keySql = table.key.map(quoteName).join(', ');
  const from = `(SELECT ${names.join(', ')} FROM ${stored} WHERE ${conjunction([...upTo, ...onKey.map(toSql)])} ORDER BY ${keySql}, ${lsn} DESC LIMIT 1 BY ${keySql})`;
  return {
    from,
    where: conjunction([`${quoteName(deletedColumn)} = 0`, ...after, ...onRest.map(toSql)]),
  };
}

function conjunction(conditions: readonly string[]): string {
  return conditions.length === 0 ? '1' : conditions.join(' AND ');
}
