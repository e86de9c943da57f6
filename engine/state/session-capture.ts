import { frozenSession, type SessionState } from './session.ts';

/** Where sessions are; it tells a capture before one is changed. */
export interface CapturedSessions {
  readonly sessions: ReadonlyMap<string, SessionState>;
  capture: SessionCapture | null;
}

/** The sessions as of `lsn`; of their answers those with `afterLsn < lsn <= lsn`. */
export interface CaptureRange {
  readonly afterLsn: number;
  readonly lsn: number;
}

/**
 * The sessions as they were at one position, read one by one while ticks go on. Before one is
 * changed for the first time after that position it is saved aside, without a copy of its answers.
 */
export class SessionCapture {
  readonly range: CaptureRange;
  readonly #of: CapturedSessions;
  readonly #sessions: readonly SessionState[];
  readonly #saved = new Map<SessionState, SessionState>();

  /** `range.lsn`: the last applied record. Attaches itself to where the sessions are. */
  constructor(of: CapturedSessions, range: CaptureRange) {
    this.range = range;
    this.#of = of;
    this.#sessions = [...of.sessions.values()];
    of.capture = this;
  }

  /** To be called before a record changes the session. */
  beforeChange(session: SessionState): void {
    if (session.lsn > this.range.lsn || this.#saved.has(session)) return;
    this.#saved.set(session, this.#frozen(session));
  }

  /**
   * Each as it was at the position; its ledger may hold newer answers beside those. Ticks may go on
   * between one and the next, and while the answers of one are read; the rest is to be read at once.
   */
  *each(): IterableIterator<SessionState> {
    const { afterLsn } = this.range;
    for (const session of this.#sessions) {
      const saved = this.#saved.get(session);
      // Most have not been written for long: no answer in range, so nothing to keep for later.
      yield saved ?? (session.lsn > afterLsn ? this.#frozen(session) : session);
    }
  }

  /** Detaches, giving back what was saved. */
  end(): void {
    this.#of.capture = null;
    this.#saved.clear();
  }

  #frozen(session: SessionState): SessionState {
    return frozenSession(session, this.range.afterLsn);
  }
}
