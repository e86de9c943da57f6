import type { JWTVerifyGetKey } from 'jose';
import { EngineError } from '../../engine/errors.ts';
import { issuerKeys } from './key-set.ts';

/** An OpenID provider as its discovery document describes it. */
export interface Provider {
  readonly issuer: string;
  /** Finds the key of a token in the provider's key set; fetches the set again for an unknown key. */
  readonly keys: JWTVerifyGetKey;
}

const discoveryTimeoutMs = 5_000;
/**
 * Finds a provider through `/.well-known/openid-configuration`, once: the result is kept while it
 * is good, and a failed attempt is made again by the next caller.
 */
export function discoverProvider(issuer: string): () => Promise<Provider> {
  let found: Promise<Provider> | null = null;
  return () => {
    found ??= discover(issuer).catch((error: unknown) => {
      found = null;
      throw new EngineError(
        'UNAVAILABLE',
        'the identity provider does not answer, so tokens cannot be verified',
        { retryAfterMs: 1_000, cause: error },
      );
    });
    return found;
  };
}

async function discover(issuer: string): Promise<Provider> {
  const response = await fetch(`${issuer.replace(/\/+$/, '')}/.well-known/openid-configuration`, {
    signal: AbortSignal.timeout(discoveryTimeoutMs),
    headers: { accept: 'application/json' },
  });
  if (!response.ok) throw new Error(`discovery of ${issuer} answered ${response.status}`);
  const document: unknown = await response.json();
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
