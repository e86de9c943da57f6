import type { Catalog } from '../../model/catalog.ts';
import { lsnColumn } from '../shipping/system-vectors.ts';
import { storedSource } from './source-sql.ts';
import { SqlParameters } from './sql-parameters.ts';
import { quoteName } from './sql-text.ts';

export interface PositionQuery {
  readonly sql: string;
  readonly parameters: SqlParameters['values'];
}

/** The newest LSN among the rows of all tables that were committed after `afterMs` and up to `timeMs`. */
export function newestCommitted(
  catalog: Catalog,
  afterMs: number | null,
  timeMs: number,
): PositionQuery {
  const parameters = new SqlParameters();
  const moment = (ms: number) =>
    `fromUnixTimestamp64Milli(${parameters.add('Int64', String(ms))}, 'UTC')`;
  const committed = quoteName('committedAt');
  const conditions = [`${committed} <= ${moment(timeMs)}`];
  if (afterMs !== null) conditions.push(`${committed} > ${moment(afterMs)}`);
  const tables = [...catalog.tables.values()];
  return newestOf(catalog, tables, conditions.join(' AND '), parameters);
}

/** The newest LSN of the actions and events of one tick. */
export function newestOfTick(catalog: Catalog, sessionId: string, tick: number): PositionQuery {
  const parameters = new SqlParameters();
  const session = parameters.add('String', sessionId);
  const condition = `${quoteName('sessionId')} = ${session} AND ${quoteName('tick')} = ${parameters.add('UInt32', String(tick))}`;
  const tables = [...catalog.tables.values()].filter(({ kind }) => kind !== 'state');
  return newestOf(catalog, tables, condition, parameters);
}

function newestOf(
  catalog: Catalog,
  tables: readonly Parameters<typeof storedSource>[1][],
  condition: string,
  parameters: SqlParameters,
): PositionQuery {
  const lsn = quoteName(lsnColumn);
  const parts = tables.map(
    (table) =>
      `SELECT max(${lsn}) AS ${lsn} FROM ${storedSource(catalog, table)} WHERE ${condition}`,
  );
  return {
    sql: `SELECT max(${lsn}) FROM (${parts.join(' UNION ALL ')})`,
    parameters: parameters.values,
  };
}
