import type { IncomingHttpHeaders } from 'node:http';
import { EngineError } from '../../engine/model/errors.ts';
import type { ConsoleClient } from '../config/console-client.ts';
import { isLoopback } from '../http/loopback.ts';
import type { Identity } from '../identity/identity.ts';
import type { ProviderDiscovery } from '../identity/provider.ts';
import type { VerifiedToken } from '../identity/verified-token.ts';
import { servingLimits } from '../serving-limits.ts';
import type { Logger } from '../telemetry/logger.ts';
import { ConsoleCookies } from './console-cookies.ts';
import type { ConsoleSession, SignedIn } from './console-session.ts';
import { ConsoleSessions } from './console-sessions.ts';
import { PendingSignIns } from './pending-sign-in.ts';
import { type ProviderTokens, SignInClient, SignInRefused } from './sign-in-client.ts';

export interface ConsoleSignInOptions {
  readonly client: ConsoleClient;
  readonly discovery: Pick<ProviderDiscovery, 'find'>;
  readonly identity: Pick<Identity, 'verified'>;
  /** Without a slash at its end. */
  readonly publicUrl: string;
  readonly logger: Logger;
}

export type SignInOutcome =
  | {
      readonly kind: 'signed-in';
      readonly location: string;
      readonly cookies: readonly string[];
    }
  | {
      readonly kind: 'refused' | 'unavailable';
      readonly status: number;
      readonly problem: string;
      readonly cookies: readonly string[];
      readonly cause: unknown;
    };

/** Signing people in and out with a browser, at the console's provider. */
export class ConsoleSignIn {
  readonly sessions: ConsoleSessions;
  /** The console's own. */
  readonly origin: string;
  readonly #options: ConsoleSignInOptions;
  readonly #cookies: ConsoleCookies;
  readonly #client: SignInClient;
  readonly #pending = new PendingSignIns();
  #running = 0;

  constructor(options: ConsoleSignInOptions) {
    const { client, discovery, publicUrl } = options;
    const url = new URL(publicUrl);
    this.#options = options;
    this.#cookies = new ConsoleCookies(url);
    this.#client = new SignInClient(client, discovery, `${publicUrl}/console/sign-in/callback`);
    this.origin = url.origin;
    this.sessions = new ConsoleSessions({
      cookies: this.#cookies,
      origin: this.origin,
      renew: async (before) => this.#verified(await this.#client.renew(before)),
    });
  }

  get issuer(): string {
    return this.#client.issuer;
  }

  /** The session of a browser whose page asks; null: nobody is signed in. */
  async session(headers: IncomingHttpHeaders): Promise<ConsoleSession | null> {
    try {
      const session = this.sessions.find(headers);
      await session?.authorization();
      return session;
    } catch (error) {
      if (error instanceof EngineError && error.category === 'auth') return null;
      throw error;
    }
  }

  /** What `set-cookie` says to a browser that asked; null where there is nothing to say. */
  renewedCookie(headers: IncomingHttpHeaders, session: ConsoleSession | null): string | null {
    const secret = this.#cookies.read('session', headers);
    if (secret === null) return null;
    return session === null
      ? this.#cookies.clear('session')
      : this.#cookies.write('session', secret);
  }

