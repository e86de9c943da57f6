import type { RecordAuthor } from '../govern/record-author.ts';
import type { ConflictReport } from '../model/conflict.ts';
import type { ErrorCode } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { Lsn } from '../model/position.ts';
import { AnswerMemory } from '../state/answer-memory.ts';
import { type ChangeSet, emptyChanges } from '../state/change-set.ts';
import type { CommitFacts } from '../state/commit-facts.ts';
import { FirstVerdicts } from '../state/first-verdicts.ts';
import { newSession, type SessionState } from '../state/session.ts';
import type { SessionCapture } from '../state/session-capture.ts';
import type { LedgerEntry } from '../state/tick-ledger.ts';
import type { TitleState } from '../state/title-state.ts';
import { admitBatch } from './admit-batch.ts';
import { AnsweredOnce, type RepeatReport } from './answered-once.ts';
import { type AppliedBatch, applyBatch } from './apply.ts';
import { decodeReports, encodeReports } from './report-codec.ts';
import type { TickBatch } from './tick-batch.ts';
import type { SessionRecordHeader } from './tick-record.ts';

const noRepeats: readonly RepeatReport[] = [];

/** A batch as the log holds it. */
export interface LoggedBatch {
  readonly lsn: Lsn;
  readonly committedAtMs: number;
  readonly digest: Uint8Array;
  readonly batch: TickBatch;
  /** Whom the record names; it decides nothing. */
  readonly by?: RecordAuthor | null;
}

/** What became of a logged batch. */
export type Settlement =
  | {
      readonly kind: 'applied' | 'duplicate';
      /** The position of the tick; for a duplicate, that of the first. */
      readonly lsn: Lsn;
      readonly aborted: boolean;
      readonly accepted: number;
      readonly rejected: number;
      readonly conflicts: readonly ConflictReport[];
      /** The actions that were settled by another tick before, in order. */
      readonly repeats: readonly RepeatReport[];
      readonly tickConflict: ConflictReport | null;
      readonly stateHash: Uint8Array;
      readonly changes: ChangeSet | null;
    }
  | {
      readonly kind: 'refused';
      readonly code: ErrorCode;
      readonly message: string;
      readonly details: Readonly<Record<string, unknown>>;
    };

/** The memory that a title takes, in bytes. */
export interface EngineMemory {
  /** Live rows, with keys, indexes and strings. */
  readonly rowBytes: number;
  /** Views: groups, what their aggregates keep, texts. */
  readonly viewBytes: number;
  /** The answers that sessions keep for retries, and the first verdicts of actions answered once. */
  readonly answerBytes: number;
}

/**
 * The log folded into rows and sessions, record by record. The same records give the same
 * settlements, rows, sessions and hashes, whether they come from a client or from recovery.
 */
export class Projection {
  readonly state: TitleState;
  readonly sessions = new Map<string, SessionState>();
  /** What the ledgers of all sessions take. */
  readonly answerMemory = new AnswerMemory();
  /** What actions that are answered once were answered first. */
  readonly firstVerdicts = new FirstVerdicts();
  /** A checkpoint being taken, told of what changes; null while there is none. */
  capture: SessionCapture | null = null;

  constructor(state: TitleState) {
    this.state = state;
  }

  /** But for views. */
  get memory(): Omit<EngineMemory, 'viewBytes'> {
    const answerBytes = this.answerMemory.bytes + this.firstVerdicts.memoryBytes;
    return { rowBytes: this.state.memoryBytes, answerBytes };
  }

  /** What the batch would be answered without being logged; null: it has to be. */
  settleEarly(batch: TickBatch, digest: Uint8Array): Settlement | null {
    const { header } = batch;
    if (header.tick === null && header.idempotencyKey === null) return null;
    const session = this.sessions.get(header.sessionId);
    if (!session) return header.tick === null ? null : noSession(header.sessionId);
    const admission = admitBatch(session, header, digest);
    if (admission.kind === 'duplicate') return duplicateOf(admission.entry);
    if (admission.kind === 'apply') return null;
    // What depends on a predecessor may still change: it may be in flight.
    return 'afterTick' in admission.details ? null : { ...admission, kind: 'refused' };
  }

  settle(logged: LoggedBatch): Settlement {
    const { batch, committedAtMs, digest, lsn } = logged;
    const { header } = batch;
    const session = this.sessions.get(header.sessionId);
    if (!session && header.tick !== null) return noSession(header.sessionId);
    if (session) {
      const admission = admitBatch(session, header, digest);
      if (admission.kind === 'duplicate') return duplicateOf(admission.entry);
      if (admission.kind === 'refuse') return { ...admission, kind: 'refused' };
    }
    const stateHash = session?.stateHash ?? new Uint8Array(32);
    const once = header.once ? new AnsweredOnce(this.firstVerdicts, batch, logged) : null;
    const repeats = once?.repeats ?? noRepeats;
    const place = { lsn, committedAtMs, digest, stateHash, repeats };
    const applied = applyBatch(this.state, batch, place);
    once?.remember(applied.verdicts);
    if (session) this.#chain(session, logged, applied, repeats);
    return appliedAt(lsn, applied, repeats);
  }

