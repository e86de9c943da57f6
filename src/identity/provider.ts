import type { JWTVerifyGetKey } from 'jose';
import type { ServerMetadata } from 'openid-client';
import { EngineError } from '../../engine/model/errors.ts';
import { servingLimits } from '../serving-limits.ts';
import { issuerKeys } from './key-set.ts';
import { clientOfProvider } from './provider-client.ts';
import { fetchFromProvider, providerTimeoutMs } from './provider-fetch.ts';
import type { TrustedIssuer } from './trusted-issuer.ts';

/** An OpenID provider as its discovery document describes it. */
export interface Provider {
  readonly issuer: string;
  readonly keysUrl: string;
  /** Its discovery document. */
  readonly metadata: ServerMetadata;
  /** Finds the key of a token in the provider's key set; fetches the set again for an unknown key. */
  readonly keys: JWTVerifyGetKey;
  /**
   * Asks what a token is: its claims, or null for one that is not active. Null where this server is no
   * client of the provider.
   */
  readonly introspect: ((token: string) => Promise<IntrospectedClaims | null>) | null;
}

export type IntrospectedClaims = Readonly<Record<string, unknown>>;

type FoundIssuer = Pick<TrustedIssuer, 'issuer' | 'introspection'>;

export interface ProviderDiscoveryOptions {
  readonly trusted: FoundIssuer;
  /** An attempt failed; `retryMs`: when the next one begins by itself. */
  readonly onFailure?: (reason: string, retryMs: number) => void;
  readonly onFound?: () => void;
  readonly nowMs?: () => number;
}

/** Between attempts that nobody asked for: doubled after each that fails. */
const retryMsMin = 1_000;
const retryMsMax = 30_000;

interface Found {
  readonly provider: Provider;
  readonly atMs: number;
}

/**
 * Finds a provider through `/.well-known/openid-configuration`, and looks again, behind the callers'
 * backs, once what it found has aged. A first attempt that fails is made again by the next caller,
 * and by itself after `watch`; a later one leaves what was found before.
 */
export class ProviderDiscovery {
  readonly #options: ProviderDiscoveryOptions;
  readonly #nowMs: () => number;
  #found: Found | null = null;
  #attempt: Promise<Provider> | null = null;
  #failure: string | null = null;
  #isWatching = false;
  #retryMs = retryMsMin;
  #retry: NodeJS.Timeout | null = null;

  constructor(options: ProviderDiscoveryOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? Date.now;
  }

  /** Why tokens cannot be verified; null once the provider was found. */
  get problem(): string | null {
    if (this.#found !== null) return null;
    const { issuer } = this.#options.trusted;
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
    if (this.#found === null) return this.#look();
    const ageMs = this.#nowMs() - this.#found.atMs;
    if (ageMs >= servingLimits.discoveryAgeMaxMs && this.#retry === null) {
      this.#look().catch(() => this.#waitAfterFailure());
    }
    return Promise.resolve(this.#found.provider);
  }

  #look(): Promise<Provider> {
    this.#attempt ??= discover(this.#options.trusted, this.#found?.provider ?? null).then(
      (provider) => {
        const isFirst = this.#found === null;
        this.#found = { provider, atMs: this.#nowMs() };
        this.#attempt = null;
        this.#retryMs = retryMsMin;
        if (isFirst) this.#options.onFound?.();
        return provider;
      },
      (error: unknown) => {
        this.#attempt = null;
        if (this.#found === null) this.#failed(error);
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
    this.#retryLater(() => void this.find().catch(() => {}));
  }

  /** The provider that was found before serves on, and is not asked at each token meanwhile. */
  #waitAfterFailure(): void {
    if (this.#retry === null) this.#retryLater(() => {});
  }

  #retryLater(then: () => void): void {
    this.#retry = setTimeout(() => {
      this.#retry = null;
      then();
    }, this.#retryMs);
    this.#retry.unref();
    this.#retryMs = Math.min(this.#retryMs * 2, retryMsMax);
  }
}

/** What went wrong, with the cause: the client library says the most in that. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError' || (error as { code?: unknown }).code === 'OAUTH_TIMEOUT') {
    return `no answer within ${providerTimeoutMs} ms`;
  }
  const { cause } = error;
  if (cause instanceof Response) return `${error.message} (${cause.status})`;
  if (!(cause instanceof Error)) return error.message;
  const { code } = cause as NodeJS.ErrnoException;
  const isSystems = code !== undefined && !code.startsWith('OAUTH_');
  return `${error.message} (${isSystems ? code : cause.message})`;
}

async function discover(trusted: FoundIssuer, before: Provider | null): Promise<Provider> {
  const { issuer, introspection } = trusted;
  const client = await import('openid-client');
  const server = new URL(issuer);
  const isPlain = server.protocol === 'http:';
  const configuration = await client
    .discovery(server, introspection?.clientId ?? 'tickloom', {}, client.None(), {
      [client.customFetch]: fetchFromProvider,
      timeout: providerTimeoutMs / 1000,
      execute: isPlain ? [client.allowInsecureRequests] : [],
    })
    .catch((error: unknown) => {
      throw asWrongIssuer(error, issuer);
    });
  const metadata = configuration.serverMetadata();
  const { issuer: named, jwks_uri: keysUrl } = metadata;
  // OpenID Connect Discovery 4.3: the document's issuer must be exactly the one asked for.
  if (named !== issuer) throw wrongIssuer(issuer, named);
  if (keysUrl === undefined || !URL.canParse(keysUrl)) {
    throw new Error(`the provider at ${issuer} names no jwks_uri`);
  }
  // The keys that were fetched, and the time until they may be fetched again, stay.
  const keys = before?.keysUrl === keysUrl ? before.keys : issuerKeys(new URL(keysUrl));
  const introspect = introspection === null ? null : await introspectionAt(metadata, introspection);
  return { issuer, keysUrl, metadata, keys, introspect };
}

function asWrongIssuer(error: unknown, issuer: string): unknown {
  const { code, cause } = error as { code?: unknown; cause?: { body?: { issuer?: unknown } } };
  const isOther = code === 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED';
  return isOther ? wrongIssuer(issuer, cause?.body?.issuer) : error;
}

function wrongIssuer(issuer: string, named: unknown): Error {
  return new Error(`the provider at ${issuer} calls itself ${String(named).slice(0, 200)}`);
}

async function introspectionAt(
  metadata: ServerMetadata,
  { clientId, clientSecret }: NonNullable<TrustedIssuer['introspection']>,
): Promise<NonNullable<Provider['introspect']>> {
  const client = await import('openid-client');
  if (metadata.introspection_endpoint === undefined) {
    throw new Error(
      `the provider at ${metadata.issuer} names no introspection_endpoint: leave its client out, and have it give access tokens that are JWTs`,
    );
  }
  const methods = metadata.introspection_endpoint_auth_methods_supported;
  const configuration = await clientOfProvider(metadata, { clientId, clientSecret }, methods);
  return async (token) => {
    const claims = await client.tokenIntrospection(configuration, token, {
      token_type_hint: 'access_token',
    });
    return claims.active ? claims : null;
  };
}
