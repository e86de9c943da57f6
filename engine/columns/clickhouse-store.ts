import { setTimeout as sleep } from 'node:timers/promises';
import type { SeenTables } from '../access/seen-tables.ts';
import { Ticket } from '../govern/ticket.ts';
import type { Catalog } from '../model/catalog.ts';
import { limits } from '../model/limits.ts';
import { asLsn, type Lsn, lsnZero } from '../model/position.ts';
import type { Row, Value } from '../model/types.ts';
import type { ChangeSet } from '../state/change-set.ts';
import type { Lifetime } from '../time/lifetime.ts';
import type { ColumnClient } from './client.ts';
import type {
  ColumnListRequest,
  ExportRequest,
  GroupsRequest,
  GroupsResult,
  QueryBounds,
  RunningColumnQuery,
  SqlResult,
} from './column-queries.ts';
import type { ColumnsHost } from './columns-host.ts';
import { exportRows } from './export.ts';
import type { MergePause } from './merge-pause.ts';
import type { OpenColumnStore } from './open-column-store.ts';
import { GroupsPlan, type PlannedGroup } from './queries/groups-sql.ts';
import { planList } from './queries/list-sql.ts';
import { newestCommitted, newestOfTick, type PositionQuery } from './queries/position-sql.ts';
import { refuseScan } from './queries/refuse-scan.ts';
import { describeUserSql, runUserSql } from './queries/user-sql/user-sql.ts';
import { databaseName } from './schema-sql.ts';
import type { SeenDatabases } from './seen-databases.ts';
import type { FoundBacklog } from './shipping/kept-backlog.ts';
import { readValue } from './stored-kinds.ts';
import type { Tailer } from './tailer.ts';

export interface StoreParts {
  readonly catalog: Catalog;
  readonly client: ColumnClient;
  readonly tailer: Tailer;
  readonly host: ColumnsHost;
  /** Null where merges are not ours to stop. */
  readonly mergePause: MergePause | null;
  readonly scanRowsMax: number;
  readonly seen: SeenDatabases;
  /** What ends with the store. */
  readonly lifetime: Lifetime;
}

const hourMs = 3_600_000;

/** One title's columns in ClickHouse. */
export class ClickHouseStore implements OpenColumnStore {
  readonly #catalog: Catalog;
  readonly #client: ColumnClient;
  readonly #tailer: Tailer;
  readonly #host: ColumnsHost;
  readonly #mergePause: MergePause | null;
  readonly #scanRowsMax: number;
  readonly #lifetime: Lifetime;
  readonly #seen: SeenDatabases;

  constructor(parts: StoreParts) {
    this.#catalog = parts.catalog;
    this.#client = parts.client;
    this.#tailer = parts.tailer;
    this.#host = parts.host;
    this.#mergePause = parts.mergePause;
    this.#scanRowsMax = parts.scanRowsMax;
    this.#lifetime = parts.lifetime;
    this.#seen = parts.seen;
  }

  get coveredLsn(): Lsn {
    return this.#tailer.coveredLsn;
  }

  get neededFromLsn(): Lsn {
    return this.#tailer.neededFromLsn;
  }

  get heldLsn(): Lsn {
    return this.#tailer.heldLsn;
  }

  get outOfRoom() {
    return this.#tailer.outOfRoom;
  }

  get advancedLsn(): Lsn {
    return this.#tailer.advancedLsn;
  }

  get backlog() {
    return this.#tailer.backlog;
  }

  get trouble(): string | null {
    return this.#host.trouble;
  }

  get childPid(): number | null {
    return this.#host.childPid;
  }

  get childStartSeconds(): number | null {
    return this.#host.childStartSeconds;
  }

  async rewind(lsn: Lsn): Promise<void> {
    await this.#mergePause?.end();
    await this.#tailer.rewind(lsn);
  }

  resume(lsn: Lsn, backlog: FoundBacklog): Promise<string | null> {
    return this.#tailer.resume(lsn, backlog);
  }

  cutBacklog() {
    return this.#tailer.cutBacklog();
  }

  offer(changes: ChangeSet): void {
    this.#tailer.offer(changes);
  }

  advance(lsn: Lsn): void {
    this.#tailer.advance(lsn);
  }

  recovered(lsn: Lsn): void {
    const catchingUp = Ticket.internal('catching up').within(limits.columnsCatchUpMs);
    const settled = this.#tailer.waitForCovered(catchingUp, lsn).catch(() => {});
    void settled.then(() => {
      this.#host.caughtUp(this.#client);
      // Where that fails it is tried again.
      this.#mergePause?.end().catch(() => {});
    });
  }

  waitForCovered(ticket: Ticket, lsn: Lsn): Promise<void> {
    return this.#tailer.waitForCovered(ticket, lsn);
  }

