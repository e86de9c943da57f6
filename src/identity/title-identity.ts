import type { IncomingHttpHeaders } from 'node:http';
import type { Catalog } from '../../engine/model/catalog.ts';
import type { Principal } from '../../resolvers/context.ts';
import type { Identity } from './identity.ts';
import { LivePrincipal, type LivePrincipalHooks } from './live-principal.ts';

/** What a client says of itself. */
export interface Credentials {
  /** `Bearer <token>`. */
  readonly authorization: unknown;
  /** `x-tickloom-role`: which of several roles the token's bearer acts in; undefined: the first. */
  readonly role: unknown;
}

export function credentialsOf(headers: IncomingHttpHeaders): Credentials {
  return { authorization: headers.authorization, role: headers['x-tickloom-role'] };
}

/** What the adapters of a title's transports need of it. */
export interface TitleAccess {
  /**
   * Answers at once for a token seen before. Throws or rejects with `UNAUTHENTICATED`,
   * `TOKEN_EXPIRED`, `FORBIDDEN` or `UNAVAILABLE`.
   */
  authenticate(credentials: Credentials): Principal | Promise<Principal>;
  /** Watches over what stays open after it was authenticated, until closed. */
  live(
    credentials: Credentials,
    principal: Principal,
    hooks: LivePrincipalHooks,
  ): Pick<LivePrincipal, 'current' | 'refresh' | 'close'>;
}

/** Who asks, within one title. */
export class TitleIdentity implements TitleAccess {
  readonly #identity: Identity;
  readonly #catalog: Catalog;

  constructor(identity: Identity, catalog: Catalog) {
    this.#identity = identity;
    this.#catalog = catalog;
  }

  authenticate({ authorization, role }: Credentials): Principal | Promise<Principal> {
    return this.#identity.principal(authorization, this.#catalog, role);
  }

  live(credentials: Credentials, principal: Principal, hooks: LivePrincipalHooks): LivePrincipal {
    return new LivePrincipal(this.#identity, this, credentials, principal, hooks);
  }
}