  settleSession(lsn: Lsn, record: SessionRecordHeader): SessionState | null {
    let session = this.sessions.get(record.session);
    if (session) this.capture?.beforeChange(session);
    if (record.verb === 'close') {
      if (!session || (record.fence !== null && record.fence !== session.fence)) return null;
      session.open = false;
      session.ledger.keepNewest(limits.closedSessionAnswersMax);
    } else if (!session) {
      session = newSession(record.session, lsn, this.answerMemory);
      this.sessions.set(record.session, session);
    } else if (record.verb === 'takeOver') {
      session.fence++;
      session.open = true;
    }
    session.lsn = lsn;
    return session;
  }

  #chain(
    session: SessionState,
    logged: LoggedBatch,
    applied: AppliedBatch,
    repeats: readonly RepeatReport[],
  ): void {
    const { tick, idempotencyKey } = logged.batch.header;
    this.capture?.beforeChange(session);
    if (applied.aborted) {
      // Nothing happened, so the key stays free: the tick may be sent again with other content.
      if (tick !== null) session.abortedTick = tick;
      return;
    }
    session.lsn = logged.lsn;
    session.stateHash = applied.stateHash;
    if (tick !== null) {
      session.lastTick = tick;
      session.abortedTick = null;
    }
    session.ledger.add(idempotencyKey, {
      lsn: logged.lsn,
      tick,
      digest: logged.digest,
      stateHash: applied.stateHash,
      accepted: applied.accepted,
      rejected: applied.rejected,
      conflicts: encodeReports({ conflicts: applied.conflicts, repeats }),
    });
    // A direct write with a key, which knows no fence.
    if (!session.open) session.ledger.keepNewest(limits.closedSessionAnswersMax);
  }
}

/** Spelled out: for a spread that gains members V8 makes hidden classes anew, a tick, in the old space. */
function appliedAt(lsn: Lsn, applied: AppliedBatch, repeats: readonly RepeatReport[]): Settlement {
  return {
    kind: 'applied',
    lsn,
    aborted: applied.aborted,
    accepted: applied.accepted,
    rejected: applied.rejected,
    conflicts: applied.conflicts,
    repeats,
    tickConflict: applied.tickConflict,
    stateHash: applied.stateHash,
    changes: applied.changes,
  };
}

function duplicateOf(entry: LedgerEntry): Settlement {
  const { conflicts, repeats } = decodeReports(entry.conflicts);
  return {
    kind: 'duplicate',
    lsn: entry.lsn as Lsn,
    aborted: false,
    accepted: entry.accepted,
    rejected: entry.rejected,
    conflicts,
    repeats,
    tickConflict: null,
    stateHash: entry.stateHash,
    changes: null,
  };
}

function noSession(sessionId: string): Settlement {
  return {
    kind: 'refused',
    code: 'NOT_FOUND',
    message: `there is no session "${sessionId}"; open it first`,
    details: { sessionId },
  };
}

/** What the settlement changed; a record that changes no row still moves every position. */
export function changesOf(settlement: Settlement, logged: LoggedBatch): ChangeSet {
  const changes = settlement.kind === 'applied' ? settlement.changes : null;
  const { lsn, committedAtMs, batch } = logged;
  const { sessionId } = batch.header;
  const { tick, actions, events, states } = changes ?? emptyChanges(lsn, sessionId, committedAtMs);
  const commit = commitFacts(settlement, logged);
  return { lsn, sessionId, tick, committedAtMs, actions, events, states, commit };
}

/** Null for a repeated tick, which the first record tells of. */
function commitFacts(
  settlement: Settlement,
  { batch, by = null }: LoggedBatch,
): CommitFacts | null {
  if (settlement.kind === 'duplicate') return null;
  const { tick } = batch.header;
  const columns = tick === null ? namesSet(batch) : noNames;
  if (settlement.kind === 'refused') {
    const { code } = settlement;
    return { by, tick, outcome: 'refused', code, accepted: 0, rejected: 0, columns };
  }
  const { aborted, accepted, rejected, tickConflict, conflicts } = settlement;
  const outcome = aborted ? 'refused' : 'done';
  const code = aborted ? ((tickConflict ?? conflicts[0])?.code ?? null) : null;
  return { by, tick, outcome, code, accepted, rejected, columns };
}

const noNames: readonly string[] = [];

function namesSet({ streams }: TickBatch): readonly string[] {
  return streams.flatMap(({ table, rows }) =>
    rows.vectors.map(({ column }) => column.name).filter((name) => !table.key.includes(name)),
  );
}
