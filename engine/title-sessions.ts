import type { SessionInfo } from './engine.ts';
import { EngineError } from './errors.ts';
import { limits } from './limits.ts';
import { type SessionState, sessionInfo } from './state/session.ts';
import { checkSessionId } from './tick/batch-check.ts';
import type { WritePath } from './write-path.ts';

/** The title's matches: opened, taken over, closed, each by a record of the log. */
export class TitleSessions {
  readonly #sessions: ReadonlyMap<string, SessionState>;
  readonly #writes: WritePath;
  /** Sessions under way that nobody has opened before. */
  #opening = 0;

  constructor(sessions: ReadonlyMap<string, SessionState>, writes: WritePath) {
    this.#sessions = sessions;
    this.#writes = writes;
  }

  get(sessionId: string): SessionInfo | null {
    const session = this.#sessions.get(sessionId);
    return session ? sessionInfo(session) : null;
  }

  async open(sessionId: string, takeOver: boolean): Promise<SessionInfo> {
    checkSessionId(sessionId);
    const session = this.#sessions.get(sessionId);
    if (session && !takeOver) return sessionInfo(session);
    const verb = takeOver ? 'takeOver' : 'open';
    const record = { type: 'session', at: 0, session: sessionId, verb, fence: null } as const;
    if (session) return this.#writes.logSession(record);
    if (this.#sessions.size + this.#opening >= limits.sessionsMax) {
      throw tooManySessions();
    }
    this.#opening++;
    try {
      return await this.#writes.logSession(record);
    } finally {
      this.#opening--;
    }
  }

  async close(sessionId: string, fence: number | null): Promise<SessionInfo> {
    const session = this.#sessions.get(sessionId);
    if (!session) throw new EngineError('NOT_FOUND', `there is no session "${sessionId}"`);
    if (!session.open) return sessionInfo(session);
    const record = { type: 'session', at: 0, session: sessionId, verb: 'close', fence } as const;
    return this.#writes.logSession(record);
  }
}

function tooManySessions(): EngineError {
  return new EngineError(
    'LIMIT_EXCEEDED',
    `there are ${limits.sessionsMax} sessions already, closed ones among them: take over one that has ended and go on after its last tick, or start the title anew in another directory`,
    { details: { limit: limits.sessionsMax } },
  );
}
