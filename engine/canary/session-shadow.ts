import { limits } from '../model/limits.ts';
import { conflictCodes } from '../model/system-columns.ts';
import type { ChangeSet } from '../state/change-set.ts';
import type { SessionState } from '../state/session.ts';
import type { TickLedger } from '../state/tick-ledger.ts';
import { verdictsBefore } from '../tick/answered-once.ts';
import type { LoggedBatch, Settlement } from '../tick/projection.ts';
import { hashTick } from '../tick/state-hash.ts';
import { encodeTick } from '../tick/tick-record.ts';
import { BrokenInvariant, type Invariant } from './broken-invariant.ts';

/** A tick and what became of it. */
export interface SettledTick {
  readonly logged: LoggedBatch;
  readonly settlement: Settlement;
}

/** A session as the last check left it. */
interface CheckedSession {
  fence: number;
  lastTick: number | null;
  abortedTick: number | null;
  lsn: number;
  open: boolean;
  readonly stateHash: Uint8Array;
  /** Answers that its ledger keeps, by default keys and by others. */
  readonly tickCount: number;
  readonly keyCount: number;
}

/** The sessions as they were at the last check, to hold the next record against. */
export class SessionShadow {
  readonly #sessions: ReadonlyMap<string, SessionState>;
  readonly #checked = new Map<string, CheckedSession>();

  /** Takes the sessions as they are; checks their ledgers. */
  constructor(sessions: ReadonlyMap<string, SessionState>) {
    this.#sessions = sessions;
    for (const session of sessions.values()) {
      checkLedger(session);
      this.#know(session);
    }
  }

  /** `tick` null: a record that opened, took over or closed a session. Throws `BrokenInvariant`. */
  check(changes: ChangeSet, tick: SettledTick | null): void {
    const { sessionId } = changes;
    for (const [id, known] of this.#checked) {
      const session = this.#sessions.get(id);
      if (!session) broken('sessions', id, 'is gone');
      if (id !== sessionId && !(isUnchanged(session, known) && keepsAll(session, known))) {
        broken('sessions', id, 'was changed by a record of another session');
      }
    }
    const session = this.#sessions.get(sessionId);
    const known = this.#checked.get(sessionId) ?? null;
    if (this.#sessions.size !== this.#checked.size + (session && !known ? 1 : 0)) {
      broken('sessions', sessionId, 'opened other sessions as well');
    }
    if (!session) return;
    if (tick === null) checkRecord(session, known, changes.lsn);
    else if (known === null) broken('sessions', sessionId, 'was opened by a tick');
    else checkTick(session, known, changes, tick);
    checkLedger(session);
    checkForgotten(session, known, tick);
    this.#know(session);
  }

  #know(session: SessionState): void {
    const { fence, lastTick, abortedTick, lsn, open, stateHash, ledger } = session;
    // A copy: the session's own bytes may be what is overwritten.
    const copy = Uint8Array.from(stateHash);
    const { tickCount, keyCount } = ledger;
    const counts = { tickCount, keyCount };
    const known: CheckedSession = {
      fence,
      lastTick,
      abortedTick,
      lsn,
      open,
      stateHash: copy,
      ...counts,
    };
    this.#checked.set(session.sessionId, known);
  }
}

function broken(invariant: Invariant, sessionId: string, complaint: string): never {
  throw new BrokenInvariant(invariant, { place: 'session', key: sessionId }, complaint);
}

function isUnchanged(session: SessionState, known: CheckedSession): boolean {
  return (
    session.fence === known.fence &&
    session.lastTick === known.lastTick &&
    session.abortedTick === known.abortedTick &&
    session.lsn === known.lsn &&
    session.open === known.open &&
    Buffer.compare(session.stateHash, known.stateHash) === 0
  );
}

function keepsAll({ ledger }: SessionState, known: CheckedSession): boolean {
  return ledger.tickCount === known.tickCount && ledger.keyCount === known.keyCount;
}

function checkRecord(session: SessionState, known: CheckedSession | null, lsn: number): void {
  const { sessionId, fence } = session;
  if (known === null) {
    const isNew = fence === 1 && session.lastTick === null && session.lsn === lsn && session.open;
    if (!isNew) broken('sessions', sessionId, 'is new and has a past');
    return;
  }
  if (fence !== known.fence && fence !== known.fence + 1) {
    broken('sessions', sessionId, `has fence ${fence} after ${known.fence}`);
  }
  const expected = { ...known, fence, open: session.open, lsn: session.lsn };
  if (!isUnchanged(session, expected) || (session.lsn !== lsn && session.lsn !== known.lsn)) {
    broken('sessions', sessionId, 'was changed as no record of a session changes one');
  }
}

