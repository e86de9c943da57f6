import { hidesRows, type SqlResult } from '../engine/index.ts';
import { EngineError } from '../engine/model/errors.ts';
import { holdsExactNumbers, jsonNumberChanges } from '../engine/model/json-number.ts';
import { limits } from '../engine/model/limits.ts';
import type { Scalar, Value } from '../engine/model/types.ts';
import { audited } from './audited.ts';
import { authoriseCapability, authoriseSql } from './authorise.ts';
import type { RequestContext } from './context.ts';
import { waitForCovered } from './fresh-reads.ts';
import { sqlShape } from './insight/sql-shape.ts';
import { pageSizeOf, queryBoundsOf, withinClass } from './query-bounds.ts';
import type { RunningQuery } from './running-queries.ts';

export interface SqlArguments {
  readonly query: string;
  readonly parameters?: unknown;
  readonly first?: number | null | undefined;
  readonly minPosition?: string | null | undefined;
}

/** Read-only SQL on the column store, within the bounds of the request's class. */
export async function sql(
  _root: unknown,
  args: SqlArguments,
  context: RequestContext,
): Promise<SqlResult> {
  const seen = authoriseSql(context, args.query);
  const parameters = sqlParameters(args.parameters);
  const first = pageSizeOf(args.first);
  const { columns } = context.engine;
  context.report.runsSql(sqlShape(args.query));
  const shown = { field: 'sql', sql: shownSql(args.query) };
  const bounds = queryBoundsOf(context.ticket);
  const ask = async () => {
    await waitForCovered(context, args.minPosition);
    return context.running.run(context.ticket, shown, (ticket) =>
      columns.sql(withinClass(ticket), args.query, parameters, first, bounds, seen),
    );
  };
  const told = { details: { sql: shown.sql } };
  const result = await audited(context, 'query.sql', told, ask, ({ statistics, coveredLsn }) => ({
    lsn: coveredLsn,
    rowsRead: statistics.rowsRead,
    bytesRead: statistics.bytesRead,
  }));
  if (hidesRows(seen)) context.report.ranUntold(result.statistics, result.rows.length);
  else context.report.ranQuery(result.statistics);
  return result;
}

/** SQL as the audit and the list of running queries show it: its start, where it is long. */
export function shownSql(query: string): string {
  const max = limits.sqlShownLengthMax;
  return query.length <= max ? query : `${query.slice(0, max)}… (${query.length} characters)`;
}

/** Rows as JSON: integers wider than a number holds are digits. */
export function sqlRows(result: SqlResult): readonly unknown[] {
  return result.rows;
}

export function runningQueries(
  _root: unknown,
  _args: unknown,
  context: RequestContext,
): readonly RunningQuery[] {
  authoriseCapability(context, 'kill');
  return context.running.list();
}

export function runningSince(query: RunningQuery): number {
  return query.startedAtMs;
}

/**
 * Stops a query by its id; true when such a query ran and was told to stop. Exports run in the store
 * under ids of its own.
 */
export async function killQuery(
  _root: unknown,
  args: { readonly id: string },
  context: RequestContext,
): Promise<boolean> {
  authoriseCapability(context, 'kill');
  const { ticket, engine, running } = context;
  return audited(
    context,
    'query.kill',
    { details: { queryId: args.id } },
    async () => running.kill(args.id) || (await engine.columns.kill(ticket, args.id)),
    (killed) => ({ outcome: killed ? 'done' : 'failed' }),
  );
}

/** Parameters of SQL: an object of scalars and lists of them. */
export function sqlParameters(input: unknown): Readonly<Record<string, Value>> {
  if (input === null || input === undefined) return {};
  if (typeof input !== 'object' || Array.isArray(input)) throw badParameter('parameters');
  return Object.fromEntries(
    Object.entries(input).map(([name, value]): [string, Value] => {
      const isList = Array.isArray(value) && value.every(isScalar);
      if (value !== null && !isScalar(value) && !isList) throw badParameter(`parameters.${name}`);
      if (!holdsExactNumbers(value)) throw jsonNumberChanges(`parameters.${name}`);
      return [name, value];
    }),
  );
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function badParameter(path: string): EngineError {
  return new EngineError(
    'BAD_USER_INPUT',
    `${path}: parameters are an object of texts, numbers, true, false, null and lists of those`,
    { details: { path } },
  );
}
