import { BrokenInvariant } from '../canary/broken-invariant.ts';
import type { Canary } from '../canary/canary.ts';
import type { ColumnFollower } from '../columns/column-follower.ts';
import type { ContentionRecorder } from '../govern/contention-recorder.ts';
import type { Ticket } from '../govern/ticket.ts';
import type { CommitLog } from '../log/commit-log.ts';
import { EngineError } from '../model/errors.ts';
import { asLsn, formatPosition, type Lsn } from '../model/position.ts';
import type { EngineObserver } from '../ports/engine-observer.ts';
import type { CheckpointSchedule } from '../recover/checkpoint-schedule.ts';
import { witnessOf } from '../recover/replay-witness.ts';
import { type ChangeSet, emptyChanges } from '../state/change-set.ts';
import { PositionWaiters } from '../state/position-waiters.ts';
import { type SessionInfo, sessionInfo } from '../state/session.ts';
import type { StateReader } from '../state/state-reader.ts';
import { ActionNames } from '../tick/action-names.ts';
import {
  changesOf,
  type LoggedBatch,
  type Projection,
  type Settlement,
} from '../tick/projection.ts';
import { checkRequireUnits } from '../tick/require-units.ts';
import { checkRowMemory } from '../tick/row-memory.ts';
import type { TickBatch } from '../tick/tick-batch.ts';
import { outcomeOf, type TickOutcome } from '../tick/tick-outcome.ts';
import { TickQueue } from '../tick/tick-queue.ts';
import {
  type EncodedTick,
  encodeSession,
  encodeTick,
  type SessionRecordHeader,
  type Witness,
} from '../tick/tick-record.ts';
import type { ViewEngine } from '../views/view-engine.ts';
import type { Admission } from './admission.ts';
import {
  type Caller,
  type CommitEntry,
  type PendingRecord,
  PendingRecords,
  type PendingSession,
  type PendingTick,
  type TracedCommit,
} from './pending-records.ts';

export interface WritePathParts {
  readonly admission: Admission;
  readonly log: CommitLog;
  readonly projection: Projection;
  readonly state: StateReader;
  readonly views: ViewEngine;
  readonly columns: ColumnFollower;
  readonly checkpoints: CheckpointSchedule;
  readonly contention: ContentionRecorder;
  readonly rowMemoryBytesMax: number;
  /** Checks every invariant after each record; null: canary mode is off. */
  readonly canary: Canary | null;
  /** Everything up to here has been applied by recovery. */
  readonly appliedLsn: Lsn;
  /** Milliseconds since 1970; stamped into records, never read by `apply`. */
  readonly now: () => number;
  readonly observer: EngineObserver;
}

/**
 * The one way into a title. Top to bottom: `commit` (encode, answer early what can be, put in
 * order, append) → the log makes durable → `#apply` (settle, fold into views, ship to columns,
 * answer).
 */
export class WritePath {
  readonly #parts: WritePathParts;
  readonly #projection: Projection;
  readonly #queue: TickQueue;
  readonly #pending: PendingRecords;
  readonly #waiters = new PositionWaiters();
  readonly #names = new ActionNames();
  /** The newest tick applied, for the next record to witness. */
  #seen: Witness | null = null;
  #appliedLsn: Lsn;
  #failure: EngineError | null = null;

