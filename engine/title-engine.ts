import type { ColumnStore } from './columns/column-store.ts';
import type { Engine, SessionInfo, TickOutcome } from './engine.ts';
import { EngineError } from './errors.ts';
import { ContentionRecorder } from './govern/contention-recorder.ts';
import type { ContentionReport } from './govern/contention-report.ts';
import { limits } from './limits.ts';
import type { CommitLog, DroppedSegments } from './log/commit-log.ts';
import type { Catalog } from './manifest/catalog.ts';
import { asLsn, type Lsn } from './position.ts';
import type { Checkpointer } from './recover/checkpointer.ts';
import type { LogRetention } from './recover/log-retention.ts';
import { witnessOf } from './recover/replay-witness.ts';
import { checkChanges } from './state/check-changes.ts';
import { LiveState } from './state/live-state.ts';
import { PositionWaiters } from './state/position-waiters.ts';
import { type SessionState, sessionInfo } from './state/session.ts';
import type { StateReader } from './state/state-reader.ts';
import { ActionNames } from './tick/action-names.ts';
import { checkSessionId } from './tick/batch-check.ts';
import { type ChangeSet, emptyChanges } from './tick/change-set.ts';
import {
  changesOf,
  type LoggedBatch,
  type Projection,
  type Settlement,
} from './tick/projection.ts';
import { checkRowMemory } from './tick/row-memory.ts';
import type { TickBatch } from './tick/tick-batch.ts';
import { outcomeOf } from './tick/tick-outcome.ts';
import { TickQueue } from './tick/tick-queue.ts';
import {
  type EncodedTick,
  encodeSession,
  encodeTick,
  type SessionRecordHeader,
  type Witness,
} from './tick/tick-record.ts';
import type { ViewEngine } from './views/view-engine.ts';

/** Told what a tick costs. */
export interface EngineObserver {
  /** One record was applied, views and shipping included. */
  onApply?(seconds: number): void;
  /** A tick waited for the one before it. */
  onWaited?(seconds: number): void;
  /** The memory of all ticks that wait so is this much now. */
  onWaitingBytes?(bytes: number): void;
  /** A checkpoint was taken, or could not be (`error`); the one before then stays. */
  onCheckpoint?(seconds: number, error: Error | null): void;
  /** Old log was dropped, or could not be (`error`). */
  onLogDropped?(dropped: DroppedSegments, error: Error | null): void;
}

export interface TitleEngineParts {
  readonly catalog: Catalog;
  readonly log: CommitLog;
  readonly projection: Projection;
  readonly views: ViewEngine;
  readonly columns: ColumnStore;
  readonly checkpointer: Checkpointer;
  readonly retention: LogRetention;
  readonly checkpointEveryBytes: number;
  readonly rowMemoryBytesMax: number;
  /** Check every invariant after each tick. */
  readonly canary: boolean;
  /** Log bytes that recovery replayed behind the checkpoint it loaded. */
  readonly bytesSinceCheckpoint: number;
  /** Everything up to here has been applied by recovery. */
  readonly appliedLsn: Lsn;
  /** Milliseconds since 1970; stamped into records, never read by `apply`. */
  readonly now: () => number;
  readonly observer: EngineObserver;
}

/** How long applying may hold the event loop before other work gets its turn. */
const applySliceMs = 10;

type Pending =
  | {
      readonly kind: 'tick';
      readonly logged: LoggedBatch;
      /** Of its record. */
      readonly bytes: number;
      readonly entry: CommitEntry;
    }
  | {
      readonly kind: 'session';
      readonly lsn: Lsn;
      readonly record: SessionRecordHeader;
      readonly resolve: (session: SessionInfo | null) => void;
      readonly reject: (error: Error) => void;
    };

interface Caller {
  readonly resolve: (outcome: TickOutcome) => void;
  readonly reject: (error: Error) => void;
}

interface CommitEntry extends Caller {
  /** Null for a direct write. */
  readonly session: SessionState | null;
}

/**
 * One title on this machine. The write path, top to bottom: `commit` (encode, answer early what can be,
 * put in order, append) → the log makes durable → `#applyDurable` (settle, fold into views,
 * ship to columns, answer).
 */
