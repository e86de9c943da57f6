import type { IncomingHttpHeaders } from 'node:http';
import type { AccessControl } from '../../engine/index.ts';
import { EngineError } from '../../engine/model/errors.ts';
import type { TitleManifest } from '../../engine/model/types.ts';
import type { Principal } from '../../resolvers/context.ts';
import type { Identity } from './identity.ts';
import { LivePrincipal, type LivePrincipalHooks } from './live-principal.ts';
import type { PageHeaders, PageSession, PageSessions } from './page-sessions.ts';
import type { TitleRoles } from './principal.ts';

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
  /**
   * Who the principal is by what holds now: the very principal, while nothing has changed. To be asked
   * again after a wait, such as for a body. Throws `UNAUTHENTICATED`, `FORBIDDEN`.
   */
  now(principal: Principal): Principal;
  /** Watches over what stays open after it was authenticated, until closed. */
  live(
    credentials: Credentials,
    principal: Principal,
    hooks: LivePrincipalHooks,
  ): Pick<LivePrincipal, 'current' | 'refresh' | 'close'>;
}

/** Who asks, within one title: by its token, and by what was ruled about access in the title. */
export class TitleIdentity implements TitleAccess {
  readonly #identity: Identity;
  readonly #manifest: TitleManifest;
  readonly #access: AccessControl;
  /** Null: nobody signs in with a browser here. */
  readonly #pages: PageSessions | null;
  #title: TitleRoles;

  constructor(
    identity: Identity,
    manifest: TitleManifest,
    access: AccessControl,
    pages: PageSessions | null,
  ) {
    this.#identity = identity;
    this.#manifest = manifest;
    this.#access = access;
    this.#pages = pages;
    this.#title = { manifest, roles: access.roles };
  }

  authenticate(credentials: Credentials): Principal | Promise<Principal> {
    const authorization = this.sessionOf(credentials)?.authorization();
    const signIn = (token: unknown) => this.#signIn(token, credentials.role);
    if (authorization instanceof Promise) return authorization.then(signIn);
    return signIn(authorization ?? credentials.authorization);
  }

  /**
   * The session of a browser, which a token goes before: null where there is one. Throws `FORBIDDEN`
   * and `UNAUTHENTICATED`.
   */
  sessionOf({ authorization, page }: Credentials): PageSession | null {
    return authorization === undefined ? (this.#pages?.find(page) ?? null) : null;
  }

  now(principal: Principal): Principal {
    const refusal = this.denial(principal);
    if (refusal !== null) throw refusal;
    return this.#identity.again(principal, this.#roles());
  }

  /** Why the principal may not go on: its operator, or somebody of the title, has revoked its token. */
  denial(principal: Principal): EngineError | null {
    const { subject, issuedAtMs = null } = principal;
    const isRevoked = this.#access.isRevoked(subject, issuedAtMs);
    return isRevoked ? revoked() : this.#identity.denial(principal);
  }

  /** Calls back when somebody may not go on, or may do something else. Returns how to call it off. */
  onChange(listen: () => void): () => void {
    const stops = [this.#identity.onDenied(listen), this.#access.onChange(listen)];
    return () => {
      for (const stop of stops) stop();
    };
  }

  live(credentials: Credentials, principal: Principal, hooks: LivePrincipalHooks): LivePrincipal {
    return new LivePrincipal(this.#identity, this, credentials, principal, hooks);
  }

  #signIn(authorization: unknown, role: unknown): Principal | Promise<Principal> {
    const principal = this.#identity.principal(authorization, this.#roles(), role);
    return principal instanceof Promise
      ? principal.then((verified) => this.#signedIn(verified))
      : this.#signedIn(principal);
  }

  #signedIn(principal: Principal): Principal {
    try {
      return this.now(principal);
    } catch (error) {
      this.#identity.refused();
      throw error;
    }
  }

  /** One object while the roles are the same: principals are kept by it. */
  #roles(): TitleRoles {
    const { roles } = this.#access;
    if (roles !== this.#title.roles) this.#title = { manifest: this.#manifest, roles };
    return this.#title;
  }
}

function revoked(): EngineError {
  return new EngineError(
    'UNAUTHENTICATED',
    'tokens of this subject were revoked in this title; go on with one that is issued after that',
  );
}
