import { hash } from 'node:crypto';
import {
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JWTVerifyOptions,
  type JWTVerifyResult,
  jwtVerify,
} from 'jose';
import { LRUCache } from 'lru-cache';
import { EngineError } from '../../engine/model/errors.ts';
import { servingLimits } from '../serving-limits.ts';
import { Introspection } from './introspection.ts';
import type { IntrospectedClaims, Provider, ProviderDiscovery } from './provider.ts';
import { otherKindOf } from './token-kind.ts';
import type { TrustedIssuer } from './trusted-issuer.ts';
import { type AuthFailure, subjectOf, type VerifiedToken } from './verified-token.ts';

/** An issuer that is trusted, and where it is found. */
export interface FindableIssuer {
  readonly trusted: TrustedIssuer;
  readonly discovery: Pick<ProviderDiscovery, 'find'>;
}

export interface TokenVerifierOptions {
  readonly issuers: readonly FindableIssuer[];
  readonly onFailure: (reason: AuthFailure) => void;
  readonly nowMs?: () => number;
}

/** A remembered token is verified anew after this, so that a withdrawn key stops working. */
const rememberMs = 5 * 60_000;

interface Remembered {
  readonly token: VerifiedToken;
  readonly untilMs: number;
}

/** Why a token is refused, for the metric and for the client. */
class Refusal extends Error {
  readonly reason: AuthFailure;
  readonly shown: EngineError;

  constructor(reason: AuthFailure, shown: EngineError) {
    super(shown.message);
    this.reason = reason;
    this.shown = shown;
  }
}

/**
 * Verifies bearer tokens against the keys of the provider that each names, or by asking the provider.
 * A token that was good is remembered by its hash, so that a signature is checked once and not once a
 * request.
 */
export class TokenVerifier {
  readonly #options: TokenVerifierOptions;
  readonly #nowMs: () => number;
  readonly #byIssuer: ReadonlyMap<string, FindableIssuer>;
  /** Who is asked for tokens that are no JWT: these do not say whose they are. */
  readonly #opaque: FindableIssuer | null;
  readonly #introspection: Introspection;
  readonly #remembered = new LRUCache<string, Remembered>({
    max: servingLimits.tokensRememberedMax,
  });

  constructor(options: TokenVerifierOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? Date.now;
    this.#byIssuer = new Map(options.issuers.map((one) => [one.trusted.issuer, one]));
    this.#opaque = options.issuers.find(({ trusted }) => asks(trusted, 'opaque')) ?? null;
    this.#introspection = new Introspection(this.#nowMs);
  }

  /**
   * Answers at once for a remembered token. Throws or rejects with `UNAUTHENTICATED`,
   * `TOKEN_EXPIRED` or, when the provider does not answer, `UNAVAILABLE`.
   */
  verify(token: string): VerifiedToken | Promise<VerifiedToken> {
    if (token.length > servingLimits.tokenCharsMax) {
      const max = servingLimits.tokenCharsMax;
      this.#options.onFailure('malformed');
      throw new EngineError('UNAUTHENTICATED', `the token is longer than ${max} characters`, {
        details: { limit: 'tokenCharsMax', max },
      });
    }
    const digest = hash('sha256', token, 'base64');
    const remembered = this.#remembered.get(digest);
    const nowMs = this.#nowMs();
    if (remembered !== undefined && remembered.untilMs > nowMs) return remembered.token;
    if (remembered !== undefined) this.#remembered.delete(digest);
    return this.#verify(token, digest, nowMs);
  }

  async #verify(token: string, digest: string, nowMs: number): Promise<VerifiedToken> {
    try {
      const verified = await this.#verified(token, digest, nowMs);
      const ageMaxMs = verified.isIntrospected
        ? servingLimits.introspectionRememberedMs
        : rememberMs;
      const untilMs = Math.min(verified.expiresAtMs, nowMs + ageMaxMs);
      this.#remembered.set(digest, { token: verified, untilMs });
      return verified;
    } catch (error) {
      const { reason, shown } = error instanceof Refusal ? error : refusalOf(error);
      this.#options.onFailure(reason);
      throw shown;
    }
  }

  async #verified(token: string, digest: string, nowMs: number): Promise<VerifiedToken> {
    const named = unverifiedIssuer(token);
    if (named === opaque) return this.#introspected(this.#opaqueIssuer(), token, digest, nowMs);
    const issuer = this.#byIssuer.get(named);
    if (issuer === undefined) {
      throw unauthenticated(
        'issuer',
        'the token comes from another issuer than this server trusts',
      );
    }
    const { trusted, discovery } = issuer;
    const { keys } = await discovery.find();
    const { payload, protectedHeader } = await verifiedByAnyKey(token, keys, {
      issuer: trusted.issuer,
      audience: [...trusted.audiences],
      algorithms: [...trusted.algorithms],
      clockTolerance: trusted.clockToleranceSeconds,
      requiredClaims: ['exp'],
      currentDate: new Date(nowMs),
    }).catch((error: unknown) => {
      throw error instanceof errors.JOSEAlgNotAllowed ? wrongAlgorithm(trusted) : error;
    });
    refuseOtherKind(otherKindOf(protectedHeader, payload));
    const verified = tokenOf(trusted, payload, false);
    if (!asks(trusted, 'jwt')) return verified;
    return this.#introspected(issuer, token, digest, nowMs, payload);
  }

  /** `signed`: what the token itself says, where it is a JWT; the provider's word goes before it. */
  async #introspected(
    { trusted, discovery }: FindableIssuer,
    token: string,
    digest: string,
    nowMs: number,
    signed: IntrospectedClaims = {},
  ): Promise<VerifiedToken> {
    const { introspect } = await discovery.find();
    if (introspect === null) throw new RangeError(`no client of ${trusted.issuer} is known`);
    const told = await this.#introspection.ask(introspect, token, digest);
    if (told === null) {
      throw unauthenticated('inactive', 'the issuer does not know the token, or took it back');
    }
    const claims = { ...signed, ...told };
    checkIntrospected(trusted, claims, nowMs);
    return tokenOf(trusted, claims, true);
  }

  #opaqueIssuer(): FindableIssuer {
    if (this.#opaque !== null) return this.#opaque;
    throw unauthenticated('malformed', malformed);
  }
}