export class TitleEngine implements Engine {
  readonly catalog: Catalog;
  readonly state: StateReader;
  readonly views: ViewEngine;
  readonly columns: ColumnStore;
  readonly #log: CommitLog;
  readonly #projection: Projection;
  readonly #checkpointer: Checkpointer;
  readonly #retention: LogRetention;
  readonly #checkpointEveryBytes: number;
  readonly #rowMemoryBytesMax: number;
  readonly #canary: boolean;
  #bytesSinceCheckpoint: number;
  readonly #contention = new ContentionRecorder();
  readonly #queue: TickQueue;
  readonly #names = new ActionNames();
  /** The newest tick applied, for the next record to witness. */
  #seen: Witness | null = null;
  readonly #now: () => number;
  readonly #observer: EngineObserver;
  /**
   * Appended and not yet applied, in log order from `#pendingFrom` on. What is before it is null:
   * an applied tick is young garbage then, columns and all, not some of a second's worth.
   */
  #pending: (Pending | null)[] = [];
  #pendingFrom = 0;
  #durableLsn: Lsn;
  #appliedLsn: Lsn;
  #applying = false;
  #checkpointing: Promise<void> | null = null;
  #admitted = 0;
  /** Of those, sessions that nobody has opened before. */
  #sessionsOpening = 0;
  #closed = false;
  #tellIdle: (() => void) | null = null;
  readonly #waiters = new PositionWaiters();

