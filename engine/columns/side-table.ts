import { Readable } from 'node:stream';
import type { Ticket } from '../govern/ticket.ts';
import { kindOf } from '../model/kinds.ts';
import type { Lsn } from '../model/position.ts';
import type { ColumnDefinition, Row, Scalar, Value } from '../model/types.ts';
import type { Condition } from '../query/condition.ts';
import {
  decodeCursor,
  encodeCursor,
  type ListIdentity,
  type OrderKey,
} from '../query/page-cursor.ts';
import type { RowPage } from '../state/state-reader.ts';
import { type ArrowField, fieldOf } from '../vectors/arrow/arrow-type.ts';
import type { ColumnClient } from './client.ts';
import type { ExportRequest, QueryBounds, QueryStatistics } from './column-queries.ts';
import type { ColumnsHost } from './columns-host.ts';
import { commitColumns, commitTable } from './commit-rows.ts';
import { exportQuery } from './export.ts';
import { conditionSql } from './queries/condition-sql.ts';
import { SqlParameters } from './queries/sql-parameters.ts';
import { ownName, quoteName } from './queries/sql-text.ts';
import { databaseName } from './schema-sql.ts';
import { clickHouseType, exportedType, exportSql, readableSql, readValue } from './stored-kinds.ts';

export interface SideTableDefinition {
  /** Without the underscore that sets it apart from a manifest's tables. */
  readonly name: string;
  /** The first is the key, a `u64` that rises; the second a timestamp, by whose age rows go. */
  readonly columns: readonly [ColumnDefinition, ColumnDefinition, ...ColumnDefinition[]];
  /** The title's commits are listed among its rows, each as the columns that both have. */
  readonly withCommits?: true;
}

export interface SideListRequest {
  readonly where: Condition | null;
  readonly first: number;
  readonly after: string | null;
  readonly bounds: QueryBounds;
}

/** Which rows to export: those a condition accepts, up to a key. */
export interface SideExportRequest
  extends Pick<ExportRequest, 'format' | 'compression'>,
    Pick<SideListRequest, 'where'> {
  readonly upToKey: bigint;
  /** Commits up to here, where they are among the rows. */
  readonly upToLsn?: Lsn;
}

/**
 * A table in a title's database that is no table of its manifest: rows in the order of a key, brought
 * here by whoever keeps them elsewhere too. A row that is inserted twice is there once. No SQL of a
 * user can name it. It is read in the order of its times, and of keys where times are the same.
 */
export class SideTable {
  readonly #host: ColumnsHost;
  readonly #client: ColumnClient;
  readonly #definition: SideTableDefinition;
  readonly #columns: ReadonlyMap<string, ColumnDefinition>;
  readonly #name: string;
  readonly #commits: string;

  /** Makes it where it is absent, with the columns that it lacks. `keepDays`: null keeps all rows. */
  static async open(
    host: ColumnsHost,
    title: string,
    definition: SideTableDefinition,
    keepDays: number | null,
  ): Promise<SideTable> {
    const client = host.connect();
    // It waits for nothing that it lacked: the title's own tables decide when ClickHouse yields.
    host.caughtUp(client);
    try {
      const table = new SideTable(host, client, title, definition);
      await table.#prepare(title, keepDays);
      return table;
    } catch (error) {
      await host.leave(client);
      throw error;
    }
  }

  private constructor(
    host: ColumnsHost,
    client: ColumnClient,
    title: string,
    definition: SideTableDefinition,
  ) {
    this.#host = host;
    this.#client = client;
    this.#definition = definition;
    this.#columns = new Map(definition.columns.map((column) => [column.name, column]));
    const database = quoteName(databaseName(title));
    this.#name = `${database}.${quoteName(ownName(definition.name))}`;
    this.#commits = `${database}.${quoteName(commitTable)}`;
  }

