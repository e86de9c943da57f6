import type { Ticket } from '../../../govern/ticket.ts';
import type { Value } from '../../../model/types.ts';
import type { ClientQuery, ColumnClient } from '../../client.ts';
import type { QueryBounds, SqlResult } from '../../column-queries.ts';
import type { SqlScope } from '../../seen-databases.ts';
import { readTokens } from './lexer.ts';
import { readParameters } from './parameters.ts';
import { checkQueryTree } from './query-tree.ts';
import { refused } from './refusal.ts';
import { writeSql } from './writer.ts';

export interface UserSql {
  readonly query: string;
  readonly parameters: Readonly<Record<string, Value>>;
}

/** Runs a user's SELECT, `first` rows at most. */
export async function runUserSql(
  ticket: Ticket,
  client: ColumnClient,
  scope: SqlScope,
  request: UserSql & { readonly first: number; readonly bounds: QueryBounds },
): Promise<Omit<SqlResult, 'coveredLsn'>> {
  const checked = await checkedUserSql(ticket, client, scope, request);
  const { columns, rows, statistics } = await client.query({
    ...checked,
    settings: {
      ...checked.settings,
      max_result_rows: request.first + 1,
      result_overflow_mode: 'break',
    },
    bounds: request.bounds,
  });
  return {
    columns,
    rows: rows.slice(0, request.first),
    truncated: rows.length > request.first,
    statistics,
  };
}

/**
 * A user's text as a query that may run: one SELECT over the scope's tables, of nothing but what
 * `vocabulary.ts` lists. Twice the same question: of the words, as the text is written again from
 * them (`writer.ts`), and of the tree that ClickHouse makes of what was written (`query-tree.ts`).
 */
export async function checkedUserSql(
  ticket: Ticket,
  client: ColumnClient,
  scope: SqlScope,
  request: UserSql,
): Promise<ClientQuery & { readonly settings: Readonly<Record<string, string | number>> }> {
  const { database } = scope;
  const { sql, parameters: named } = writeSql(readTokens(request.query), database);
  const query: ClientQuery = {
    author: 'user',
    database,
    ticket,
    sql,
    shown: request.query,
    parameters: readParameters(request.parameters, named),
    settings: scope.settings,
    secrets: scope.secrets,
  };
  const otherDatabases = await readOtherDatabases(client, database);
  const tree = await client.query({
    ...query,
    housekeeping: true,
    // Read-only mode refuses this form, which runs nothing of what it explains.
    sql: `SELECT explain FROM (EXPLAIN QUERY TREE run_passes = 0 ${sql})`,
  });
  const perhapsFunctions = checkQueryTree(
    tree.rows.map((row) => String(row[0])),
    { ...scope, otherDatabases },
  );
  await requireNoFunctions(client, perhapsFunctions);
  const settings = { ...scope.settings, readonly: 1, asterisk_include_alias_columns: 1 };
  return { ...query, settings };
}

/** Throws what `checkedUserSql` throws, and what ClickHouse says of names and types. Runs nothing. */
export async function describeUserSql(
  ticket: Ticket,
  client: ColumnClient,
  scope: SqlScope,
  request: UserSql & { readonly bounds: QueryBounds },
): Promise<void> {
  const checked = await checkedUserSql(ticket, client, scope, request);
  await client.query({
    ...checked,
    housekeeping: true,
    sql: `DESCRIBE TABLE (${checked.sql})`,
    bounds: request.bounds,
  });
}

/** Functions of the server's own, of which a cluster may have some that were made there. */
async function requireNoFunctions(client: ColumnClient, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  const { rows } = await client.query({
    sql: 'SELECT name FROM system.functions WHERE lower(name) IN {names:Array(String)} LIMIT 1',
    author: 'engine',
    housekeeping: true,
    parameters: { names: names.map((name) => name.toLowerCase()) },
  });
  const name = rows[0]?.[0];
  if (name === undefined) return;
  throw refused(
    `the function ${String(name)} cannot be used; a column of that name is written with its table, as t.${String(name)}`,
  );
}

async function readOtherDatabases(
  client: ColumnClient,
  database: string,
): Promise<ReadonlySet<string>> {
  const { rows } = await client.query({
    sql: 'SELECT lower(name) FROM system.databases WHERE name != {database:String}',
    author: 'engine',
    housekeeping: true,
    parameters: { database },
  });
  const others = new Set(rows.map((row) => String(row[0])));
  for (const fixed of ['system', 'information_schema']) others.add(fixed);
  return others;
}

/** The names in a text, of whatever they are; throws for a text that is none. */
export function namesInSql(query: string): ReadonlySet<string> {
  const tokens = readTokens(query);
  return new Set(
    tokens.flatMap(({ kind, text }) => (kind === 'word' || kind === 'name' ? [text] : [])),
  );
}