function checkTick(
  session: SessionState,
  known: CheckedSession,
  changes: ChangeSet,
  tick: SettledTick,
): void {
  const { logged, settlement } = tick;
  const { sessionId } = session;
  if (settlement.kind !== 'applied') {
    if (!isUnchanged(session, known)) {
      broken('sessions', sessionId, 'was changed by a tick that was not applied');
    }
    return;
  }
  const { header } = logged.batch;
  if (settlement.aborted) {
    const abortedTick = header.tick ?? known.abortedTick;
    if (!isUnchanged(session, { ...known, abortedTick })) {
      broken('sessions', sessionId, 'was changed by a tick that was aborted');
    }
    return;
  }
  if (header.tick !== null && known.lastTick !== null && header.tick <= known.lastTick) {
    broken('sessions', sessionId, `took tick ${header.tick} after ${known.lastTick}`);
  }
  const stateHash = linkAfter(known.stateHash, changes, tick);
  const expected: CheckedSession = {
    fence: known.fence,
    lastTick: header.tick ?? known.lastTick,
    abortedTick: header.tick === null ? known.abortedTick : null,
    lsn: changes.lsn,
    open: known.open,
    stateHash,
    tickCount: known.tickCount,
    keyCount: known.keyCount,
  };
  if (Buffer.compare(session.stateHash, stateHash) !== 0) {
    broken('chain', sessionId, `has another link at position ${changes.lsn}`);
  }
  if (!isUnchanged(session, expected))
    broken('sessions', sessionId, 'is not where its tick left it');
  if (header.tick === null && header.idempotencyKey === null) return;
  const entry = session.ledger.find(header.idempotencyKey, header.tick);
  const isKept =
    entry?.lsn === changes.lsn &&
    entry.accepted === settlement.accepted &&
    entry.rejected === settlement.rejected &&
    Buffer.compare(entry.digest, logged.digest) === 0 &&
    Buffer.compare(entry.stateHash, stateHash) === 0;
  if (!isKept) broken('chain', sessionId, `keeps another answer for position ${changes.lsn}`);
}

/** The link of a tick from its content now, its verdicts as answered, and the rows that changed. */
function linkAfter(previous: Uint8Array, changes: ChangeSet, tick: SettledTick): Uint8Array {
  const { logged, settlement } = tick;
  const { digest } = encodeTick(logged.batch);
  const { sessionId } = logged.batch.header;
  if (Buffer.compare(digest, logged.digest) !== 0) {
    broken('chain', sessionId, `has applied other content than it logged at ${changes.lsn}`);
  }
  const { conflicts, repeats } =
    settlement.kind === 'applied' ? settlement : { conflicts: [], repeats: [] };
  const verdicts = verdictsBefore(logged.batch.actions.length, repeats);
  for (const { action, code } of conflicts) {
    verdicts[action] = 1 + conflictCodes.indexOf(code);
  }
  return hashTick(previous, digest, verdicts, changes);
}

function checkLedger({ sessionId, lastTick, lsn, ledger }: SessionState): void {
  const { ticks, lsns } = ledger.order;
  if (!isRising(ticks) || !isRising(lsns)) broken('chain', sessionId, 'has a ledger out of order');
  if (lastOf(ticks) > (lastTick ?? -1) || lastOf(lsns) > lsn) {
    broken('chain', sessionId, 'has a ledger that is ahead of it');
  }
}

/** Nothing is forgotten but what is past the window, which is smaller once a session is closed. */
function checkForgotten(
  { sessionId, open, ledger }: SessionState,
  known: CheckedSession | null,
  tick: SettledTick | null,
): void {
  const max = open ? limits.idempotencyTicksMax : limits.closedSessionAnswersMax;
  const settlement = tick?.settlement;
  const isTaken = settlement?.kind === 'applied' && !settlement.aborted;
  const header = isTaken ? tick?.logged.batch.header : null;
  const addedKeys = header && header.idempotencyKey !== null ? 1 : 0;
  const addedTicks = header && header.tick !== null ? 1 - addedKeys : 0;
  const ticks = Math.min((known?.tickCount ?? 0) + addedTicks, max);
  const keys = Math.min((known?.keyCount ?? 0) + addedKeys, max);
  if (ledger.tickCount === ticks && ledger.keyCount === keys) return;
  broken(
    'chain',
    sessionId,
    `keeps ${ledger.tickCount} answers of ticks and ${ledger.keyCount} of keys, not ${ticks} and ${keys}`,
  );
}

function isRising(values: TickLedger['order']['ticks']): boolean {
  for (let i = 1; i < values.length; i++) {
    if ((values[i] as number) <= (values[i - 1] as number)) return false;
  }
  return true;
}

function lastOf(values: Float64Array): number {
  return values.at(-1) ?? -1;
}