  /** The key of the last row; 0 where there is none. */
  async lastKey(): Promise<bigint> {
    const { rows } = await this.#client.query({
      sql: `SELECT max(${this.#key}) FROM ${this.#name}`,
      author: 'engine',
      housekeeping: true,
    });
    return BigInt(String(rows[0]?.[0] ?? 0));
  }

  /** Durable when it resolves. After an error the same rows may be inserted again. */
  async insert(rows: readonly Row[]): Promise<void> {
    const { columns } = this.#definition;
    const names = columns.map(({ name }) => quoteName(name)).join(', ');
    const lines = rows.map(
      (row) =>
        `${JSON.stringify(columns.map((column) => jsonOf(column, row[column.name] ?? null)))}\n`,
    );
    const into = `INSERT INTO ${this.#name} (${names}) FORMAT JSONCompactEachRow`;
    const id = `${this.#name}:${rows.length}:${performance.now()}`;
    await this.#client.insert(into, id, () => Readable.from(lines), { async_insert: 0 });
  }

  /** Removes the rows behind a key, which whoever keeps them does not have. */
  async deleteAfter(key: bigint): Promise<void> {
    await this.#delete(`${this.#key} > ${key}`);
  }

  async deleteBefore(key: bigint): Promise<void> {
    await this.#delete(`${this.#key} < ${key}`);
  }

  /** A page of rows, the newest first. */
  async list(
    ticket: Ticket,
    request: SideListRequest,
  ): Promise<RowPage & { readonly statistics: QueryStatistics }> {
    const { columns } = this.#definition;
    const order = this.#order('DESC');
    const list: ListIdentity = {
      table: ownName(this.#definition.name),
      order,
      where: request.where,
    };
    const parameters = new SqlParameters();
    const after = request.after === null ? null : decodeCursor(list, request.after);
    const conditions = [this.#condition(request.where, parameters)];
    if (after !== null) conditions.push(this.#before(after, parameters));
    const end = `ORDER BY ${orderSqlOf(order)} LIMIT ${request.first + 1}`;
    // Each part by itself first: the newest of it are read, and no others.
    const parts = this.#parts(conditions).map((part) => `(${part} ${end})`);
    const { rows: answer, statistics } = await this.#client.query({
      sql: `SELECT ${columns.map((column, i) => `${readableSql(column)} AS ${ownName(`c${i}`)}`).join(', ')}, ${isCommit}
FROM (${parts.join('\nUNION ALL\n')})
${end}`,
      author: 'engine',
      parameters: parameters.values,
      bounds: request.bounds,
      ticket,
    });
    const shown = answer.slice(0, request.first);
    const rows = shown.map(
      (values): Row =>
        Object.fromEntries(columns.map((column, i) => [column.name, readValue(column, values[i])])),
    );
    const [key, time] = columns;
    const cursorAt = (index: number) => {
      const row = rows[index];
      const ofCommit = Number(shown[index]?.[columns.length] ?? 0);
      return encodeCursor(list, [row?.[time.name] ?? null, ofCommit, row?.[key.name] ?? null]);
    };
    return {
      rows,
      endCursor: rows.length === 0 ? null : cursorAt(rows.length - 1),
      hasNextPage: answer.length > request.first,
      rowsRead: statistics.rowsRead,
      cursorAt,
      statistics,
    };
  }

  /** One valid stream or file, the oldest row first, in constant memory. */
  export(ticket: Ticket, request: SideExportRequest): Promise<AsyncIterable<Uint8Array>> {
    const { columns } = this.#definition;
    const parameters = new SqlParameters();
    const upTo = parameters.add('UInt64', String(request.upToKey));
    const upToLsn = parameters.add('UInt64', String(request.upToLsn ?? 0));
    const conditions = [
      `${this.#key} <= if(${isCommit} = 1, ${upToLsn}, ${upTo})`,
      this.#condition(request.where, parameters),
    ];
    const selected = columns.map((column) => `${exportSql(column)} AS ${quoteName(column.name)}`);
    const fields: ArrowField[] = columns.map((column) => fieldOf(column, exportedType(column)));
    const parts = this.#parts(conditions);
    const sql = `SELECT ${selected.join(', ')} FROM (${parts.join(' UNION ALL ')}) ORDER BY ${orderSqlOf(this.#order('ASC'))}`;
    return exportQuery(this.#client, request, {
      query: {
        sql,
        author: 'engine',
        ticket,
        parameters: parameters.values,
        settings: {
          prefer_column_name_to_alias: 1,
          max_bytes_before_external_sort: sortBytesMax,
        },
      },
      fields,
      bytesColumns: new Set(),
    });
  }

  close(): Promise<void> {
    return this.#host.leave(this.#client);
  }

  get #key(): string {
    return quoteName(this.#definition.columns[0].name);
  }

  /** By time, then by where a row comes from, then by key there: no two rows are at the same place. */
  #order(direction: OrderKey['direction']): readonly OrderKey[] {
    const [key, time] = this.#definition.columns;
    return [time, isCommitColumn, key].map((column) => ({ column, direction }));
  }

  /** The rows behind a place, going back in time. */
  #before([time, ofCommit, key]: readonly (Scalar | null)[], parameters: SqlParameters): string {
    const [, timeColumn] = this.#definition.columns;
    const at = quoteName(timeColumn.name);
    const end = parameters.scalar(timeColumn, time ?? 0);
    const place = `(${parameters.add('UInt8', String(ofCommit))}, ${parameters.add('UInt64', String(key))})`;
    return `${at} <= ${end} AND (${at} < ${end} OR (${isCommit}, ${this.#key}) < ${place})`;
  }

  /** What rows are listed of: the table, and the title's commits in its columns. */
  #parts(conditions: readonly string[]): readonly string[] {
    const { columns, withCommits } = this.#definition;
    const names = columns.map(({ name }) => quoteName(name)).join(', ');
    const where = conditions.map((condition) => `(${condition})`).join(' AND ');
    const own = `SELECT ${names}, 0 AS ${isCommit} FROM ${this.#name} FINAL`;
    const parts = [own];
    if (withCommits) {
      const commits = columns.map(
        (column, i) => `${commitSql(column, i)} AS ${quoteName(column.name)}`,
      );
      parts.push(`SELECT ${commits.join(', ')}, 1 AS ${isCommit} FROM ${this.#commits}`);
    }
    return parts.map((part) => `SELECT ${names}, ${isCommit} FROM (${part}) WHERE ${where}`);
  }

  #condition(where: Condition | null, parameters: SqlParameters): string {
    return where === null ? '1' : conditionSql(where, this.#columns, parameters);
  }

  async #delete(condition: string): Promise<void> {
    await this.#client.command(
      `ALTER TABLE ${this.#name} DELETE WHERE ${condition} SETTINGS mutations_sync = 2`,
    );
  }

  async #prepare(title: string, keepDays: number | null): Promise<void> {
    const database = databaseName(title);
    const { columns, name } = this.#definition;
    const [key, time] = columns;
    const ttl =
      keepDays === null ? '' : `toDateTime(${quoteName(time.name)}) + toIntervalDay(${keepDays})`;
    await this.#client.command(`CREATE DATABASE IF NOT EXISTS ${quoteName(database)}`);
    await this.#client.command(
      `CREATE TABLE IF NOT EXISTS ${this.#name} (
  ${columns.map((column) => `${quoteName(column.name)} ${clickHouseType(column)}`).join(',\n  ')}
) ENGINE = ReplacingMergeTree ORDER BY ${quoteName(key.name)}${ttl === '' ? '' : ` TTL ${ttl}`}
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1`,
    );
    const { rows } = await this.#client.query({
      sql: `SELECT create_table_query FROM system.tables WHERE database = {database:String} AND name = {name:String}`,
      author: 'engine',
      housekeeping: true,
      parameters: { database, name: ownName(name) },
    });
    const definition = String(rows[0]?.[0] ?? '');
    for (const column of columns) {
      if (definition.includes(`${quoteName(column.name)} `)) continue;
      await this.#client.command(
        `ALTER TABLE ${this.#name} ADD COLUMN IF NOT EXISTS ${quoteName(column.name)} ${clickHouseType(column)}`,
      );
    }
    const kept = / TTL .*toIntervalDay\((\d+)\)/.exec(definition)?.[1] ?? null;
    if (kept === (keepDays === null ? null : String(keepDays))) return;
    await this.#client.command(
      `ALTER TABLE ${this.#name} ${ttl === '' ? 'REMOVE TTL' : `MODIFY TTL ${ttl}`}`,
      // Rows go as parts are merged: no start waits for that.
      { materialize_ttl_after_modify: 0 },
    );
  }
}

/** Tells rows of commits from the table's own, which may have the same keys and times. */
const isCommit = ownName('commit');
const isCommitColumn: ColumnDefinition = {
  name: isCommit,
  kind: 'u8',
  optional: false,
  list: false,
  values: [],
};

/** What a sort has in memory; the rest of it waits in files. */
const sortBytesMax = 256 * 1024 * 1024;

function orderSqlOf(order: readonly OrderKey[]): string {
  return order.map(({ column, direction }) => `${quoteName(column.name)} ${direction}`).join(', ');
}

/** A column of the table for a commit. The first two keep their types, so that the order is found as it is stored. */
function commitSql(column: ColumnDefinition, index: number): string {
  const sql = commitColumns.get(column.name) ?? (column.list ? '[]' : 'NULL');
  return index < 2 ? sql : `CAST(${sql} AS ${clickHouseType(column)})`;
}

/** A value as ClickHouse reads it in JSON. */
function jsonOf(column: ColumnDefinition, value: Value): unknown {
  if (value === null) return null;
  if (kindOf(column).form === 'timestamp') {
    return new Date(Number(value)).toISOString().replace('T', ' ').replace('Z', '');
  }
  return typeof value === 'bigint' ? String(value) : value;
}
