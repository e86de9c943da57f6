import { createHash, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { isLoopback } from '../http/loopback.ts';
import { servingLimits } from '../serving-limits.ts';
import { hostNameOf } from './local-callers.ts';
import { OAuthError } from './oauth-error.ts';

/** What a client asks of the authorisation page, checked. */
export interface AuthorizationRequest {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly state: string | null;
  readonly scope: string;
  readonly nonce: string | null;
  /** The S256 of PKCE (RFC 7636). */
  readonly codeChallenge: string;
}

/** Whom somebody chose to be, and for which request. */
export interface Grant {
  readonly request: AuthorizationRequest;
  readonly title: string;
  readonly role: string;
  readonly subject: string;
}

/**
 * Throws `OAuthError`, which is shown and not sent to the client: an address that is not of this machine
 * must get neither codes nor errors.
 */
export function authorizationRequest(query: URLSearchParams): AuthorizationRequest {
  const redirectUri = required(query, 'redirect_uri');
  if (!isLoopback(hostNameOf(redirectUri))) {
    throw new OAuthError(
      'invalid_request',
      'redirect_uri must be on this machine: http://localhost:<port>/… or http://127.0.0.1:<port>/…',
    );
  }
  if (query.get('response_type') !== 'code') {
    throw new OAuthError('unsupported_response_type', 'response_type must be "code"');
  }
  const codeChallenge = required(query, 'code_challenge');
  if (query.get('code_challenge_method') !== 'S256' || !/^[\w-]{43}$/.test(codeChallenge)) {
    throw new OAuthError(
      'invalid_request',
      'PKCE is needed: a code_challenge of 43 characters, and code_challenge_method=S256',
    );
  }
  return {
    clientId: required(query, 'client_id'),
    redirectUri,
    codeChallenge,
    state: query.get('state'),
    scope: query.get('scope') ?? '',
    nonce: query.get('nonce'),
  };
}

/** Codes that were given out, each good for one token and for a minute. */
export class AuthorizationCodes {
  readonly #grants = new LRUCache<string, Grant>({
    max: servingLimits.sandboxCodesMax,
    ttl: 60_000,
  });

  give(grant: Grant): string {
    const code = randomBytes(32).toString('base64url');
    this.#grants.set(code, grant);
    return code;
  }

  /** Throws `OAuthError`; a code that was shown once is gone, whether it fitted or not. */
  redeem(form: URLSearchParams, clientId: string): Grant {
    const code = required(form, 'code');
    const grant = this.#grants.get(code);
    this.#grants.delete(code);
    if (grant === undefined || grant.request.clientId !== clientId) {
      throw new OAuthError(
        'invalid_grant',
        'the code is unknown, was used, or is older than a minute',
      );
    }
    if (form.get('redirect_uri') !== grant.request.redirectUri) {
      throw new OAuthError(
        'invalid_grant',
        'redirect_uri is not the one that the code was asked with',
      );
    }
    const verifier = required(form, 'code_verifier');
    if (createHash('sha256').update(verifier).digest('base64url') !== grant.request.codeChallenge) {
      throw new OAuthError('invalid_grant', 'code_verifier does not fit code_challenge');
    }
    return grant;
  }
}

export function required(values: URLSearchParams, name: string): string {
  const value = values.get(name);
  if (value) return value;
  throw new OAuthError('invalid_request', `"${name}" is missing`);
}
