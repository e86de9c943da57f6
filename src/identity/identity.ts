import type { Catalog } from '../../engine/model/catalog.ts';
import type { Principal } from '../../resolvers/context.ts';
import { bearerToken } from './bearer.ts';
import { type ClaimNames, principalOf } from './principal.ts';
import { ProviderDiscovery } from './provider.ts';
import { type AuthFailure, TokenVerifier, type VerifiedToken } from './token-verifier.ts';

export interface IdentityOptions {
  readonly issuer: string;
  readonly audience: string;
  readonly claims: ClaimNames;
  readonly onFailure: (reason: AuthFailure) => void;
  /** Looks for the issuer; by default one that is asked only when a token comes. */
  readonly discovery?: ProviderDiscovery;
  readonly nowMs?: () => number;
}

/** Turns the `authorization` of a request into who asks. */
export class Identity {
  readonly #verifier: TokenVerifier;
  readonly #options: IdentityOptions;
  /** Principals by token and title, so that a busy client's is made once. */
  readonly #principals = new WeakMap<VerifiedToken, Map<Catalog, Principal>>();

  constructor(options: IdentityOptions) {
    this.#options = options;
    const discovery = options.discovery ?? new ProviderDiscovery({ issuer: options.issuer });
    this.#verifier = new TokenVerifier({
      provider: () => discovery.find(),
      audience: options.audience,
      onFailure: options.onFailure,
      ...(options.nowMs === undefined ? {} : { nowMs: options.nowMs }),
    });
  }

  /**
   * `authorization`: `Bearer <token>`. Answers at once for a token seen before. Throws or rejects
   * with `UNAUTHENTICATED`, `TOKEN_EXPIRED`, `FORBIDDEN` or `UNAVAILABLE`.
   */
  principal(authorization: unknown, catalog: Catalog): Principal | Promise<Principal> {
    let token: string;
    try {
      token = bearerToken(authorization);
    } catch (error) {
      this.#options.onFailure('missing');
      throw error;
    }
    const verified = this.#verifier.verify(token);
    return verified instanceof Promise
      ? verified.then((done) => this.#within(done, catalog))
      : this.#within(verified, catalog);
  }

  #within(token: VerifiedToken, catalog: Catalog): Principal {
    let byTitle = this.#principals.get(token);
    if (byTitle === undefined) {
      byTitle = new Map();
      this.#principals.set(token, byTitle);
    }
    let principal = byTitle.get(catalog);
    if (principal === undefined) {
      principal = principalOf(token, catalog, this.#options.claims, this.#options.onFailure);
      byTitle.set(catalog, principal);
    }
    return principal;
  }
}
