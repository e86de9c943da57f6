import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import type { Configuration } from 'oidc-provider';
import { onTestFinished } from 'vitest';

type Answer = (request: { readonly url: string }, response: ServerResponse) => boolean;

export interface ProviderOptions {
  readonly format?: 'jwt' | 'opaque';
  readonly algorithm?: string;
  readonly audience?: string;
  /** What its tokens say beside what every token does. */
  readonly claims?: Record<string, unknown>;
  readonly seconds?: number;
}

/** The certified OpenID provider on loopback, as a stranger runs it. Its port stays over a restart. */
export class RealProvider {
  #server: Server;
  #port = 0;
  options: ProviderOptions;
  keys: JWK[] = [];
  /** Answers instead of the provider where it is true. */
  instead: Answer = () => false;
  readonly asked: string[] = [];

  private constructor(options: ProviderOptions) {
    this.options = options;
    this.#server = createServer();
  }

  static async start(options: ProviderOptions = {}): Promise<RealProvider> {
    const provider = new RealProvider(options);
    await provider.rotate();
    await provider.up();
    onTestFinished(() => provider.down());
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
    const answer = provider.callback();
    this.#server.on('request', (request, response) => {
      const url = request.url ?? '';
      this.asked.push(url);
      if (!this.instead({ url }, response)) void answer(request, response);
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
    return {
      clients: [client('game'), client('tickloom')],
      // biome-ignore lint/suspicious/noExplicitAny: the keys are jose's, the provider's types have their own
      jwks: { keys: this.keys as any },
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
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
