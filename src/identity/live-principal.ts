import { EngineError } from '../../engine/model/errors.ts';
import type { Principal } from '../../resolvers/context.ts';
import { servingLimits } from '../serving-limits.ts';
import type { Identity } from './identity.ts';
import type { PageSession } from './page-sessions.ts';
import { seesTheSame } from './principal.ts';
import type { Credentials, TitleIdentity } from './title-identity.ts';
import { onTokenExpiry } from './token-expiry.ts';

export interface LivePrincipalHooks {
  /** It acts in another role from now on, or its row rules read other claims. */
  readonly onChange: (principal: Principal) => void;
  /** It may not go on: its token expired, was revoked, or holds no longer. Called once at most. */
  readonly onEnd: (reason: EngineError) => void;
}

/** A token of the issuer's keys is looked at anew when it is no longer remembered. */
const recheckMs = 5 * 60_000 + 1_000;

/**
 * Who is at the other end of what stays open: a WebSocket, an event stream. It ends when its token
 * expires or is revoked, within a second where this server is told, else when its provider is asked
 * again; and it goes on with another token that is handed to it before.
 */
export class LivePrincipal {
  readonly #identity: Identity;
  readonly #title: TitleIdentity;
  readonly #hooks: LivePrincipalHooks;
  readonly #forgetDenials: () => void;
  #credentials: Credentials;
  #current: Principal;
  /** Where a browser is signed in: its token is renewed by itself. */
  #session: PageSession | null = null;
  #forgetSession: () => void;
  #forgetExpiry: () => void;
  #recheck: NodeJS.Timeout;
  #isRefreshing = false;
  #isOver = false;
  /** When the provider did not answer for the first time since it last did; null while it does. */
  #silentSinceMs: number | null = null;

  constructor(
    identity: Identity,
    title: TitleIdentity,
    credentials: Credentials,
    principal: Principal,
    hooks: LivePrincipalHooks,
  ) {
    this.#identity = identity;
    this.#title = title;
    this.#credentials = credentials;
    this.#current = principal;
    this.#hooks = hooks;
    this.#forgetDenials = identity.onDenied(() => {
      const denial = identity.denial(this.#current);
      if (denial !== null) this.#end(denial);
    });
    this.#forgetSession = this.#followSession();
    this.#forgetExpiry = this.#untilExpiry(principal);
    this.#recheck = this.#nextRecheck();
    // What was told while the request was still read.
    const denial = identity.denial(principal);
    if (denial !== null) queueMicrotask(() => this.#end(denial));
  }

  get current(): Principal {
    return this.#current;
  }

  /**
   * Goes on with another token of the same subject and title; where it cannot, it throws why
   * (`UNAUTHENTICATED`, `TOKEN_EXPIRED`, `FORBIDDEN`, `UNAVAILABLE`, `RATE_LIMITED`) and goes on with
   * the one before.
   */
  async refresh({
    authorization,
    role = this.#credentials.role,
  }: Omit<Credentials, 'page'>): Promise<Principal> {
    if (this.#isRefreshing) {
      throw new EngineError('RATE_LIMITED', 'a token is being verified; send the next one after', {
        retryAfterMs: 1_000,
      });
    }
    this.#isRefreshing = true;
    try {
      const credentials = { authorization, role, page: {} };
      const principal = await this.#title.authenticate(credentials);
      if (principal.subject !== this.#current.subject) {
        throw new EngineError(
          'FORBIDDEN',
          'the token is of another subject than this connection; open another connection for it',
        );
      }
      if (!this.#isOver) this.#goOnWith(credentials, principal);
      return principal;
    } finally {
      this.#isRefreshing = false;
    }
  }

  close(): void {
    this.#isOver = true;
    this.#forgetDenials();
    this.#forgetSession();
    this.#forgetExpiry();
    clearTimeout(this.#recheck);
  }

  #goOnWith(credentials: Credentials, principal: Principal): void {
    const before = this.#current;
    if (credentials !== this.#credentials) {
      this.#credentials = credentials;
      this.#forgetSession();
      this.#forgetSession = this.#followSession();
    }
    this.#current = principal;
    this.#silentSinceMs = null;
    this.#forgetExpiry();
    this.#forgetExpiry = this.#untilExpiry(principal);
    clearTimeout(this.#recheck);
    this.#recheck = this.#nextRecheck();
    // Before, it may have been denied while it was verified.
    const denial = this.#identity.denial(principal);
    if (denial !== null) this.#end(denial);
    else if (!seesTheSame(before, principal)) this.#hooks.onChange(principal);
  }

  /** Ends with the session, where there is one. */
  #followSession(): () => void {
    try {
      this.#session = this.#title.sessionOf(this.#credentials);
      return this.#session?.onEnd((reason) => this.#end(reason)) ?? (() => {});
    } catch (error) {
      // It was ended since it was found.
      queueMicrotask(() => this.#end(asRefusal(error)));
      return () => {};
    }
  }

  /** Until the token expires, or is to be renewed. */
  #untilExpiry(principal: Principal): () => void {
    const renewsAtMs = this.#session?.renewsAtMs ?? Number.POSITIVE_INFINITY;
    if (renewsAtMs < principal.expiresAtMs) {
      return onTokenExpiry({ expiresAtMs: renewsAtMs }, () => void this.#checkAgain());
    }
    return onTokenExpiry(principal, () => this.#end(expired()));
  }

  #nextRecheck(): NodeJS.Timeout {
    const isAsked = this.#identity.isIntrospected(this.#current);
    const ms = isAsked ? servingLimits.introspectionRecheckMs : recheckMs;
    const timer = setTimeout(() => void this.#checkAgain(), ms);
    timer.unref();
    return timer;
  }

  /** Whether the token still holds, and for the same. */
  async #checkAgain(): Promise<void> {
    const credentials = this.#credentials;
    const outcome = await Promise.resolve()
      .then(() => this.#title.authenticate(credentials))
      .catch((error: unknown) => asRefusal(error));
    // It was closed meanwhile, or goes on with another token.
    if (this.#isOver || this.#credentials !== credentials) return;
    if (!(outcome instanceof EngineError)) return this.#goOnWith(credentials, outcome);
    if (!outcome.retryable) return this.#end(outcome);
    if (this.#current.expiresAtMs <= Date.now()) return this.#end(expired());
    this.#silentSinceMs ??= performance.now();
    const silentMs = performance.now() - this.#silentSinceMs;
    if (silentMs > servingLimits.introspectionSilenceMaxMs) return this.#end(outcome);
    this.#forgetExpiry();
    this.#forgetExpiry = this.#untilExpiry(this.#current);
    clearTimeout(this.#recheck);
    this.#recheck = this.#nextRecheck();
  }

  #end(reason: EngineError): void {
    if (this.#isOver) return;
    this.close();
    this.#hooks.onEnd(reason);
  }
}

function expired(): EngineError {
  return new EngineError('TOKEN_EXPIRED', 'the token has expired; go on with another one');
}

function asRefusal(error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  return new EngineError('UNAVAILABLE', 'the token cannot be verified now', { cause: error });
}
