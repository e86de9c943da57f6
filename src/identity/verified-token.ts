import type { TrustedIssuer } from './trusted-issuer.ts';

/** A token whose signature (or standing at its provider), issuer, audience and times are good. */
export interface VerifiedToken {
  readonly issuer: TrustedIssuer;
  /** With the issuer's prefix. */
  readonly subject: string;
  /** Its `jti`; null: the issuer gives its tokens none. */
  readonly tokenId: string | null;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly expiresAtMs: number;
  /** Whether the provider was asked, and may say something else when it is asked again. */
  readonly isIntrospected: boolean;
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
  | 'inactive'
  | 'denied'
  | 'provider';

/**
 * The subject of a token. One that a client got for itself (client credentials) may name nobody: then
 * the client is the subject. Null: it names neither.
 */
export function subjectOf(claims: Readonly<Record<string, unknown>>): string | null {
  const named = [claims.sub, claims.client_id, claims.azp];
  return named.find((value): value is string => typeof value === 'string' && value !== '') ?? null;
}