  constructor(parts: WritePathParts) {
    const { appliedLsn, checkpoints, contention, log, observer, projection } = parts;
    this.#parts = parts;
    this.#projection = projection;
    this.#appliedLsn = appliedLsn;
    this.#queue = new TickQueue({
      onWaited: (sessionId, seconds) => {
        contention.waited(sessionId, seconds);
        observer.onWaited?.(seconds);
      },
      onWaitingBytes: (bytes) => observer.onWaitingBytes?.(bytes),
    });
    this.#pending = new PendingRecords({
      appliedLsn,
      apply: (record) => this.#apply(record),
      onCaughtUp: () => checkpoints.checkpointIfDue(),
    });
    log.listen({
      onDurable: (upTo) => this.#pending.applyUpTo(upTo),
      onRejected: (from, error) => this.#rejectFrom(from, error),
      onFailure: (error) => {
        this.#rejectFrom(asLsn(this.#pending.durableLsn + 1), error);
        this.#queue.clear(error);
      },
    });
  }

  get appliedLsn(): Lsn {
    return this.#appliedLsn;
  }

  /** Why nothing is acknowledged any more, though the log works; null while it is. */
  get failure(): EngineError | null {
    return this.#failure;
  }

  async commit(ticket: Ticket, batch: TickBatch): Promise<TickOutcome> {
    const { admission, contention, rowMemoryBytesMax, views } = this.#parts;
    ticket.check();
    admission.enter();
    try {
      const encoded = encodeTick(batch);
      const early = this.#projection.settleEarly(batch, encoded.digest);
      if (early) return this.#outcome(early, batch);
      checkRequireUnits(batch);
      checkRowMemory(this.#projection.state, views, batch, rowMemoryBytesMax);
      return await this.#logTick(ticket, batch, encoded);
    } catch (error) {
      contention.refused(batch.header.sessionId, error);
      throw error;
    } finally {
      admission.leave();
    }
  }

  #logTick(ticket: Ticket, batch: TickBatch, encoded: EncodedTick): Promise<TickOutcome> {
    const { digest, record } = encoded;
    return new Promise((resolve, reject) => {
      const { tick, sessionId, afterTick } = batch.header;
      const session = this.#projection.sessions.get(sessionId) ?? null;
      const ordered = session !== null && tick !== null;
      const { spans } = ticket.trace;
      const enteredMs = spans === null ? 0 : performance.now();
      const append = () => {
        const traced = spans && { spans, enteredMs, appendedMs: performance.now() };
        const entry: CommitEntry = { resolve, reject, session: ordered ? session : null, traced };
        try {
          // Its turn may have been long in coming; from here on it is answered.
          ticket.check();
          const committedAtMs = this.#parts.now();
          const by = ticket.author;
          const parts = record(committedAtMs, this.#seen, by);
          const lsn = this.#parts.log.append(parts);
          const bytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
          const logged = { lsn, committedAtMs, digest, batch, by };
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
        ticket,
        tick,
        afterTick,
        heldBytes: encoded.heldBytes,
        start: append,
        refuse: reject,
        answerEarly,
      });
    });
  }

  #apply(next: PendingRecord): void {
    const startedMs = performance.now();
    try {
      if (next.kind === 'session') this.#applySession(next);
      else this.#applyTick(next, startedMs);
    } catch (error) {
      if (!(error instanceof BrokenInvariant)) throw error;
      this.#stop(next, error);
    }
    this.#parts.observer.onApply?.((performance.now() - startedMs) / 1000);
  }

  #applyTick({ logged, bytes, entry }: PendingTick, startedMs: number): void {
    this.#parts.checkpoints.applied(bytes);
    const settlement = this.#projection.settle(logged);
    if (settlement.kind === 'applied') {
      // A tick that wrote no row is nobody's last writer.
      const wrote = (settlement.changes?.states.length ?? 0) > 0;
      if (wrote) this.#names.remember(logged.lsn, logged.batch.actions);
      if (!settlement.aborted) this.#seen = witnessOf(logged.lsn, settlement.stateHash);
    }
    const changes = changesOf(settlement, logged);
    this.#passOn(changes, logged, settlement);
    if (entry.session) this.#queue.leave(entry.session);
    // Now, not when the caller comes to it: a direct write answers the row it left.
    answer(entry, () => this.#outcome(settlement, logged.batch));
    if (settlement.kind === 'applied') {
      const { sessionId } = logged.batch.header;
      const seconds = (performance.now() - startedMs) / 1000;
      this.#parts.contention.applied(sessionId, settlement, seconds);
    }
    if (entry.traced) tellWay(entry.traced, logged, startedMs);
  }

  #passOn(changes: ChangeSet, logged: LoggedBatch | null, settlement: Settlement | null): void {
    const { canary, views, columns } = this.#parts;
    views.apply(changes);
    canary?.check(changes, logged, settlement);
    columns.offer(changes);
    columns.advance(changes.lsn);
    this.#appliedLsn = changes.lsn;
    this.#waiters.reached(changes.lsn);
  }

  #outcome(settlement: Settlement, batch: TickBatch): TickOutcome {
    return outcomeOf(settlement, batch, this.#names, this.#parts.state);
  }

  /** A session opened, taken over or closed: the same way, without an order of its own. */
  async logSession(ticket: Ticket, record: SessionRecordHeader): Promise<SessionInfo> {
    const { admission, log, now } = this.#parts;
    admission.enter();
    try {
      const { author } = ticket;
      const stamped = { ...record, at: now(), ...(author === null ? {} : { by: author }) };
      const lsn = log.append(encodeSession(stamped));
      const session = await new Promise<SessionInfo | null>((resolve, reject) => {
        this.#pending.push({ kind: 'session', lsn, record: stamped, resolve, reject });
      });
      if (session) return session;
      throw new EngineError('FENCED', `fence ${record.fence} is not the session's`, {
        details: { sessionId: record.session, fence: record.fence },
      });
    } finally {
      admission.leave();
    }
  }

  #applySession({ lsn, record, resolve }: PendingSession): void {
    const session = this.#projection.settleSession(lsn, record);
    this.#passOn(emptyChanges(lsn, record.session, record.at), null, null);
    if (session) this.#queue.sessionChanged(session);
    // The session as it is after this very record: of two take-overs each is told a fence of its own.
    resolve(session && sessionInfo(session));
  }

  waitForApplied(ticket: Ticket, lsn: Lsn): Promise<void> {
    return this.#waiters.wait(ticket, lsn, () => this.#appliedLsn);
  }

  /** Refuses what waits for its turn, or for a position. */
  refuseWaiting(error: EngineError): void {
    this.#queue.clear(error);
    this.#waiters.clear(error);
  }

  /** Resolves once everything durable has been applied: applying yields to other work in between. */
  whenIdle(): Promise<void> {
    return this.#pending.whenIdle();
  }

  /**
   * Canary mode has found a bug at this record. It and what follows it is in the log, of which the
   * next start makes what it should be; here nothing more is acknowledged, published or kept.
   */
  #stop(at: PendingRecord, broken: BrokenInvariant): void {
    const error = stoppedByCanary(broken);
    this.#failure = error;
    this.#parts.admission.close(error);
    this.#parts.checkpoints.abandon();
    this.#parts.views.close();
    this.#reject(at, error);
    this.#rejectFrom(asLsn(this.#appliedLsn + 1), error);
    this.refuseWaiting(error);
    this.#parts.observer.onBroken?.(broken);
  }

  /** Rejects the records from `from` on: they never happened, or nobody knows whether they did. */
  #rejectFrom(from: Lsn, error: EngineError): void {
    for (const pending of this.#pending.removeFrom(from)) this.#reject(pending, error);
  }

  #reject(pending: PendingRecord, error: EngineError): void {
    if (pending.kind === 'session') {
      pending.reject(error);
    } else {
      if (pending.entry.session) this.#queue.leave(pending.entry.session);
      pending.entry.reject(error);
    }
  }
}

