import type { ErrorCode } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { type Lsn, lsnZero } from '../model/position.ts';
import type { ConflictCode } from '../model/system-columns.ts';
import type { Row } from '../model/types.ts';
import { HeavyHitters } from './heavy-hitters.ts';

export type Counts<Code extends string> = { [C in Code]?: number };

/** What one session did in a pane. */
export interface SessionHeat {
  readonly sessionId: string;
  commits: number;
  actions: number;
  applySeconds: number;
  conflicts: number;
  readonly byCode: Counts<ConflictCode>;
  waits: number;
  waitSeconds: number;
  readonly refusals: Counts<ErrorCode>;
  /** The position of the session's newest commit; zero before one. */
  lastLsn: Lsn;
}

/** The conflicts on one row, in a pane. */
export interface KeyHeat {
  readonly table: string;
  /** Null where the conflicts are on no row, or on one whose key is too long to keep. */
  readonly key: Row | null;
  /** Whose ticks met them, the first `limits.contentionKeySessionsMax`. Several: a title-wide row. */
  readonly sessions: string[];
  conflicts: number;
  readonly byCode: Counts<ConflictCode>;
  lastLsn: Lsn;
}

/** What was recorded in one stretch of time. */
export class ContentionPane {
  /** Which stretch, counted from the clock's origin. */
  readonly index: number;
  readonly sessions = new HeavyHitters<SessionHeat>(limits.contentionSessionsMax);
  readonly keys = new HeavyHitters<KeyHeat>(limits.contentionKeysMax);
  actions = 0;
  applySeconds = 0;

  constructor(index: number) {
    this.index = index;
  }

  session(sessionId: string, weight: number): SessionHeat {
    return this.sessions.touch(sessionId, weight, () => coldSession(sessionId));
  }
}

export function coldSession(sessionId: string): SessionHeat {
  return {
    sessionId,
    commits: 0,
    actions: 0,
    applySeconds: 0,
    conflicts: 0,
    byCode: {},
    waits: 0,
    waitSeconds: 0,
    refusals: {},
    lastLsn: lsnZero,
  };
}

/** `sessionId`: whose tick met the first conflict on it. */
export function coldKey(table: string, key: Row | null, sessionId: string): KeyHeat {
  // One element from the start: a growing array would take room for seventeen.
  return {
    table,
    key,
    sessions: sessionId === '' ? [] : [sessionId],
    conflicts: 0,
    byCode: {},
    lastLsn: lsnZero,
  };
}

/** Direct writes to title-wide rows are of no session. */
export function addSessionOf(heat: KeyHeat, sessionId: string): void {
  const { sessions } = heat;
  if (sessionId === '' || sessions.includes(sessionId)) return;
  if (sessions.length < limits.contentionKeySessionsMax) sessions.push(sessionId);
}

export function addCount<Code extends string>(counts: Counts<Code>, code: Code, count = 1): void {
  counts[code] = (counts[code] ?? 0) + count;
}
