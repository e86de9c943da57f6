import type { IncomingHttpHeaders } from 'node:http';
import type { EngineError } from '../../engine/model/errors.ts';

/** What of a request's headers a session is found by. */
export type PageHeaders = Pick<IncomingHttpHeaders, 'cookie' | 'origin' | 'sec-fetch-site'>;

/** People who are signed in with a browser, whose requests carry a cookie instead of a token. */
export interface PageSessions {
  /**
   * Null where the request has no such cookie. Throws `FORBIDDEN` where a page of another origin
   * sends it, and `UNAUTHENTICATED` for a session that is over.
   */
  find(headers: PageHeaders): PageSession | null;
}

export interface PageSession {
  /**
   * `Bearer …` with a token that holds, which is another one than before when that had to be renewed.
   * Throws or rejects with `UNAUTHENTICATED` where the session is over, and `UNAVAILABLE`.
   */
  authorization(): string | Promise<string>;
  /** From when on `authorization` would renew the token; infinite where it cannot be. */
  readonly renewsAtMs: number;
  /** Calls back, once, when the session ends. Returns how to call it off. */
  onEnd(listen: (reason: EngineError) => void): () => void;
}
