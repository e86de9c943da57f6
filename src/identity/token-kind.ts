import type { JWTHeaderParameters, JWTPayload } from 'jose';

/**
 * What a token is where it is not an access token, null where it may be one. Only an access token is
 * made for an API; an ID token tells a client who signed in, and may name the same audience.
 *
 * A token of RFC 9068 says what it is in its header (`typ: at+jwt`). Many issuers sign access tokens
 * as plain `JWT`; of those the others are told by what only they have: an ID token `nonce`, `at_hash`,
 * `c_hash` or `s_hash` (OpenID Connect Core 2, 3.1.3.6, 3.3.2.11), a logout token `events` (Back-Channel
 * Logout 2.4), and what Keycloak (`typ`) and Cognito (`token_use`) say of their own.
 */
export function otherKindOf(header: JWTHeaderParameters, claims: JWTPayload): string | null {
  const type = String(header.typ ?? 'JWT')
    .toLowerCase()
    .replace(/^application\//, '');
  if (type === 'at+jwt') return null;
  if (type !== 'jwt') return `of the type "${String(header.typ).slice(0, 32)}"`;
  const said = [claims.typ, claims.token_use].map((value) => String(value ?? '').toLowerCase());
  if (said.includes('id') || idTokenClaims.some((name) => Object.hasOwn(claims, name))) {
    return 'an ID token';
  }
  if (said.includes('refresh') || said.includes('offline')) return 'a refresh token';
  return said.includes('logout') || Object.hasOwn(claims, 'events') ? 'a logout token' : null;
}

const idTokenClaims = ['nonce', 'at_hash', 'c_hash', 's_hash'];