/** Callers see it: values of rows, such as a key, are in the server's log alone. */
function stoppedByCanary(broken: BrokenInvariant): EngineError {
  const { invariant, place } = broken;
  return new EngineError(
    'UNAVAILABLE',
    `canary mode found "${invariant}" broken in ${place} and acknowledges nothing more: report it ` +
      "with what the server's log says, and start again",
    { details: { invariant, place }, cause: broken },
  );
}

/** Its turn among the session's ticks, the log (durable, and the ticks before it applied), applying. */
function tellWay(
  { spans, enteredMs, appendedMs }: TracedCommit,
  { lsn, batch }: LoggedBatch,
  startedMs: number,
): void {
  const { sessionId, tick } = batch.header;
  spans.add('tick.wait', enteredMs, appendedMs);
  spans.add('log.write', appendedMs, startedMs, { 'tickloom.position': formatPosition(lsn) });
  spans.add('tick.apply', startedMs, performance.now(), {
    'tickloom.session': sessionId,
    ...(tick === null ? {} : { 'tickloom.tick': tick }),
    'tickloom.actions': batch.actions.length,
  });
}

/** Answers with what `outcome` answers, or throws. */
function answer({ resolve, reject }: Caller, outcome: () => TickOutcome): void {
  try {
    resolve(outcome());
  } catch (error) {
    reject(error as Error);
  }
}