  constructor(parts: TitleEngineParts) {
    this.catalog = parts.catalog;
    this.state = new LiveState(parts.projection.state);
    this.views = parts.views;
    this.columns = parts.columns;
    this.#log = parts.log;
    this.#projection = parts.projection;
    this.#checkpointer = parts.checkpointer;
    this.#retention = parts.retention;
    this.#checkpointEveryBytes = parts.checkpointEveryBytes;
    this.#bytesSinceCheckpoint = parts.bytesSinceCheckpoint;
    this.#rowMemoryBytesMax = parts.rowMemoryBytesMax;
    this.#canary = parts.canary;
    this.#now = parts.now;
    this.#observer = parts.observer;
    this.#queue = new TickQueue({
      onWaited: (sessionId, seconds) => {
        this.#contention.waited(sessionId, seconds);
        this.#observer.onWaited?.(seconds);
      },
      onWaitingBytes: (bytes) => this.#observer.onWaitingBytes?.(bytes),
    });
    this.#durableLsn = parts.appliedLsn;
    this.#appliedLsn = parts.appliedLsn;
    parts.log.listen({
      onDurable: (upTo) => {
        this.#durableLsn = upTo;
        this.#applyDurable();
      },
      onRejected: (from, error) => this.#rejectFrom(from, error),
      onFailure: (error) => {
        this.#rejectFrom(asLsn(this.#durableLsn + 1), error);
        this.#queue.clear(error);
      },
    });
    // A kill in a burst left more than one checkpoint's worth of log: the next start shall not pay again.
    this.#checkpointIfDue();
  }

  get appliedLsn(): Lsn {
    return this.#appliedLsn;
  }

  get failure(): Error | null {
    return this.#log.failure ?? this.#log.outOfRoom ?? this.columns.outOfRoom;
  }

  async commit(batch: TickBatch): Promise<TickOutcome> {
    this.#admit();
    try {
      const encoded = encodeTick(batch);
      const early = this.#projection.settleEarly(batch, encoded.digest);
      if (early) return this.#outcome(early, batch);
      checkRowMemory(this.#projection.state, batch, this.#rowMemoryBytesMax);
      return await this.#logTick(batch, encoded);
    } catch (error) {
      this.#contention.refused(batch.header.sessionId, error);
      throw error;
    } finally {
      this.#admitted--;
    }
  }

  async openSession(sessionId: string, takeOver: boolean): Promise<SessionInfo> {
    checkSessionId(sessionId);
    const session = this.#projection.sessions.get(sessionId);
    if (session && !takeOver) return sessionInfo(session);
    const verb = takeOver ? 'takeOver' : 'open';
    const record = { type: 'session', at: 0, session: sessionId, verb, fence: null } as const;
    if (session) return this.#logSession(record);
    if (this.#projection.sessions.size + this.#sessionsOpening >= limits.sessionsMax) {
      throw tooManySessions();
    }
    this.#sessionsOpening++;
    try {
      return await this.#logSession(record);
    } finally {
      this.#sessionsOpening--;
    }
  }

  async closeSession(sessionId: string, fence: number | null): Promise<SessionInfo> {
    const session = this.#projection.sessions.get(sessionId);
    if (!session) throw new EngineError('NOT_FOUND', `there is no session "${sessionId}"`);
    if (!session.open) return sessionInfo(session);
    return this.#logSession({ type: 'session', at: 0, session: sessionId, verb: 'close', fence });
  }

  session(sessionId: string): SessionInfo | null {
    const session = this.#projection.sessions.get(sessionId);
    return session ? sessionInfo(session) : null;
  }

  contention(sessionId: string | null): ContentionReport {
    return this.#contention.report(sessionId);
  }

  waitForApplied(lsn: Lsn, timeoutMs: number): Promise<void> {
    return this.#waiters.wait(lsn, timeoutMs, () => this.#appliedLsn);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const error = new EngineError('UNAVAILABLE', 'the server is shutting down');
    this.#queue.clear(error);
    this.#waiters.clear(error);
    try {
      await this.#log.close();
      await this.#whenIdle();
      await this.#checkpointing;
      // Whoever reads ClickHouse while this server is down shall find everything, if it can take it.
      await this.columns
        .waitForCovered(this.#appliedLsn, limits.columnsCloseWaitMs)
        .catch(() => {});
      if (this.#log.failure === null && this.#bytesSinceCheckpoint > 0) await this.#checkpoint();
    } finally {
      await this.#checkpointing;
      this.views.close();
      await this.columns.close();
    }
  }

  /** Resolves once everything durable has been applied: applying yields to other work in between. */
  #whenIdle(): Promise<void> {
    if (this.#pendingFrom >= this.#pending.length) return Promise.resolve();
    return new Promise((resolve) => {
      this.#tellIdle = resolve;
    });
  }

  #admit(): void {
    if (this.#closed) throw new EngineError('UNAVAILABLE', 'the server is shutting down');
    if (this.columns.outOfRoom) throw this.columns.outOfRoom;
    if (this.#admitted >= limits.commitsPendingMax) {
      throw new EngineError('OVERLOADED', `${limits.commitsPendingMax} commits wait already`, {
        retryAfterMs: 50,
      });
    }
    this.#admitted++;
  }

  #outcome(settlement: Settlement, batch: TickBatch): TickOutcome {
    return outcomeOf(settlement, batch, this.#names, this.state);
  }

  #logTick(batch: TickBatch, encoded: EncodedTick): Promise<TickOutcome> {
    const { digest, record } = encoded;
    return new Promise((resolve, reject) => {
      const { tick, sessionId, afterTick } = batch.header;
      const session = this.#projection.sessions.get(sessionId) ?? null;
      const ordered = session !== null && tick !== null;
      const append = () => {
        const entry: CommitEntry = { resolve, reject, session: ordered ? session : null };
        try {
          const committedAtMs = this.#now();
          const parts = record(committedAtMs, this.#seen);
          const lsn = this.#log.append(parts);
          const bytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
          const logged = { lsn, committedAtMs, digest, batch };
          this.#pending.push({ kind: 'tick', logged, bytes, entry });
          return true;
        } catch (error) {
          reject(error as Error);
          return false;
        }
      };
      if (!ordered) {
        append();
        return;
      }
      const answerEarly = () => {
        const early = this.#projection.settleEarly(batch, digest);
        if (early) answer({ resolve, reject }, () => this.#outcome(early, batch));
        return early !== null;
      };
      this.#queue.enter(session, {
        tick,
        afterTick,
        heldBytes: encoded.heldBytes,
        start: append,
        refuse: reject,
        answerEarly,
      });
    });
  }

  async #logSession(record: SessionRecordHeader): Promise<SessionInfo> {
    this.#admit();
    try {
      const stamped = { ...record, at: this.#now() };
      const lsn = this.#log.append(encodeSession(stamped));
      const session = await new Promise<SessionInfo | null>((resolve, reject) => {
        this.#pending.push({ kind: 'session', lsn, record: stamped, resolve, reject });
      });
      if (session) return session;
      throw new EngineError('FENCED', `fence ${record.fence} is not the session's`, {
        details: { sessionId: record.session, fence: record.fence },
      });
    } finally {
      this.#admitted--;
    }
  }

  /** Applies what is durable, in log order, in slices. */
  #applyDurable(): void {
    if (this.#applying) return;
    const startedMs = performance.now();
    while (this.#pendingFrom < this.#pending.length) {
      const next = this.#pending[this.#pendingFrom] as Pending;
      if (lsnOf(next) > this.#durableLsn) break;
      if (performance.now() - startedMs > applySliceMs) {
        this.#applying = true;
        setImmediate(() => {
          this.#applying = false;
          this.#applyDurable();
        });
        return;
      }
      this.#pending[this.#pendingFrom++] = null;
      this.#apply(next);
    }
    this.#checkpointIfDue();
    if (this.#pendingFrom === this.#pending.length) {
      this.#pending = [];
      this.#pendingFrom = 0;
      this.#tellIdle?.();
    } else if (this.#pendingFrom > 1024) {
      this.#pending = this.#pending.slice(this.#pendingFrom);
      this.#pendingFrom = 0;
    }
  }

  /**
   * Takes a checkpoint, or joins the one under way. Never rejects: one that fails leaves the one
   * before, and the log has everything.
   */
  #checkpoint(): Promise<void> {
    this.#checkpointing ??= this.#takeCheckpoint().then((taken) => {
      this.#checkpointing = null;
      // A burst may have ended meanwhile: no tick comes that would ask for the next one.
      if (taken && !this.#closed) this.#checkpointIfDue();
    });
    return this.#checkpointing;
  }

  #checkpointIfDue(): void {
    if (this.#bytesSinceCheckpoint >= this.#checkpointEveryBytes) void this.#checkpoint();
  }

  /** False where none could be taken. */
  async #takeCheckpoint(): Promise<boolean> {
    this.#bytesSinceCheckpoint = 0;
    const startedMs = performance.now();
    let failure: Error | null = null;
    try {
      await this.#checkpointer.take(this.#appliedLsn);
    } catch (error) {
      failure = error as Error;
    }
    this.#observer.onCheckpoint?.((performance.now() - startedMs) / 1000, failure);
    if (failure === null) await this.#dropOldLog();
    return failure === null;
  }

  async #dropOldLog(): Promise<void> {
    try {
      const dropped = await this.#retention.apply();
      if (dropped.segments > 0) this.#observer.onLogDropped?.(dropped, null);
    } catch (error) {
      this.#observer.onLogDropped?.({ segments: 0, bytes: 0 }, error as Error);
    }
  }

  #apply(next: Pending): void {
    const startedMs = performance.now();
    if (next.kind === 'session') {
      const session = this.#projection.settleSession(next.lsn, next.record);
      this.#passOn(emptyChanges(next.lsn, next.record.session, next.record.at));
      if (session) this.#queue.sessionChanged(session);
      // As it is after this very record: of two take-overs each is told a fence of its own.
      next.resolve(session && sessionInfo(session));
    } else {
      const { logged, entry } = next;
      this.#bytesSinceCheckpoint += next.bytes;
      const settlement = this.#projection.settle(logged);
      if (settlement.kind === 'applied') {
        // A tick that wrote no row is nobody's last writer.
        const wrote = (settlement.changes?.states.length ?? 0) > 0;
        if (wrote) this.#names.remember(logged.lsn, logged.batch.actions);
        if (!settlement.aborted) this.#seen = witnessOf(logged.lsn, settlement.stateHash);
      }
      const changes = changesOf(settlement, logged);
      if (this.#canary) checkChanges(this.#projection.state, changes);
      this.#passOn(changes);
      if (entry.session) this.#queue.leave(entry.session);
      // Now, not when the caller comes to it: a direct write answers the row it left.
      answer(entry, () => this.#outcome(settlement, logged.batch));
      if (settlement.kind === 'applied') {
        const { sessionId } = logged.batch.header;
        this.#contention.applied(sessionId, settlement, (performance.now() - startedMs) / 1000);
      }
    }
    this.#observer.onApply?.((performance.now() - startedMs) / 1000);
  }

  #passOn(changes: ChangeSet): void {
    this.views.apply(changes);
    this.columns.offer(changes);
    this.columns.advance(changes.lsn);
    this.#appliedLsn = changes.lsn;
    this.#waiters.reached(changes.lsn);
  }

  /** These records never happened, or nobody knows whether they did. */
  #rejectFrom(from: Lsn, error: EngineError): void {
    const first = this.#pending.findIndex((pending) => pending !== null && lsnOf(pending) >= from);
    if (first === -1) return;
    for (const pending of this.#pending.splice(first) as Pending[]) {
      if (pending.kind === 'session') {
        pending.reject(error);
      } else {
        if (pending.entry.session) this.#queue.leave(pending.entry.session);
        pending.entry.reject(error);
      }
    }
  }
}

function lsnOf(pending: Pending): Lsn {
  return pending.kind === 'tick' ? pending.logged.lsn : pending.lsn;
}

function tooManySessions(): EngineError {
  return new EngineError(
    'LIMIT_EXCEEDED',
    `there are ${limits.sessionsMax} sessions already, closed ones among them: take over one that has ended and go on after its last tick, or start the title anew in another directory`,
    { details: { limit: limits.sessionsMax } },
  );
}

/** Answers with what `outcome` answers, or throws. */
function answer({ resolve, reject }: Caller, outcome: () => TickOutcome): void {
  try {
    resolve(outcome());
  } catch (error) {
    reject(error as Error);
  }
}