  /**
   * Where the browser goes to sign in. `returnTo`: the page that it comes back to, one of this server's
   * pages; null: the console. Rejects with `BAD_USER_INPUT` and `UNAVAILABLE`.
   */
  async begin(
    { host }: IncomingHttpHeaders,
    returnTo: string | null,
  ): Promise<{ readonly location: string; readonly cookies: readonly string[] }> {
    const page = pageOf(returnTo);
    const { publicUrl } = this.#options;
    const own = new URL(publicUrl);
    // The provider sends the browser back to one name of this machine; the cookie must be of that.
    if (host !== own.host && isLoopback(own.hostname.replace(/^\[|\]$/g, ''))) {
      return { location: `${publicUrl}/console/sign-in?to=${page}`, cookies: [] };
    }
    const { location, pending } = await this.#client.begin(page);
    return {
      location,
      cookies: [this.#cookies.write('signIn', await this.#pending.seal(pending))],
    };
  }

  /** The browser is back from the provider. */
  async finish(headers: IncomingHttpHeaders, answer: URLSearchParams): Promise<SignInOutcome> {
    const forget = this.#cookies.clear('signIn');
    const sealed = this.#cookies.read('signIn', headers);
    const pending = sealed === null ? null : await this.#pending.open(sealed);
    if (pending === null)
      return refused(forget, 'The sign-in was begun in another browser, or too long ago.');
    if (this.#running >= servingLimits.consoleSignInsRunningMax) {
      return unavailable(forget, 'Too many people are signing in now.', null);
    }
    this.#running++;
    try {
      const tokens = await this.#client.finish(answer, pending);
      const secret = this.sessions.open(await this.#verified(tokens));
      // Whoever was signed in with this browser before is so no more.
      const before = this.#cookies.read('session', headers);
      if (before !== null) this.sessions.endOf(before);
      const location = `${this.#options.publicUrl}${pending.returnTo}`;
      return {
        kind: 'signed-in',
        location,
        cookies: [forget, this.#cookies.write('session', secret)],
      };
    } catch (error) {
      return this.#problemOf(error, forget);
    } finally {
      this.#running--;
    }
  }

  /** Ends the session of a browser, here and at the provider. Tells where the browser goes for that. */
  async end(
    headers: IncomingHttpHeaders,
  ): Promise<{ readonly location: string; readonly cookies: readonly string[] }> {
    const cookies = [this.#cookies.clear('session')];
    const secret = this.#cookies.read('session', headers);
    const ended = secret === null ? null : this.sessions.endOf(secret);
    const console = `${this.#options.publicUrl}/console/`;
    if (ended === null) return { location: console, cookies };
    const { tokens } = ended.current;
    const { logger } = this.#options;
    this.#client.revoke(tokens).catch((error: unknown) => {
      logger.warn({ error }, 'the provider did not take a refresh token back');
    });
    const location = await this.#client.endLocation(tokens, console).catch((error: unknown) => {
      logger.warn({ error }, 'the provider could not be asked where its sign-out is');
      return null;
    });
    return { location: location ?? console, cookies };
  }

  async #verified(tokens: ProviderTokens): Promise<SignedIn> {
    const token: VerifiedToken = await this.#options.identity.verified(tokens.accessToken);
    return { tokens, token };
  }

  #problemOf(error: unknown, forget: string): SignInOutcome {
    if (error instanceof SignInRefused) {
      return refused(forget, 'The identity provider did not confirm the sign-in.', error);
    }
    if (error instanceof EngineError && error.category === 'auth') {
      // The sign-in is good, and its access token not one for this API: the operator's to mend.
      return refused(
        forget,
        `The identity provider gave an access token that this server does not take: ${error.message}.`,
        error,
      );
    }
    if (error instanceof EngineError) return unavailable(forget, `${error.message}.`, error);
    return unavailable(forget, 'The identity provider does not answer now.', error);
  }
}

/** The pages that a browser may come back to: a redirect elsewhere would lend it this server's name. */
const pages = /^\/(?:console\/|(?:[a-z][a-z0-9-]*\/)?graphiql)$/;

function pageOf(returnTo: string | null): string {
  if (returnTo === null) return '/console/';
  if (pages.test(returnTo)) return returnTo;
  throw new EngineError('BAD_USER_INPUT', '"to" must be a page of this server, such as /console/', {
    details: { path: 'to' },
  });
}

function refused(forget: string, problem: string, cause: unknown = null): SignInOutcome {
  return { kind: 'refused', status: 403, problem, cookies: [forget], cause };
}

function unavailable(forget: string, problem: string, cause: unknown): SignInOutcome {
  return { kind: 'unavailable', status: 503, problem, cookies: [forget], cause };
}
