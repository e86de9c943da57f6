import type { SeenTable } from '../../access/seen-tables.ts';
import type { Catalog } from '../../model/catalog.ts';
import type { TableDefinition } from '../../model/types.ts';
import { storedColumns, storedName } from '../schema-sql.ts';
import { deletedColumn } from '../shipping/system-vectors.ts';
import { nullSql } from '../stored-kinds.ts';
import { type PadsSql, pseudonymSql } from './pseudonym-sql.ts';
import { type Source, splitCondition, storedSource, tableSource } from './source-sql.ts';
import type { SqlParameters } from './sql-parameters.ts';
import { quoteName } from './sql-text.ts';

/** A name in a user's SQL, and the SELECT that it stands for. */
export interface SeenSource {
  readonly name: string;
  readonly sql: string;
  readonly columns: readonly string[];
}

/**
 * The sources by which somebody's SQL sees one table: its rows, of a state table as they are now, and
 * beside them every version. `pads` is null where pseudonyms cannot be made: those columns are left out.
 */
export function seenSources(
  catalog: Catalog,
  seen: SeenTable,
  parameters: SqlParameters,
  pads: PadsSql | null,
): readonly SeenSource[] {
  const table = catalog.table(seen.table);
  const rows = tableSource(catalog, table, seen.condition, parameters);
  const sources = [seenSource(table, seen, table.name, rows, pads)];
  if (table.kind === 'state') {
    const versions = versionsSource(catalog, table, seen, parameters);
    sources.push(seenSource(table, seen, storedName(table), versions, pads));
  }
  return sources;
}

/**
 * The versions whose values the condition accepts. A deletion holds a key and no values, so where the
 * condition asks of more than the key no deletion is seen: its emptiness could be what is accepted.
 */
function versionsSource(
  catalog: Catalog,
  table: TableDefinition,
  { condition }: SeenTable,
  parameters: SqlParameters,
): Source {
  const { onKey, onRest, asksMore } = splitCondition(catalog, table, condition, parameters);
  const rest = asksMore ? ` AND ${quoteName(deletedColumn)} = 0 AND ${onRest}` : '';
  return { from: storedSource(catalog, table), where: `${onKey}${rest}` };
}

function seenSource(
  table: TableDefinition,
  { condition, columns }: SeenTable,
  name: string,
  rows: Source,
  pads: PadsSql | null,
): SeenSource {
  const shown = new Map(columns.map((column) => [column.column, column.shown]));
  const declared = new Map(table.columns.map((column) => [column.name, column]));
  const isCurrent = name === table.name;
  const inner: string[] = [];
  const outer: string[] = [];
  const names: string[] = [];
  for (const { name: column } of storedColumns(table)) {
    if (column === deletedColumn && isCurrent) continue;
    const definition = declared.get(column);
    const as = definition === undefined ? 'plain' : shown.get(column);
    if (as === undefined || (as === 'hash' && pads === null)) continue;
    names.push(column);
    if (as === 'null' && definition !== undefined) {
      outer.push(`${nullSql(definition)} AS ${quoteName(column)}`);
      continue;
    }
    inner.push(quoteName(column));
    outer.push(
      as === 'hash' && pads !== null
        ? `${pseudonymSql(table.name, column, pads)} AS ${quoteName(column)}`
        : quoteName(column),
    );
  }
  const seen = `SELECT ${inner.join(', ')} FROM ${rows.from} WHERE ${rows.where}`;
  const rule = condition === null ? seen : barred(seen);
  return { name, columns: names, sql: `SELECT ${outer.join(', ')} FROM (${rule})` };
}

/**
 * The rows of a SELECT behind a LIMIT that no table reaches. What a query does with rows cannot be moved
 * to before a LIMIT, as that would change which rows it lets through: so a user's expressions see only
 * rows that the rule lets pass, where without it ClickHouse may compute them first, and their errors
 * tell of the others. It reads in parallel as before.
 */
export function barred(sql: string): string {
  return `${sql} LIMIT 9223372036854775807`;
}
