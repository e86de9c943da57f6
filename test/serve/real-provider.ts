import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import type { Configuration, Provider } from 'oidc-provider';
import { onTestFinished } from 'vitest';

type Answer = (request: { readonly url: string }, response: ServerResponse) => boolean;

/** Where people come back to after they have signed in, and who they are. */
export interface People {
  readonly redirectUri: string;
  readonly signedOutUri: string;
  /** Who the next one is that its page asks; null: somebody who says no. */
  who: string | null;
}

export interface ProviderOptions {
  readonly format?: 'jwt' | 'opaque';
  readonly algorithm?: string;
  readonly audience?: string;
  /** What its tokens say beside what every token does. */
  readonly claims?: Record<string, unknown>;
  readonly seconds?: number;
  readonly people?: People;
}

/** The certified OpenID provider on loopback, as a stranger runs it. Its port stays over a restart. */
export class RealProvider {
  #server: Server;
  #port = 0;
  #provider: Provider | null = null;
  options: ProviderOptions;
  keys: JWK[] = [];
  /** Answers instead of the provider where it is true. */
  instead: Answer = () => false;
  readonly asked: string[] = [];

  private constructor(options: ProviderOptions) {
    this.options = options;
    this.#server = createServer();
  }

  static async start(
    options: ProviderOptions = {},
    until: (end: () => Promise<void>) => void = onTestFinished,
  ): Promise<RealProvider> {
    const provider = new RealProvider(options);
    await provider.rotate();
    await provider.up();
    until(() => provider.down());
    return provider;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** New signing keys; `up` begins to use them. */
  async rotate(): Promise<void> {
    const { algorithm = 'ES256' } = this.options;
    const names = [...new Set([algorithm, 'RS256'])];
    this.keys = await Promise.all(
      names.map(async (alg) => {
        const { privateKey } = await generateKeyPair(alg, { extractable: true });
        const kid = `${alg}-${crypto.randomUUID()}`;
        return { ...(await exportJWK(privateKey)), kid, alg, use: 'sig' };
      }),
    );
  }

  async up(): Promise<void> {
    this.#server = createServer();
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
    const { Provider } = await import('oidc-provider');
    const provider = new Provider(this.url, this.#configuration());
    this.#provider = provider;
    const answer = provider.callback();
    this.#server.on('request', (request, response) => {
      const url = request.url ?? '';
      this.asked.push(url);
      if (this.instead({ url }, response)) return;
      void (url.startsWith('/who/') ? this.#sayWho(request, response) : answer(request, response));
    });
  }

  async down(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** An access token of client credentials. */
  async token(clientId = 'game'): Promise<string> {
    const answer = await this.#post('/token', clientId, { grant_type: 'client_credentials' });
    return ((await answer.json()) as { access_token: string }).access_token;
  }

  async revoke(token: string): Promise<void> {
    await this.#post('/token/revocation', 'game', { token });
  }

  /** The page that asks people who they are, which answers for them. */
  async #sayWho(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const who = this.options.people?.who ?? null;
    const result =
      who === null
        ? { error: 'access_denied', error_description: 'somebody said no' }
        : { login: { accountId: who } };
    await this.#provider?.interactionFinished(request, response, result, {
      mergeWithLastSubmission: false,
    });
  }

  #post(path: string, clientId: string, form: Record<string, string>): Promise<Response> {
    const authorization = `Basic ${btoa(`${clientId}:secret-of-${clientId}`)}`;
    const body = new URLSearchParams(form);
    return fetch(`${this.url}${path}`, { method: 'POST', headers: { authorization }, body });
  }

  #configuration(): Configuration {
    const client = (id: string) => ({
      client_id: id,
      client_secret: `secret-of-${id}`,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    });
    const { people } = this.options;
    const console = people && {
      ...client('console'),
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code' as const],
      redirect_uris: [people.redirectUri],
      post_logout_redirect_uris: [people.signedOutUri],
    };
    return {
      clients: [client('game'), client('tickloom'), ...(console ? [console] : [])],
      interactions: { url: (_context, { uid }) => `/who/${uid}` },
      pkce: { required: () => false },
      issueRefreshToken: async (_context, { clientId }) => clientId === 'console',
      loadExistingGrant: async (context) => {
        const { client: asking, provider, session } = context.oidc;
        if (session?.accountId === undefined || asking === undefined) return undefined;
        const { accountId } = session;
        const grant = new provider.Grant({ accountId, clientId: asking.clientId });
        grant.addOIDCScope('openid');
        grant.addResourceScope('urn:game', '');
        await grant.save();
        return grant;
      },
      // biome-ignore lint/suspicious/noExplicitAny: the keys are jose's, the provider's types have their own
      jwks: { keys: this.keys as any },
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        rpInitiatedLogout: { enabled: true },
        introspection: { enabled: true, allowedPolicy: () => true },
        revocation: { enabled: true },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => 'urn:game',
          useGrantedResource: () => true,
          getResourceServerInfo: () => {
            const { algorithm = 'ES256', audience = 'tickloom' } = this.options;
            const { format = 'jwt', seconds = 600 } = this.options;
            return {
              scope: '',
              audience,
              accessTokenTTL: seconds,
              accessTokenFormat: format,
              // biome-ignore lint/suspicious/noExplicitAny: one of the algorithms that the keys are of
              jwt: { sign: { alg: algorithm as any } },
            };
          },
        },
      },
      extraTokenClaims: () => ({
        tickloom_title: 'ashfall',
        tickloom_role: 'liveops',
        ...this.options.claims,
      }),
    };
  }
}
