import type { Canary } from '../canary/canary.ts';
import type { ColumnFollower } from '../columns/column-follower.ts';
import type { ColumnQueries } from '../columns/column-queries.ts';
import type { ColumnStore } from '../columns/column-store.ts';
import { ContentionRecorder } from '../govern/contention-recorder.ts';
import type { ContentionReport } from '../govern/contention-report.ts';
import { Ticket } from '../govern/ticket.ts';
import { mainTurns } from '../govern/turns.ts';
import type { Work } from '../govern/work.ts';
import type { CommitLog } from '../log/commit-log.ts';
import type { Catalog } from '../model/catalog.ts';
import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { Lsn } from '../model/position.ts';
import type { AppendGuard, Engine } from '../ports/engine.ts';
import type { EngineObserver } from '../ports/engine-observer.ts';
import { CheckpointSchedule } from '../recover/checkpoint-schedule.ts';
import type { Checkpointer } from '../recover/checkpointer.ts';
import type { LogRetention } from '../recover/log-retention.ts';
import { LiveState } from '../state/live-state.ts';
import type { SessionInfo } from '../state/session.ts';
import type { SessionListRequest, SessionPage } from '../state/session-list.ts';
import type { EngineMemory, Projection } from '../tick/projection.ts';
import type { TickBatch } from '../tick/tick-batch.ts';
import type { TickOutcome } from '../tick/tick-outcome.ts';
import type { Vault } from '../vault/vault.ts';
import type { ViewEngine } from '../views/view-engine.ts';
import { Admission } from './admission.ts';
import { TicketedState } from './ticketed-state.ts';
import { TitleRulings } from './title-rulings.ts';
import { TitleSessions } from './title-sessions.ts';
import { WritePath } from './write-path.ts';

export interface TitleEngineParts {
  readonly catalog: Catalog;
  readonly log: CommitLog;
  readonly projection: Projection;
  readonly views: ViewEngine;
  readonly columns: ColumnStore;
  readonly checkpointer: Checkpointer;
  readonly retention: LogRetention;
  readonly checkpointEveryBytes: number;
  readonly checkpointOnClose: boolean;
  readonly rowMemoryBytesMax: number;
  readonly vault: Vault;
  readonly scanRowsMax: number;
  /** Null: canary mode is off. */
  readonly canary: Canary | null;
  /** Log bytes that recovery replayed behind the checkpoint it loaded. */
  readonly bytesSinceCheckpoint: number;
  /** Everything up to here has been applied by recovery. */
  readonly appliedLsn: Lsn;
  /** Milliseconds since 1970; stamped into records, never read by `apply`. */
  readonly now: () => number;
  readonly observer: EngineObserver;
}

const presenceEveryMs = 1_000;

/** One title on this machine: the write path, the sessions and the checkpoints around one log. */
export class TitleEngine implements Engine {
  readonly catalog: Catalog;
  readonly state: TicketedState;
  readonly views: ViewEngine;
  readonly columns: ColumnQueries;
  readonly personal: Vault;
  readonly access: TitleRulings;
  readonly #follower: ColumnFollower;
  readonly turns = mainTurns;
  readonly #log: CommitLog;
  readonly #admission: Admission;
  readonly #contention = new ContentionRecorder();
  readonly #checkpoints: CheckpointSchedule;
  readonly #writes: WritePath;
  readonly #sessions: TitleSessions;
  readonly #projection: Projection;
  readonly #checkpointOnClose: boolean;
  /** Each commit looks too; a title without commits shall not seem well either. */
  readonly #presenceTimer: NodeJS.Timeout;

