import { hash } from 'node:crypto';
import { errors, type JWTHeaderParameters, type JWTPayload, jwtVerify } from 'jose';
import { EngineError } from '../../engine/model/errors.ts';
import { servingLimits } from '../serving-limits.ts';
import type { Provider } from './provider.ts';
import { otherKindOf } from './token-kind.ts';

/** A token whose signature, issuer, audience and times are good. */
export interface VerifiedToken {
  readonly subject: string;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly expiresAtMs: number;
}

/** Why a token was refused, for `auth_failures_total{reason}`. */
export type AuthFailure =
  | 'missing'
  | 'malformed'
  | 'expired'
  | 'signature'
  | 'issuer'
  | 'audience'
  | 'claims'
  | 'kind'
  | 'title'
  | 'role'
  | 'provider';

export interface TokenVerifierOptions {
  readonly provider: () => Promise<Provider>;
  readonly audience: string;
  readonly onFailure: (reason: AuthFailure) => void;
  readonly nowMs?: () => number;
}

/** Asymmetric only: with a shared secret whoever verifies could also issue. */
const algorithms = ['RS256', 'ES256', 'EdDSA'];
const clockToleranceSeconds = 5;
/** A remembered token is verified anew after this, so that a withdrawn key stops working. */
const rememberMs = 5 * 60_000;

interface Remembered {
  readonly token: VerifiedToken;
  readonly untilMs: number;
}

/**
 * Verifies bearer tokens against the provider's keys. A token that was good is remembered by its
 * hash, so that a signature is checked once and not once a request.
 */
export class TokenVerifier {
  readonly #options: TokenVerifierOptions;
  readonly #nowMs: () => number;
  readonly #remembered = new Map<string, Remembered>();

  constructor(options: TokenVerifierOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? Date.now;
  }

  /**
   * Answers at once for a remembered token. Throws or rejects with `UNAUTHENTICATED`,
   * `TOKEN_EXPIRED` or, when the provider does not answer, `UNAVAILABLE`.
   */
  verify(jwt: string): VerifiedToken | Promise<VerifiedToken> {
    const digest = hash('sha256', jwt, 'base64');
    const remembered = this.#remembered.get(digest);
    const nowMs = this.#nowMs();
    if (remembered !== undefined && remembered.untilMs > nowMs) return remembered.token;
    if (remembered !== undefined) this.#remembered.delete(digest);
    return this.#verify(jwt, digest, nowMs);
  }

  async #verify(jwt: string, digest: string, nowMs: number): Promise<VerifiedToken> {
    const provider = await this.#providerOrFail();
    let payload: JWTPayload;
    let protectedHeader: JWTHeaderParameters;
    try {
      ({ payload, protectedHeader } = await jwtVerify(jwt, provider.keys, {
        issuer: provider.issuer,
        audience: this.#options.audience,
        algorithms,
        clockTolerance: clockToleranceSeconds,
        requiredClaims: ['exp', 'sub'],
        currentDate: new Date(nowMs),
      }));
    } catch (error) {
      throw this.#refusal(error);
    }
    const other = otherKindOf(protectedHeader, payload);
    if (other !== null) {
      this.#options.onFailure('kind');
      throw new EngineError(
        'UNAUTHENTICATED',
        `the token is ${other}, not an access token; send the access_token that the issuer gave`,
      );
    }
    const { sub, exp } = payload;
    if (typeof sub !== 'string' || sub === '' || typeof exp !== 'number') {
      this.#options.onFailure('claims');
      throw new EngineError('UNAUTHENTICATED', 'the token names no subject (sub)');
    }
    const token = { subject: sub, claims: payload, expiresAtMs: exp * 1000 };
    this.#remember(digest, token, nowMs);
    return token;
  }

  async #providerOrFail(): Promise<Provider> {
    try {
      return await this.#options.provider();
    } catch (error) {
      this.#options.onFailure('provider');
      throw error;
    }
  }

  #remember(digest: string, token: VerifiedToken, nowMs: number): void {
    if (this.#remembered.size >= servingLimits.tokensRememberedMax) {
      const oldest = this.#remembered.keys().next();
      if (!oldest.done) this.#remembered.delete(oldest.value);
    }
    const untilMs = Math.min(token.expiresAtMs, nowMs + rememberMs);
    this.#remembered.set(digest, { token, untilMs });
  }

  #refusal(error: unknown): EngineError {
    const { reason, refusal } = explain(error);
    this.#options.onFailure(reason);
    return refusal;
  }
}

function explain(error: unknown): { reason: AuthFailure; refusal: EngineError } {
  if (error instanceof EngineError) return { reason: 'provider', refusal: error };
  const unauthenticated = (reason: AuthFailure, message: string) => ({
    reason,
    refusal: new EngineError('UNAUTHENTICATED', message, { cause: error }),
  });
  if (error instanceof errors.JWTExpired) {
    return {
      reason: 'expired',
      refusal: new EngineError('TOKEN_EXPIRED', 'the token has expired; get another one', {
        cause: error,
      }),
    };
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'iss') {
      return unauthenticated(
        'issuer',
        'the token comes from another issuer than this server trusts',
      );
    }
    if (error.claim === 'aud') {
      return unauthenticated('audience', 'the token was made for another audience');
    }
    return unauthenticated('claims', `the token's claim "${error.claim}" is missing or not valid`);
  }
  if (
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JWKSNoMatchingKey
  ) {
    return unauthenticated('signature', "the token is not signed by one of the issuer's keys");
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return unauthenticated('signature', `the token must be signed with ${algorithms.join(', ')}`);
  }
  if (
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JOSENotSupported ||
    error instanceof errors.JWKSMultipleMatchingKeys
  ) {
    return unauthenticated('malformed', 'the token is not a valid signed JSON Web Token');
  }
  // What remains is the fetch of the keys: a timeout, a refused connection, an answer that is no key set.
  return {
    reason: 'provider',
    refusal: new EngineError(
      'UNAVAILABLE',
      "the identity provider's keys cannot be read, so tokens cannot be verified",
      { retryAfterMs: 1_000, cause: error },
    ),
  };
}
