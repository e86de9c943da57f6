import type { Catalog } from '../../model/catalog.ts';
import { EngineError } from '../../model/errors.ts';
import type { Value } from '../../model/types.ts';
import type { ClientQuery, ColumnClient, ParameterValue } from '../client.ts';
import type { QueryBounds, SqlResult } from '../column-queries.ts';
import { databaseName } from '../schema-sql.ts';
import { checkUserSql, type UserSqlScope } from './user-sql-rules.ts';

export interface UserSql {
  readonly query: string;
  readonly parameters: Readonly<Record<string, Value>>;
  readonly signal: AbortSignal | undefined;
}

/** Runs a user's SELECT, `first` rows at most. */
export async function runUserSql(
  client: ColumnClient,
  catalog: Catalog,
  request: UserSql & { readonly first: number; readonly bounds: QueryBounds },
): Promise<Omit<SqlResult, 'coveredLsn'>> {
  const checked = await checkedUserSql(client, catalog, request);
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
 * A user's text as a query that may run: one SELECT over the title's tables. What runs is the text
 * as ClickHouse's own formatter writes it again, so what was checked is what runs: the check sees
 * no comments, no quoting and no second statement that another parser might read otherwise.
 */
export async function checkedUserSql(
  client: ColumnClient,
  catalog: Catalog,
  request: UserSql,
): Promise<ClientQuery & { readonly settings: Readonly<Record<string, string | number>> }> {
  const database = databaseName(catalog.manifest.title);
  const parameters = readParameters(request.parameters);
  const shared = { author: 'user', database, signal: request.signal } as const;
  const formatted = await client.query({
    ...shared,
    housekeeping: true,
    sql: 'SELECT formatQuerySingleLine({query:String})',
    parameters: { query: request.query },
  });
  const sql = String(formatted.rows[0]?.[0] ?? '');
  const scope = await readScope(client, database);
  const tree = await client.query({
    ...shared,
    housekeeping: true,
    sql: `SELECT explain FROM (EXPLAIN AST ${sql})`,
    parameters,
  });
  checkUserSql(
    tree.rows.map((row) => String(row[0])),
    scope,
  );
  return {
    ...shared,
    sql,
    parameters,
    settings: { readonly: 1, asterisk_include_alias_columns: 1 },
  };
}

const tableFunctions = new WeakMap<ColumnClient, ReadonlySet<string>>();

async function readScope(client: ColumnClient, database: string): Promise<UserSqlScope> {
  let functions = tableFunctions.get(client);
  if (!functions) {
    const { rows } = await client.query({
      sql: 'SELECT lower(name) FROM system.table_functions',
      author: 'engine',
      housekeeping: true,
    });
    functions = new Set(rows.map((row) => String(row[0])));
    tableFunctions.set(client, functions);
  }
  const { rows } = await client.query({
    sql: 'SELECT name FROM system.databases',
    author: 'engine',
    housekeeping: true,
  });
  return { database, databases: rows.map((row) => String(row[0])), tableFunctions: functions };
}

/** Values as ClickHouse's parameters want them; their types stand in the query's text. */
function readParameters(values: Readonly<Record<string, Value>>): Record<string, ParameterValue> {
  const parameters: Record<string, ParameterValue> = {};
  for (const [name, value] of Object.entries(values)) {
    if (!/^\w{1,64}$/.test(name)) {
      throw new EngineError('BAD_USER_INPUT', `"${name}" cannot name a parameter`);
    }
    parameters[name] = parameterValue(name, value);
  }
  return parameters;
}

function parameterValue(name: string, value: Value): ParameterValue {
  if (value instanceof Uint8Array) {
    throw new EngineError('BAD_USER_INPUT', `parameter "${name}": bytes cannot be given; use hex`);
  }
  if (Array.isArray(value)) return value.map((item) => parameterValue(name, item) as never);
  if (typeof value === 'bigint') return String(value);
  return value as ParameterValue;
}