  async list(ticket: Ticket, request: ColumnListRequest) {
    const { coveredLsn, upTo } = await this.#placed(ticket, request);
    const plan = planList(ticket, this.#catalog, request, upTo);
    const { rows: answer, statistics } = await this.#client.query(plan.query);
    const rows = answer.slice(0, request.first).map((values) => {
      const row: Record<string, Value> = {};
      plan.columns.forEach((column, i) => {
        row[column.name] = readValue(column, values[i]);
      });
      return row;
    });
    const cursorAt = (index: number) => plan.cursorOf(rows[index] as Row);
    return {
      rows,
      endCursor: rows.length === 0 ? null : cursorAt(rows.length - 1),
      hasNextPage: answer.length > request.first,
      rowsRead: statistics.rowsRead,
      cursorAt,
      coveredLsn,
      statistics,
    };
  }

  async groups(ticket: Ticket, request: GroupsRequest): Promise<GroupsResult> {
    const plan = new GroupsPlan(this.#catalog, request);
    const placed = await this.#placed(ticket, { ...request, asOf: plan.asOf });
    const { coveredLsn } = placed;
    // The next pages are as of the position that this one says.
    const upTo = request.isPaged ? coveredLsn : placed.upTo;
    const { rows, statistics } = await this.#client.query(plan.query(ticket, upTo));
    const groups = rows.slice(0, request.first).map((row) => plan.read(row));
    return {
      groups: groups.map(({ group }) => group),
      truncated: rows.length > groups.length,
      cursorAt: (index) => plan.cursorOf(groups[index] as PlannedGroup, coveredLsn),
      coveredLsn,
      statistics,
    };
  }

  async positionAt(ticket: Ticket, timeMs: number): Promise<Lsn> {
    ticket.check();
    await this.#tailer.waitForCovered(ticket, this.#tailer.advancedLsn);
    // As positions rise, so do times: what is looked for lies among the newest rows up to then.
    for (const windowMs of [hourMs, 24 * hourMs, null]) {
      const afterMs = windowMs === null ? null : timeMs - windowMs;
      const lsn = await this.#newest(ticket, newestCommitted(this.#catalog, afterMs, timeMs));
      if (lsn > lsnZero) return lsn;
    }
    return lsnZero;
  }

  async positionOfTick(ticket: Ticket, sessionId: string, tick: number): Promise<Lsn | null> {
    ticket.check();
    await this.#tailer.waitForCovered(ticket, this.#tailer.advancedLsn);
    const lsn = await this.#newest(ticket, newestOfTick(this.#catalog, sessionId, tick));
    return lsn > lsnZero ? lsn : null;
  }

  async #newest(ticket: Ticket, { sql, parameters }: PositionQuery): Promise<Lsn> {
    const { rows } = await this.#client.query({ sql, parameters, author: 'engine', ticket });
    return asLsn(Number(rows[0]?.[0] ?? 0));
  }

  get makesPseudonyms(): boolean {
    return this.#seen.makesPseudonyms;
  }

  async sql(
    ticket: Ticket,
    query: string,
    parameters: Readonly<Record<string, Value>>,
    first: number,
    bounds: QueryBounds,
    seen: SeenTables,
  ): Promise<SqlResult> {
    ticket.check();
    const coveredLsn = this.coveredLsn;
    const scope = await this.#seen.hold(seen);
    try {
      const asked = { query, parameters, first, bounds };
      return { ...(await runUserSql(ticket, this.#client, scope, asked)), coveredLsn };
    } finally {
      scope.release();
    }
  }

  async checkSql(
    ticket: Ticket,
    query: string,
    parameters: Readonly<Record<string, Value>>,
    bounds: QueryBounds,
    seen: SeenTables,
  ): Promise<void> {
    ticket.check();
    const scope = await this.#seen.hold(seen);
    try {
      await describeUserSql(ticket, this.#client, scope, { query, parameters, bounds });
    } finally {
      scope.release();
    }
  }

  async export(ticket: Ticket, request: ExportRequest): Promise<AsyncIterable<Uint8Array>> {
    ticket.check();
    return exportRows(ticket, this.#client, this.#catalog, this.#seen, request);
  }

  /**
   * Up to where an answer is complete, and up to where rows are looked at: state rows are exactly those
   * of one position, for the newest versions would be of none; appended ones are as they are.
   */
  async #placed(
    ticket: Ticket,
    { table: name, where, asOf }: Pick<ColumnListRequest, 'table' | 'where' | 'asOf'>,
  ): Promise<{ readonly coveredLsn: Lsn; readonly upTo: Lsn | null }> {
    ticket.check();
    const table = this.#catalog.table(name);
    if (ticket.queryClass === 'GAMEPLAY' && this.#tailer.rowsOf(name) > this.#scanRowsMax) {
      refuseScan(table, where, this.#scanRowsMax);
    }
    if (asOf !== null && asOf !== undefined) {
      await this.#tailer.waitForCovered(ticket, asOf);
      return { coveredLsn: asOf, upTo: asOf };
    }
    const { coveredLsn } = this;
    return { coveredLsn, upTo: table.kind === 'state' ? coveredLsn : null };
  }

  async running(ticket: Ticket): Promise<readonly RunningColumnQuery[]> {
    ticket.check();
    return this.#client.running();
  }

  async kill(ticket: Ticket, queryId: string): Promise<boolean> {
    ticket.check();
    return this.#client.kill(queryId);
  }

  async mergesActive(): Promise<number> {
    const database = databaseName(this.#catalog.manifest.title);
    const rows = await this.#host.ask(
      'SELECT count() FROM system.merges WHERE database = {database:String}',
      { database },
    );
    return Number(rows[0]?.[0] ?? 0);
  }

  async close(): Promise<void> {
    // Other titles' tables go on being merged, so those of this one shall not stay stopped.
    const merging = this.#mergePause?.end().catch(() => {});
    const closed = Promise.all([this.#tailer.close(), merging]);
    // An insert that nobody answers is broken off; whether it is in, the next start asks.
    await Promise.race([closed, sleep(limits.columnsCloseWaitMs, null, { ref: false })]);
    await this.#host.leave(this.#client);
    await closed;
    await this.#lifetime.end();
  }
}
