import type { Ticket } from '../govern/ticket.ts';
import type { Work } from '../govern/work.ts';
import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { type SessionInfo, type SessionState, sessionInfo } from '../state/session.ts';
import { listSessions, type SessionListRequest, type SessionPage } from '../state/session-list.ts';
import { checkSessionId } from '../tick/batch-check.ts';
import type { EngineMemory, Projection } from '../tick/projection.ts';
import type { WritePath } from './write-path.ts';

export interface TitleSessionsParts {
  readonly projection: Projection;
  readonly writes: WritePath;
  readonly memory: () => EngineMemory;
  /** The bound of live rows, views and answers together. */
  readonly memoryBytesMax: number;
}

/** The title's matches: opened, taken over, closed, each by a record of the log. */
export class TitleSessions {
  readonly #projection: Projection;
  readonly #writes: WritePath;
  readonly #memory: () => EngineMemory;
  readonly #memoryBytesMax: number;
  /** Sessions under way that nobody has opened before. */
  #opening = 0;

  constructor({ projection, writes, memory, memoryBytesMax }: TitleSessionsParts) {
    this.#projection = projection;
    this.#writes = writes;
    this.#memory = memory;
    this.#memoryBytesMax = memoryBytesMax;
  }

  get(ticket: Ticket, sessionId: string): SessionInfo | null {
    ticket.check();
    const session = this.#projection.sessions.get(sessionId);
    return session ? sessionInfo(session) : null;
  }

  list(ticket: Ticket, request: SessionListRequest): Work<SessionPage> {
    ticket.check();
    return listSessions(this.#projection.sessions, request);
  }

  async open(ticket: Ticket, sessionId: string, takeOver: boolean): Promise<SessionInfo> {
    ticket.check();
    checkSessionId(sessionId);
    const session = this.#projection.sessions.get(sessionId);
    if (session && !takeOver) {
      if (session.open) return sessionInfo(session);
      throw closedSession(session);
    }
    const verb = takeOver ? 'takeOver' : 'open';
    const record = { type: 'session', at: 0, session: sessionId, verb, fence: null } as const;
    if (session) return this.#writes.logSession(ticket, record);
    if (this.#projection.sessions.size + this.#opening >= limits.sessionsMax) {
      throw tooManySessions();
    }
    checkSessionMemory(this.#memory(), this.#memoryBytesMax);
    this.#opening++;
    try {
      return await this.#writes.logSession(ticket, record);
    } finally {
      this.#opening--;
    }
  }

  async close(ticket: Ticket, sessionId: string, fence: number | null): Promise<SessionInfo> {
    ticket.check();
    const session = this.#projection.sessions.get(sessionId);
    if (!session) throw new EngineError('NOT_FOUND', `there is no session "${sessionId}"`);
    if (!session.open) return sessionInfo(session);
    const record = { type: 'session', at: 0, session: sessionId, verb: 'close', fence } as const;
    return this.#writes.logSession(ticket, record);
  }
}

/**
 * Refuses a new session once live rows, views and answers fill the budget: what it will take is not
 * known yet, and ticks of matches that run are not refused for it. Throws `QUOTA_EXCEEDED`.
 */
function checkSessionMemory(memory: EngineMemory, bytesMax: number): void {
  const { rowBytes, viewBytes, answerBytes } = memory;
  const actual = rowBytes + viewBytes + answerBytes;
  if (actual < bytesMax) return;
  throw new EngineError(
    'QUOTA_EXCEEDED',
    `live rows (${rowBytes} bytes), views (${viewBytes}) and the answers that sessions keep for ` +
      `retries (${answerBytes}) fill their ${bytesMax} bytes of memory: close sessions that have ` +
      'ended, delete rows of ended matches, take over a session that has ended, or raise the budget',
    { retryAfterMs: 1000, details: { limit: bytesMax, actual, rowBytes, viewBytes, answerBytes } },
  );
}

function closedSession({ sessionId, fence }: SessionState): EngineError {
  return new EngineError(
    'FENCED',
    `session "${sessionId}" is closed; open it with takeOver: true to write to it again`,
    { details: { sessionId, fence: null, current: fence } },
  );
}

function tooManySessions(): EngineError {
  return new EngineError(
    'LIMIT_EXCEEDED',
    `there are ${limits.sessionsMax} sessions already, closed ones among them: take over one that has ended and go on after its last tick, or start the title anew in another directory`,
    { details: { limit: limits.sessionsMax } },
  );
}
