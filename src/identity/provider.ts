import type { JWTVerifyGetKey } from 'jose';
import { EngineError } from '../../engine/model/errors.ts';
import { issuerKeys } from './key-set.ts';

/** An OpenID provider as its discovery document describes it. */
export interface Provider {
  readonly issuer: string;
  /** Finds the key of a token in the provider's key set; fetches the set again for an unknown key. */
  readonly keys: JWTVerifyGetKey;
}

export interface ProviderDiscoveryOptions {
  readonly issuer: string;
  /** An attempt failed; `retryMs`: when the next one begins by itself. */
  readonly onFailure?: (reason: string, retryMs: number) => void;
  readonly onFound?: () => void;
}

const discoveryTimeoutMs = 5_000;
/** Between attempts that nobody asked for: doubled after each that fails. */
const retryMsMin = 1_000;
const retryMsMax = 30_000;

/**
 * Finds a provider through `/.well-known/openid-configuration`, once: the result is kept while the
 * process lives. A failed attempt is made again by the next caller, and by itself after `watch`.
 */
export class ProviderDiscovery {
  readonly #options: ProviderDiscoveryOptions;
  #attempt: Promise<Provider> | null = null;
  #isFound = false;
  #failure: string | null = null;
  #isWatching = false;
  #retryMs = retryMsMin;
  #retry: NodeJS.Timeout | null = null;

  constructor(options: ProviderDiscoveryOptions) {
    this.#options = options;
  }

  /** Why tokens cannot be verified; null once the provider was found. */
  get problem(): string | null {
    if (this.#isFound) return null;
    const { issuer } = this.#options;
    return this.#failure === null
      ? `the identity provider ${issuer} has not answered yet`
      : `the identity provider ${issuer} cannot be used: ${this.#failure}`;
  }

  /** Looks for the provider now, and again and again until it is found. */
  watch(): void {
    this.#isWatching = true;
    this.find().catch(() => {});
  }

  close(): void {
    this.#isWatching = false;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
  }

  /** Rejects with `UNAVAILABLE`, which clients try again. */
  find(): Promise<Provider> {
    this.#attempt ??= discover(this.#options.issuer).then(
      (provider) => {
        this.#isFound = true;
        this.#options.onFound?.();
        return provider;
      },
      (error: unknown) => {
        this.#attempt = null;
        this.#failed(error);
        throw new EngineError(
          'UNAVAILABLE',
          'the identity provider cannot be used now, so tokens cannot be verified',
          { retryAfterMs: retryMsMin, cause: error },
        );
      },
    );
    return this.#attempt;
  }

  #failed(error: unknown): void {
    this.#failure = reasonOf(error);
    // Callers may ask more often than the watch does: only its own attempts are told of.
    if (!this.#isWatching || this.#retry !== null) return;
    this.#options.onFailure?.(this.#failure, this.#retryMs);
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.find().catch(() => {});
    }, this.#retryMs);
    this.#retry.unref();
    this.#retryMs = Math.min(this.#retryMs * 2, retryMsMax);
  }
}

/** `fetch` says what went wrong in the cause of its error. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${discoveryTimeoutMs} ms`;
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  const { code } = cause as NodeJS.ErrnoException;
  return `${error.message} (${code ?? cause.message})`;
}

async function discover(issuer: string): Promise<Provider> {
  const response = await fetch(`${issuer.replace(/\/+$/, '')}/.well-known/openid-configuration`, {
    signal: AbortSignal.timeout(discoveryTimeoutMs),
    headers: { accept: 'application/json' },
  });
  if (!response.ok) throw new Error(`discovery of ${issuer} answered ${response.status}`);
  const document: unknown = await response.json().catch(() => null);
  if (typeof document !== 'object' || document === null) {
    throw new Error(`discovery of ${issuer} answered no JSON object`);
  }
  const { issuer: named, jwks_uri: keysUrl } = document as Record<string, unknown>;
  // OpenID Connect Discovery 4.3: the document's issuer must be exactly the one asked for.
  if (named !== issuer) throw new Error(`the provider at ${issuer} calls itself ${String(named)}`);
  if (typeof keysUrl !== 'string' || !URL.canParse(keysUrl)) {
    throw new Error(`the provider at ${issuer} names no jwks_uri`);
  }
  return {
    issuer,
    keys: issuerKeys(new URL(keysUrl)),
  };
}
