import { setTimeout as sleep } from 'node:timers/promises';
import type { SeenTables } from '../access/seen-tables.ts';
import { Ticket } from '../govern/ticket.ts';
import type { Catalog } from '../model/catalog.ts';
import { limits } from '../model/limits.ts';
import type { Lsn } from '../model/position.ts';
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
import { planGroups } from './queries/groups-sql.ts';
import { planList } from './queries/list-sql.ts';
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
  readonly seen: SeenDatabases;
  /** What ends with the store. */
  readonly lifetime: Lifetime;
}

/** One title's columns in ClickHouse. */
export class ClickHouseStore implements OpenColumnStore {
  readonly #catalog: Catalog;
  readonly #client: ColumnClient;
  readonly #tailer: Tailer;
  readonly #host: ColumnsHost;
  readonly #mergePause: MergePause | null;
  readonly #lifetime: Lifetime;
  readonly #seen: SeenDatabases;

  constructor(parts: StoreParts) {
    this.#catalog = parts.catalog;
    this.#client = parts.client;
    this.#tailer = parts.tailer;
    this.#host = parts.host;
    this.#mergePause = parts.mergePause;
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
    ticket.check();
    const plan = planList(ticket, this.#catalog, request);
    const coveredLsn = this.coveredLsn;
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
    ticket.check();
    const plan = planGroups(ticket, this.#catalog, request);
    const coveredLsn = this.coveredLsn;
    const { rows, statistics } = await this.#client.query(plan.query);
    const shown = rows.slice(0, request.first);
    return {
      groups: shown.map((row) => plan.read(row)),
      truncated: rows.length > shown.length,
      coveredLsn,
      statistics,
    };
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
