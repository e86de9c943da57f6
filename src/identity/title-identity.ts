import type { IncomingHttpHeaders } from 'node:http';
import type { Catalog } from '../../engine/model/catalog.ts';
import type { Principal } from '../../resolvers/context.ts';
import type { Identity } from './identity.ts';
import { LivePrincipal, type LivePrincipalHooks } from './live-principal.ts';
import type { PageHeaders, PageSession, PageSessions } from './page-sessions.ts';

/** What a client says of itself. */
export interface Credentials {
  /** `Bearer <token>`. */
  readonly authorization: unknown;
  /** `x-tickloom-role`: which of several roles the token's bearer acts in; undefined: the first. */
  readonly role: unknown;
  /** The headers of its request: of a browser that is signed in they stand for a token. */
  readonly page: PageHeaders;
}

export function credentialsOf(headers: IncomingHttpHeaders): Credentials {
  const { authorization, 'x-tickloom-role': role } = headers;
  return { authorization, role, page: headers };
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
  /** Null: nobody signs in with a browser here. */
  readonly #pages: PageSessions | null;

  constructor(identity: Identity, catalog: Catalog, pages: PageSessions | null) {
    this.#identity = identity;
    this.#catalog = catalog;
    this.#pages = pages;
  }

  authenticate(credentials: Credentials): Principal | Promise<Principal> {
    const { role } = credentials;
    const principal = (authorization: unknown) =>
      this.#identity.principal(authorization, this.#catalog, role);
    const authorization = this.sessionOf(credentials)?.authorization();
    if (authorization instanceof Promise) return authorization.then(principal);
    return principal(authorization ?? credentials.authorization);
  }

  /**
   * The session of a browser, which a token goes before: null where there is one. Throws `FORBIDDEN`
   * and `UNAUTHENTICATED`.
   */
  sessionOf({ authorization, page }: Credentials): PageSession | null {
    return authorization === undefined ? (this.#pages?.find(page) ?? null) : null;
  }

  live(credentials: Credentials, principal: Principal, hooks: LivePrincipalHooks): LivePrincipal {
    return new LivePrincipal(this.#identity, this, credentials, principal, hooks);
  }
}
