import type { Catalog } from '../../engine/model/catalog.ts';
import { EngineError } from '../../engine/model/errors.ts';
import type { Principal } from '../../resolvers/context.ts';
import { bearerToken } from './bearer.ts';
import type { DenyList } from './deny-list.ts';
import { principalOf } from './principal.ts';
import { type FindableIssuer, TokenVerifier } from './token-verifier.ts';
import type { AuthFailure, VerifiedToken } from './verified-token.ts';

export interface IdentityOptions {
  readonly issuers: readonly FindableIssuer[];
  /** Whom an operator has shut out. */
  readonly denials: Pick<DenyList, 'denies' | 'onAdded'>;
  readonly onFailure: (reason: AuthFailure) => void;
  readonly nowMs?: () => number;
}

/** Principals of one token within one title, by the role that was asked for. */
type ByRole = Map<unknown, Principal>;

/** Turns the `authorization` of a request into who asks. */
export class Identity {
  readonly #verifier: TokenVerifier;
  readonly #options: IdentityOptions;
  /** Principals by token and title, so that a busy client's is made once. */
  readonly #principals = new WeakMap<VerifiedToken, Map<Catalog, ByRole>>();
  readonly #tokens = new WeakMap<Principal, VerifiedToken>();

  constructor(options: IdentityOptions) {
    this.#options = options;
    this.#verifier = new TokenVerifier(options);
  }

  /**
   * `authorization`: `Bearer <token>`; `askedRole`: `x-tickloom-role`, undefined where there is none.
   * Answers at once for a token seen before. Throws or rejects with `UNAUTHENTICATED`,
   * `TOKEN_EXPIRED`, `FORBIDDEN` or `UNAVAILABLE`.
   */
  principal(
    authorization: unknown,
    catalog: Catalog,
    askedRole?: unknown,
  ): Principal | Promise<Principal> {
    let token: string;
    try {
      token = bearerToken(authorization);
    } catch (error) {
      this.#options.onFailure('missing');
      throw error;
    }
    const verified = this.#verifier.verify(token);
    return verified instanceof Promise
      ? verified.then((done) => this.#within(done, catalog, askedRole))
      : this.#within(verified, catalog, askedRole);
  }

  /**
   * What a token says, of whichever titles. Rejects with `UNAUTHENTICATED`, `TOKEN_EXPIRED` or
   * `UNAVAILABLE`.
   */
  async verified(token: string): Promise<VerifiedToken> {
    const verified = await this.#verifier.verify(token);
    this.#refuseDenied(verified);
    return verified;
  }

  /** Why the principal may not go on, by what an operator has said since; null: it may. */
  denial(principal: Principal): EngineError | null {
    const token = this.#tokens.get(principal);
    return token !== undefined && this.#options.denials.denies(token) ? denied() : null;
  }

  /** Calls back whenever an operator has shut somebody out. Returns how to call it off. */
  onDenied(listen: () => void): () => void {
    return this.#options.denials.onAdded(listen);
  }

  /** Whether the provider of the principal's token is asked whether that still holds. */
  isIntrospected(principal: Principal): boolean {
    return this.#tokens.get(principal)?.isIntrospected === true;
  }

  #within(token: VerifiedToken, catalog: Catalog, askedRole: unknown): Principal {
    this.#refuseDenied(token);
    const byTitle = madeOnce(this.#principals, token, () => new Map<Catalog, ByRole>());
    const byRole = madeOnce(byTitle, catalog, (): ByRole => new Map());
    return madeOnce(byRole, askedRole, () => {
      const made = principalOf(token, catalog, askedRole, this.#options.onFailure);
      this.#tokens.set(made, token);
      return made;
    });
  }

  #refuseDenied(token: VerifiedToken): void {
    if (!this.#options.denials.denies(token)) return;
    this.#options.onFailure('denied');
    throw denied();
  }
}

interface Kept<Key, Value> {
  get(key: Key): Value | undefined;
  set(key: Key, value: Value): unknown;
}

function madeOnce<Key, Value extends object>(
  kept: Kept<Key, Value>,
  key: Key,
  make: () => Value,
): Value {
  const known = kept.get(key);
  if (known !== undefined) return known;
  const made = make();
  kept.set(key, made);
  return made;
}

function denied(): EngineError {
  return new EngineError('UNAUTHENTICATED', 'the token was revoked by the operator of this server');
}
