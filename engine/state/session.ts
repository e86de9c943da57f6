import { asLsn, type Lsn } from '../model/position.ts';
import type { AnswerMemory } from './answer-memory.ts';
import { TickLedger } from './tick-ledger.ts';

/** One match, as the applied log has it. Mutable; only `apply` changes it. */
export interface SessionState {
  readonly sessionId: string;
  /** Rises by one with each take-over; starts at 1. */
  fence: number;
  /** Null before the first tick. */
  lastTick: number | null;
  /** The last aborted tick after `lastTick`; null when there was none. */
  abortedTick: number | null;
  /** Position of the last record of this session. */
  lsn: number;
  /** SHA-256 chain over its ticks, 32 bytes. */
  stateHash: Uint8Array;
  open: boolean;
  readonly ledger: TickLedger;
}

/** `memory` counts what its ledger takes. */
export function newSession(sessionId: string, lsn: number, memory?: AnswerMemory): SessionState {
  return {
    sessionId,
    fence: 1,
    lastTick: null,
    abortedTick: null,
    lsn,
    stateHash: new Uint8Array(32),
    open: true,
    ledger: new TickLedger(memory),
  };
}

/** A session as it is now, with its answers after `afterLsn`, whatever becomes of it; to be read only. */
export function frozenSession(session: SessionState, afterLsn: number): SessionState {
  return {
    sessionId: session.sessionId,
    fence: session.fence,
    lastTick: session.lastTick,
    abortedTick: session.abortedTick,
    lsn: session.lsn,
    stateHash: session.stateHash,
    open: session.open,
    ledger: session.ledger.frozen(afterLsn),
  };
}

export interface SessionInfo {
  readonly sessionId: string;
  readonly fence: number;
  /** Null before the first tick. */
  readonly lastTick: number | null;
  readonly lsn: Lsn;
  /** 64 hexadecimal digits, chained tick by tick. */
  readonly stateHash: string;
  readonly open: boolean;
}

export function sessionInfo(session: SessionState): SessionInfo {
  return {
    sessionId: session.sessionId,
    fence: session.fence,
    lastTick: session.lastTick,
    lsn: asLsn(session.lsn),
    stateHash: Buffer.from(session.stateHash).toString('hex'),
    open: session.open,
  };
}
