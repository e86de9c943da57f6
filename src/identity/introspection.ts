import { LRUCache } from 'lru-cache';
import { EngineError } from '../../engine/model/errors.ts';
import { servingLimits } from '../serving-limits.ts';
import type { IntrospectedClaims, Provider } from './provider.ts';

/**
 * Asks providers what tokens are. Callers that ask for one token at the same time share the asking;
 * one that a provider did not know is not asked for again for a while, and only so many are asked for
 * at once: a flood of invented tokens must not reach the provider.
 */
export class Introspection {
  readonly #running = new Map<string, Promise<IntrospectedClaims | null>>();
  /** Digests of tokens that are not active, and until when that is remembered. */
  readonly #inactive = new LRUCache<string, number>({
    max: servingLimits.tokensRefusedRememberedMax,
  });
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Null for a token that is not active. Rejects with `UNAVAILABLE` where that cannot be told. */
  async ask(
    introspect: NonNullable<Provider['introspect']>,
    token: string,
    digest: string,
  ): Promise<IntrospectedClaims | null> {
    const untilMs = this.#inactive.get(digest);
    if (untilMs !== undefined && untilMs > this.#nowMs()) return null;
    const running = this.#running.get(digest);
    if (running !== undefined) return running;
    if (this.#running.size >= servingLimits.introspectionsRunningMax) {
      throw unavailable('the identity provider is asked for too many tokens now; try again');
    }
    const asking = introspect(token).then(
      (claims) => {
        const rememberMs = servingLimits.introspectionRememberedMs;
        if (claims === null) this.#inactive.set(digest, this.#nowMs() + rememberMs);
        return claims;
      },
      (error: unknown) => {
        throw unavailable('the identity provider does not say what the token is', error);
      },
    );
    this.#running.set(digest, asking);
    try {
      return await asking;
    } finally {
      this.#running.delete(digest);
    }
  }
}

function unavailable(message: string, cause?: unknown): EngineError {
  return new EngineError('UNAVAILABLE', message, { retryAfterMs: 1_000, cause });
}
