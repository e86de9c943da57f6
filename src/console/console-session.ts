import { EngineError } from '../../engine/model/errors.ts';
import type { PageSession } from '../identity/page-sessions.ts';
import type { VerifiedToken } from '../identity/verified-token.ts';
import { servingLimits } from '../serving-limits.ts';
import { type ProviderTokens, SignInRefused } from './sign-in-client.ts';

/** A sign-in: the provider's tokens, and what its access token says once it was verified. */
export interface SignedIn {
  readonly tokens: ProviderTokens;
  readonly token: VerifiedToken;
}

export interface ConsoleSessionOptions {
  readonly signedIn: SignedIn;
  /** Makes another sign-in of one; rejects with `SignInRefused` where the provider will not. */
  readonly renew: (before: ProviderTokens & { readonly refreshToken: string }) => Promise<SignedIn>;
  readonly nowMs: () => number;
}

/** After a provider did not answer: when it is asked again. */
const retryMs = 2_000;

/**
 * Somebody signed in with a browser. The tokens stay here; the access token is renewed by the refresh
 * token before it expires, and the session ends when that cannot be.
 */
export class ConsoleSession implements PageSession {
  readonly subject: string;
  readonly signedInAtMs: number;
  /** When it was last used. */
  usedAtMs: number;
  #current: SignedIn;
  #renewsAtMs: number;
  #renewal: Promise<void> | null = null;
  #end: EngineError | null = null;
  readonly #options: ConsoleSessionOptions;
  readonly #listeners = new Set<(reason: EngineError) => void>();

  constructor(options: ConsoleSessionOptions) {
    this.#options = options;
    this.#current = options.signedIn;
    this.subject = options.signedIn.token.subject;
    this.signedInAtMs = options.nowMs();
    this.usedAtMs = this.signedInAtMs;
    this.#renewsAtMs = this.#whenToRenew();
  }

  get current(): SignedIn {
    return this.#current;
  }

  get renewsAtMs(): number {
    return this.#renewsAtMs;
  }

  /** When it is over, unless it is used before. */
  get endsAtMs(): number {
    const { consoleIdleMs, consoleLifeMs } = servingLimits;
    const { tokens, token } = this.#current;
    const last = tokens.refreshToken === null ? token.expiresAtMs : Number.POSITIVE_INFINITY;
    return Math.min(this.usedAtMs + consoleIdleMs, this.signedInAtMs + consoleLifeMs, last);
  }

  /** When it is over, however it is used. */
  get lastsUntilMs(): number {
    return this.signedInAtMs + servingLimits.consoleLifeMs;
  }

  authorization(): string | Promise<string> {
    const nowMs = this.#options.nowMs();
    if (this.#end === null && nowMs >= this.endsAtMs) this.end(expired());
    if (this.#end !== null) throw this.#end;
    this.usedAtMs = nowMs;
    return nowMs < this.#renewsAtMs ? this.#bearer() : this.#renewed();
  }

  end(reason: EngineError): void {
    if (this.#end !== null) return;
    this.#end = reason;
    for (const listen of [...this.#listeners]) listen(reason);
    this.#listeners.clear();
  }

  onEnd(listen: (reason: EngineError) => void): () => void {
    if (this.#end !== null) {
      const reason = this.#end;
      queueMicrotask(() => listen(reason));
      return () => {};
    }
    this.#listeners.add(listen);
    return () => void this.#listeners.delete(listen);
  }

  #bearer(): string {
    return `Bearer ${this.#current.tokens.accessToken}`;
  }

  /** Callers that come meanwhile wait for one renewal. */
  async #renewed(): Promise<string> {
    this.#renewal ??= this.#renew().finally(() => {
      this.#renewal = null;
    });
    await this.#renewal;
    if (this.#end !== null) throw this.#end;
    return this.#bearer();
  }

  async #renew(): Promise<void> {
    const { tokens, token } = this.#current;
    const { refreshToken } = tokens;
    if (refreshToken === null) return;
    try {
      const next = await this.#options.renew({ ...tokens, refreshToken });
      if (next.token.subject !== token.subject || next.token.issuer !== token.issuer) {
        return this.end(over('the provider renewed the sign-in as somebody else; sign in again'));
      }
      this.#current = next;
      this.#renewsAtMs = this.#whenToRenew();
    } catch (error) {
      if (error instanceof SignInRefused || isRefusedToken(error)) return this.end(expired(error));
      const nowMs = this.#options.nowMs();
      this.#renewsAtMs = nowMs + retryMs;
      // The token in hand is good for a while yet.
      if (nowMs < token.expiresAtMs) return;
      throw new EngineError('UNAVAILABLE', 'the identity provider does not renew the sign-in now', {
        retryAfterMs: retryMs,
        cause: error,
      });
    }
  }

  #whenToRenew(): number {
    const { tokens, token } = this.#current;
    if (tokens.refreshToken === null) return Number.POSITIVE_INFINITY;
    const lifeMs = token.expiresAtMs - this.#options.nowMs();
    return token.expiresAtMs - Math.min(servingLimits.consoleRenewAheadMs, lifeMs / 2);
  }
}

/** What the provider gave is no token that opens anything here, or is denied by now. */
function isRefusedToken(error: unknown): boolean {
  return error instanceof EngineError && error.category === 'auth';
}

function expired(cause?: unknown): EngineError {
  return over('the sign-in has expired; sign in again', cause);
}

function over(message: string, cause?: unknown): EngineError {
  return new EngineError('UNAUTHENTICATED', message, { cause });
}
