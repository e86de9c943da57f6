import { Readable } from 'node:stream';
import type { Ticket } from '../govern/ticket.ts';
import { kindOf } from '../model/kinds.ts';
import type { ColumnDefinition, Row, Value } from '../model/types.ts';
import type { Condition } from '../query/condition.ts';
import { decodeCursor, encodeCursor, type ListIdentity } from '../query/page-cursor.ts';
import type { RowPage } from '../state/state-reader.ts';
import { type ArrowField, fieldOf } from '../vectors/arrow/arrow-type.ts';
import type { ColumnClient } from './client.ts';
import type { ExportRequest, QueryBounds, QueryStatistics } from './column-queries.ts';
import type { ColumnsHost } from './columns-host.ts';
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
}

/**
 * A table in a title's database that is no table of its manifest: rows in the order of a key, brought
 * here by whoever keeps them elsewhere too. A row that is inserted twice is there once. No SQL of a
 * user can name it.
 */
export class SideTable {
  readonly #host: ColumnsHost;
  readonly #client: ColumnClient;
  readonly #definition: SideTableDefinition;
  readonly #columns: ReadonlyMap<string, ColumnDefinition>;
  readonly #name: string;

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
    this.#name = `${quoteName(databaseName(title))}.${quoteName(ownName(definition.name))}`;
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
    const [keyColumn] = columns;
    const order = [{ column: keyColumn, direction: 'DESC' as const }];
    const list: ListIdentity = {
      table: ownName(this.#definition.name),
      order,
      where: request.where,
    };
    const parameters = new SqlParameters();
    const conditions = [this.#condition(request.where, parameters)];
    if (request.after !== null) {
      const [key = null] = decodeCursor(list, request.after);
      conditions.push(`${this.#key} < ${parameters.add('UInt64', String(key))}`);
    }
    const { rows: answer, statistics } = await this.#client.query({
      sql: `SELECT ${columns.map((column, i) => `${readableSql(column)} AS ${ownName(`c${i}`)}`).join(', ')}
FROM ${this.#name} FINAL
WHERE ${conditions.join(' AND ')}
ORDER BY ${this.#key} DESC
LIMIT ${request.first + 1}`,
      author: 'engine',
      parameters: parameters.values,
      bounds: request.bounds,
      ticket,
    });
    const rows = answer
      .slice(0, request.first)
      .map(
        (values): Row =>
          Object.fromEntries(
            columns.map((column, i) => [column.name, readValue(column, values[i])]),
          ),
      );
    const cursorAt = (index: number) => encodeCursor(list, [rows[index]?.[keyColumn.name] ?? null]);
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
    const upTo = `${this.#key} <= ${parameters.add('UInt64', String(request.upToKey))}`;
    const selected = columns.map((column) => `${exportSql(column)} AS ${quoteName(column.name)}`);
    const fields: ArrowField[] = columns.map((column) => fieldOf(column, exportedType(column)));
    const sql = `SELECT ${selected.join(', ')} FROM ${this.#name} FINAL WHERE ${upTo} AND ${this.#condition(request.where, parameters)} ORDER BY ${this.#key}`;
    return exportQuery(this.#client, request, {
      query: {
        sql,
        author: 'engine',
        ticket,
        parameters: parameters.values,
        settings: { prefer_column_name_to_alias: 1 },
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

/** A value as ClickHouse reads it in JSON. */
function jsonOf(column: ColumnDefinition, value: Value): unknown {
  if (value === null) return null;
  if (kindOf(column).form === 'timestamp') {
    return new Date(Number(value)).toISOString().replace('T', ' ').replace('Z', '');
  }
  return typeof value === 'bigint' ? String(value) : value;
}