  constructor(parts: TitleEngineParts) {
    this.catalog = parts.catalog;
    const reader = new LiveState(parts.projection.state);
    this.state = new TicketedState(reader, parts.scanRowsMax);
    this.views = parts.views;
    this.columns = parts.columns;
    this.personal = parts.vault;
    this.#follower = parts.columns;
    this.#log = parts.log;
    this.#projection = parts.projection;
    this.#checkpointOnClose = parts.checkpointOnClose;
    this.#admission = new Admission(parts.columns);
    this.#checkpoints = new CheckpointSchedule({
      checkpointer: parts.checkpointer,
      retention: parts.retention,
      everyBytes: parts.checkpointEveryBytes,
      bytesSince: parts.bytesSinceCheckpoint,
      appliedLsn: () => this.#writes.appliedLsn,
      observer: parts.observer,
    });
    this.#writes = new WritePath({
      admission: this.#admission,
      log: parts.log,
      projection: parts.projection,
      state: reader,
      views: parts.views,
      columns: parts.columns,
      checkpoints: this.#checkpoints,
      contention: this.#contention,
      rowMemoryBytesMax: parts.rowMemoryBytesMax,
      vault: parts.vault,
      canary: parts.canary,
      appliedLsn: parts.appliedLsn,
      now: parts.now,
      observer: parts.observer,
    });
    this.#sessions = new TitleSessions({
      projection: parts.projection,
      columns: parts.columns,
      writes: this.#writes,
      memory: () => this.memory,
      memoryBytesMax: parts.rowMemoryBytesMax,
    });
    this.access = new TitleRulings({
      catalog: parts.catalog,
      rulings: parts.projection.rulings,
      writes: this.#writes,
      now: parts.now,
    });
    this.#presenceTimer = setInterval(() => void this.#log.checkPresence(), presenceEveryMs);
    this.#presenceTimer.unref();
    // A kill in a burst left more than one checkpoint's worth of log: the next start shall not pay again.
    this.#checkpoints.checkpointIfDue();
  }

  get memory(): EngineMemory {
    return { ...this.#projection.memory, viewBytes: this.views.memoryBytes };
  }

  get appliedLsn(): Lsn {
    return this.#writes.appliedLsn;
  }

  get failure(): Error | null {
    const { state } = this.#log;
    const logs = 'error' in state ? state.error : null;
    return this.#writes.failure ?? logs ?? this.#follower.outOfRoom;
  }

  commit(ticket: Ticket, batch: TickBatch, mayAppend?: AppendGuard): Promise<TickOutcome> {
    return this.#writes.commit(ticket, batch, mayAppend);
  }

  openSession(
    ticket: Ticket,
    sessionId: string,
    takeOver: boolean,
    mayAppend?: AppendGuard,
  ): Promise<SessionInfo> {
    return this.#sessions.open(ticket, sessionId, takeOver, mayAppend);
  }

  closeSession(
    ticket: Ticket,
    sessionId: string,
    fence: number | null,
    mayAppend?: AppendGuard,
  ): Promise<SessionInfo> {
    return this.#sessions.close(ticket, sessionId, fence, mayAppend);
  }

  session(ticket: Ticket, sessionId: string): SessionInfo | null {
    return this.#sessions.get(ticket, sessionId);
  }

  positionOfTick(ticket: Ticket, sessionId: string, tick: number): Promise<Lsn> {
    return this.#sessions.positionOfTick(ticket, sessionId, tick);
  }

  listSessions(ticket: Ticket, request: SessionListRequest): Work<SessionPage> {
    return this.#sessions.list(ticket, request);
  }

  contention(ticket: Ticket, sessionId: string | null): ContentionReport {
    ticket.check();
    return this.#contention.report(sessionId);
  }

  waitForApplied(ticket: Ticket, lsn: Lsn): Promise<void> {
    return this.#writes.waitForApplied(ticket, lsn);
  }

  async close(): Promise<void> {
    const error = new EngineError('UNAVAILABLE', 'the server is shutting down');
    clearInterval(this.#presenceTimer);
    this.#admission.close(error);
    this.#checkpoints.stop();
    this.#writes.refuseWaiting(error);
    try {
      await this.#log.close();
      await this.#writes.whenIdle();
      await this.#checkpoints.settled();
      // Whoever reads ClickHouse while this server is down shall find everything, if it can take it.
      await this.#follower
        .waitForCovered(
          Ticket.internal('closing').within(limits.columnsCloseWaitMs),
          this.appliedLsn,
        )
        .catch(() => {});
      if (this.#checkpointOnClose && this.#log.state.name !== 'failed') {
        await this.#checkpoints.checkpointLast();
      }
    } finally {
      await this.#checkpoints.settled();
      this.views.close();
      await this.personal.close();
      await this.#follower.close();
    }
  }
}
