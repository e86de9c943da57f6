import type { SessionInfo } from '../engine.ts';
import { asLsn } from '../position.ts';
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

export function newSession(sessionId: string, lsn: number): SessionState {
  return {
    sessionId,
    fence: 1,
    lastTick: null,
    abortedTick: null,
    lsn,
    stateHash: new Uint8Array(32),
    open: true,
    ledger: new TickLedger(),
  };
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
