import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
} from 'jose';
import { onTestFinished } from 'vitest';

/** A small OpenID provider over HTTP whose keys can be changed while it runs. */
export class TestIssuer {
  readonly #server: Server;
  readonly #keys = new Map<string, { readonly alg: string; readonly privateKey: CryptoKey }>();
  readonly #published: Record<string, unknown>[] = [];
  /** What it calls itself in its discovery document; its address by default. */
  claimedIssuer: string | null = null;
  requests = 0;
  /** What it says of an opaque token. */
  told: (token: string) => unknown = () => ({ active: false });

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<TestIssuer> {
    const server = createServer(async (request, response) => {
      issuer.requests++;
      let form = '';
      for await (const chunk of request) form += String(chunk);
      const answer =
        request.url === '/introspect'
          ? await issuer.told(new URLSearchParams(form).get('token') ?? '')
          : issuer.#document(request.url ?? '');
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(answer));
    });
    const issuer = new TestIssuer(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => issuer.stop());
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async addKey(kid: string, alg = 'ES256'): Promise<void> {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    this.#keys.set(kid, { alg, privateKey });
    this.#published.push({ ...(await exportJWK(publicKey)), kid, alg, use: 'sig' });
  }

  /** The key still signs here, but nobody is told of it any more. */
  withdrawKey(kid: string): void {
    this.#published.splice(
      this.#published.findIndex((key) => key.kid === kid),
      1,
    );
  }

  /** Good for ten minutes unless `claims` say otherwise. */
  async token(
    kid: string,
    claims: JWTPayload = {},
    header: Partial<JWTHeaderParameters> = {},
  ): Promise<string> {
    const key = this.#keys.get(kid);
    if (!key) throw new RangeError(`no key ${kid}`);
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT({
      iss: this.url,
      aud: 'tickloom',
      sub: 'tester',
      iat: now,
      exp: now + 600,
      tickloom_title: 'ashfall',
      tickloom_role: 'liveops',
      ...claims,
    })
      .setProtectedHeader({ ...header, alg: key.alg, kid })
      .sign(key.privateKey);
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #document(path: string): unknown {
    if (path !== '/.well-known/openid-configuration') return { keys: this.#published };
    return {
      issuer: this.claimedIssuer ?? this.url,
      jwks_uri: `${this.url}/jwks`,
      introspection_endpoint: `${this.url}/introspect`,
    };
  }
}
