import { hash, randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { EngineError } from '../../engine/model/errors.ts';
import { isOfOwnPage } from '../http/own-page.ts';
import type { PageSessions } from '../identity/page-sessions.ts';
import { servingLimits } from '../serving-limits.ts';
import type { ConsoleCookies } from './console-cookies.ts';
import { ConsoleSession, type ConsoleSessionOptions, type SignedIn } from './console-session.ts';

export interface ConsoleSessionsOptions {
  readonly cookies: ConsoleCookies;
  /** The console's own. */
  readonly origin: string;
  readonly renew: ConsoleSessionOptions['renew'];
  readonly nowMs?: () => number;
}

/** How often sessions that are over are looked for: what is open under one ends then, too. */
const sweepMs = 5_000;

/**
 * Who is signed in with a browser, by the hash of the cookie: whoever reads the memory of this server
 * gets no cookie out of it. Sessions end with the process; the provider, which still knows its people,
 * lets them in again.
 */
export class ConsoleSessions implements PageSessions {
  readonly #options: ConsoleSessionsOptions;
  readonly #nowMs: () => number;
  /** The oldest first. */
  readonly #sessions = new Map<string, ConsoleSession>();
  readonly #sweep: NodeJS.Timeout;

  constructor(options: ConsoleSessionsOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? Date.now;
    this.#sweep = setInterval(() => this.#forgetPast(), sweepMs);
    this.#sweep.unref();
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Returns what the cookie holds. Throws `OVERLOADED`. */
  open(signedIn: SignedIn): string {
    this.#forgetPast();
    const { consoleSessionsMax, consoleSessionsPerSubjectMax } = servingLimits;
    const own = [...this.#sessions.values()].filter(
      ({ subject }) => subject === signedIn.token.subject,
    );
    for (const oldest of own.slice(0, Math.max(0, own.length + 1 - consoleSessionsPerSubjectMax))) {
      oldest.end(over('you have signed in elsewhere too often; sign in again'));
    }
    if (this.#sessions.size >= consoleSessionsMax) {
      throw new EngineError('OVERLOADED', `${consoleSessionsMax} people are signed in already`, {
        retryAfterMs: 60_000,
        details: { limit: 'consoleSessionsMax', max: consoleSessionsMax },
      });
    }
    const secret = randomBytes(32).toString('base64url');
    const digest = digestOf(secret);
    const { renew } = this.#options;
    const session = new ConsoleSession({ signedIn, renew, nowMs: this.#nowMs });
    this.#sessions.set(digest, session);
    session.onEnd(() => this.#sessions.delete(digest));
    return secret;
  }

  find(headers: IncomingHttpHeaders): ConsoleSession | null {
    const secret = this.#options.cookies.read('session', headers);
    if (secret === null) return null;
    if (!isOfOwnPage(headers, this.#options.origin)) {
      throw new EngineError(
        'FORBIDDEN',
        'a signed-in browser is answered on pages of this server alone; elsewhere send "authorization: Bearer <token>"',
      );
    }
    const session = this.#sessions.get(digestOf(secret));
    if (session === undefined) throw over('the sign-in is over; sign in again');
    return session;
  }

  /** Ends the session of a cookie; null where there is none. */
  endOf(secret: string): ConsoleSession | null {
    const session = this.#sessions.get(digestOf(secret)) ?? null;
    session?.end(over('signed out'));
    return session;
  }

  /** Ends those that are meant, and with them at once what is open under them. */
  endAll(isMeant: (signedIn: SignedIn) => boolean): void {
    for (const session of [...this.#sessions.values()]) {
      if (isMeant(session.current)) session.end(over('the sign-in was ended; sign in again'));
    }
  }

  close(): void {
    clearInterval(this.#sweep);
    this.endAll(() => true);
  }

  #forgetPast(): void {
    const nowMs = this.#nowMs();
    for (const session of [...this.#sessions.values()]) {
      if (session.endsAtMs <= nowMs) session.end(over('the sign-in has expired; sign in again'));
    }
  }
}

function digestOf(secret: string): string {
  return hash('sha256', secret, 'base64');
}

function over(message: string): EngineError {
  return new EngineError('UNAUTHENTICATED', message);
}