const malformed = 'the token is not a valid signed JSON Web Token';
const opaque = Symbol('a token that is no JWT');

function asks({ introspection }: TrustedIssuer, what: 'opaque' | 'jwt'): boolean {
  return introspection !== null && (introspection.asks === what || introspection.asks === 'all');
}

/** Whose the token says it is; nothing of it is believed yet. Throws for a JWT that is broken. */
function unverifiedIssuer(token: string): string | typeof opaque {
  try {
    decodeProtectedHeader(token);
  } catch {
    return opaque;
  }
  const { iss } = decodeJwt(token);
  if (typeof iss !== 'string') {
    throw unauthenticated('issuer', 'the token\'s claim "iss" is missing or not valid');
  }
  return iss;
}

/** Tries every key that fits, where the token does not name one and the issuer has several. */
async function verifiedByAnyKey(
  token: string,
  keys: Provider['keys'],
  options: JWTVerifyOptions,
): Promise<JWTVerifyResult> {
  try {
    return await jwtVerify(token, keys, options);
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    for await (const key of error) {
      try {
        return await jwtVerify(token, key, options);
      } catch (next) {
        if (!(next instanceof errors.JWSSignatureVerificationFailed)) throw next;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}

/** The checks of a JWT, on what a provider says of a token. */
function checkIntrospected(
  { issuer, audiences, clockToleranceSeconds }: TrustedIssuer,
  claims: IntrospectedClaims,
  nowMs: number,
): void {
  const { iss, aud, exp, nbf, token_type: type } = claims;
  if (iss !== undefined && iss !== issuer) {
    throw unauthenticated('issuer', 'the token comes from another issuer than this server trusts');
  }
  // Without an audience nobody can tell that the token was made for this API.
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!named.some((one) => audiences.includes(String(one)))) {
    throw unauthenticated('audience', 'the token was made for another audience');
  }
  refuseOtherKind(otherKindOf({ alg: '' }, claims));
  const isBearer = type === undefined || /^(bearer|access_token)$/i.test(String(type));
  if (!isBearer) refuseOtherKind(`of the type "${String(type).slice(0, 32)}"`);
  const nowSeconds = nowMs / 1000;
  if (typeof exp === 'number' && exp <= nowSeconds - clockToleranceSeconds) {
    throw new Refusal('expired', expired());
  }
  if (typeof nbf === 'number' && nbf > nowSeconds + clockToleranceSeconds) {
    throw unauthenticated('claims', 'the token\'s claim "nbf" is missing or not valid');
  }
}

function tokenOf(
  issuer: TrustedIssuer,
  claims: IntrospectedClaims,
  isIntrospected: boolean,
): VerifiedToken {
  const subject = subjectOf(claims);
  if (subject === null) {
    throw unauthenticated('claims', 'the token names no subject (sub), nor a client (client_id)');
  }
  const { exp, jti } = claims;
  if (typeof exp !== 'number' || !Number.isFinite(exp)) {
    throw unauthenticated('claims', 'the token\'s claim "exp" is missing or not valid');
  }
  return {
    issuer,
    subject: issuer.subjectPrefix + subject,
    tokenId: typeof jti === 'string' && jti !== '' ? jti : null,
    claims,
    expiresAtMs: exp * 1000,
    isIntrospected,
  };
}

function refuseOtherKind(other: string | null): void {
  if (other === null) return;
  throw unauthenticated(
    'kind',
    `the token is ${other}, not an access token; send the access_token that the issuer gave`,
  );
}

function expired(cause?: unknown): EngineError {
  return new EngineError('TOKEN_EXPIRED', 'the token has expired; get another one', { cause });
}

function wrongAlgorithm({ algorithms }: TrustedIssuer): Refusal {
  const allowed = algorithms.join(', ');
  return unauthenticated('signature', `the token must be signed with one of ${allowed}`);
}

function unauthenticated(reason: AuthFailure, message: string, cause?: unknown): Refusal {
  return new Refusal(reason, new EngineError('UNAUTHENTICATED', message, { cause }));
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof EngineError) return new Refusal('provider', error);
  if (error instanceof errors.JWTExpired) return new Refusal('expired', expired(error));
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'aud') {
      return unauthenticated('audience', 'the token was made for another audience', error);
    }
    const message = `the token's claim "${error.claim}" is missing or not valid`;
    return unauthenticated('claims', message, error);
  }
  if (
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JWKSNoMatchingKey
  ) {
    const message = "the token is not signed by one of the issuer's keys";
    return unauthenticated('signature', message, error);
  }
  if (
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JOSENotSupported
  ) {
    return unauthenticated('malformed', malformed, error);
  }
  // What remains is the fetch of the keys: a timeout, a refused connection, an answer that is no key set.
  return new Refusal(
    'provider',
    new EngineError(
      'UNAVAILABLE',
      "the identity provider's keys cannot be read, so tokens cannot be verified",
      { retryAfterMs: 1_000, cause: error },
    ),
  );
}
