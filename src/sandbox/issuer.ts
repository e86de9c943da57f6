import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  SignJWT,
} from 'jose';
import type { Catalog } from '../../engine/model/catalog.ts';
import { EngineError } from '../../engine/model/errors.ts';
import type { Exchange } from '../http/exchange.ts';
import { sendBody, sendJson } from '../http/respond.ts';
import type { Route } from '../http/route.ts';
import type { ClaimNames } from '../identity/principal.ts';
import { damagedFile, readPrivately, writePrivately } from '../storage/private-file.ts';
import type { Metrics } from '../telemetry/metrics.ts';

export interface SandboxIssuerOptions {
  readonly keyFile: string;
  /** Where this server is reached; the issuer's URL lies under it. */
  readonly baseUrl: () => string;
  readonly audience: string;
  readonly claims: ClaimNames;
  /** The catalog of the title of this name, or of the only one. Throws `UNKNOWN_TITLE` and `UNAVAILABLE`. */
  readonly catalogOf: (title: string | undefined) => Catalog;
  /** The catalogs of all titles that are open. */
  readonly catalogs: () => readonly Catalog[];
  readonly metrics: Metrics;
}

const algorithm = 'ES256';
const tokenSecondsMax = 15 * 60;

interface TokenOrder {
  readonly title: string;
  readonly role: string;
  readonly subject: string;
  readonly seconds: number;
  readonly claims: Readonly<Record<string, string>>;
}

/**
 * The sandbox's own OpenID provider: it gives a token of any role to whoever asks on this machine,
 * so it exists under `tickloom start` only. The server verifies its tokens as those of any
 * provider, through discovery and key set over HTTP.
 */
export class SandboxIssuer {
  readonly #options: SandboxIssuerOptions;
  readonly #privateKey: JWK;

  private constructor(options: SandboxIssuerOptions, privateKey: JWK) {
    this.#options = options;
    this.#privateKey = privateKey;
  }

  static async open(options: SandboxIssuerOptions): Promise<SandboxIssuer> {
    return new SandboxIssuer(options, await keyFromFile(options.keyFile));
  }

  get url(): string {
    return `${this.#options.baseUrl()}/sandbox/oidc`;
  }

  routes(): readonly Route[] {
    return [
      {
        methods: ['GET'],
        path: '/sandbox/oidc/.well-known/openid-configuration',
        endpoint: 'sandbox',
        handle: (exchange) => sendJson(exchange, this.#options.metrics, this.#discovery()),
      },
      {
        methods: ['GET'],
        path: '/sandbox/oidc/jwks',
        endpoint: 'sandbox',
        handle: (exchange) => sendJson(exchange, this.#options.metrics, this.#keySet()),
      },
      {
        methods: ['POST'],
        path: '/sandbox/token',
        endpoint: 'sandbox',
        handle: (exchange) => this.#answerToken(exchange),
      },
      {
        methods: ['GET'],
        path: '/sandbox/titles',
        endpoint: 'sandbox',
        handle: (exchange) => this.#answerTitles(exchange),
      },
    ];
  }

  /** `GET /sandbox/titles`: what tokens can be asked for, so that nobody need know it before. */
  async #answerTitles(exchange: Exchange): Promise<void> {
    refuseForeignHost(exchange);
    const { catalogs, metrics } = this.#options;
    const titles = catalogs().map(({ manifest: { title }, roles }) => {
      return { title, roles: [...roles.values()].map(({ name, views }) => ({ name, views })) };
    });
    await sendJson(exchange, metrics, { titles });
  }

  /**
   * `POST /sandbox/token?title=&role=&subject=&ttl=<seconds>`; further parameters become claims
   * (`player_id`).
   */
  async #answerToken(exchange: Exchange): Promise<void> {
    refuseForeignHost(exchange);
    const { catalogOf, metrics } = this.#options;
    const { title: name, role, subject, ttl, ...claims } = Object.fromEntries(exchange.query);
    const catalog = catalogOf(name);
    if (role === undefined || !catalog.roles.has(role)) {
      const roles = [...catalog.roles.keys()].join(', ');
      throw new EngineError('BAD_USER_INPUT', `"role" must be one of ${roles}`);
    }
    const seconds = Number(ttl ?? tokenSecondsMax);
    if (!(seconds >= 1 && seconds <= tokenSecondsMax)) {
      throw new EngineError('BAD_USER_INPUT', `"ttl" must be 1 to ${tokenSecondsMax} seconds`);
    }
    const { title } = catalog.manifest;
    const token = { title, role, subject: subject || `sandbox-${role}`, seconds, claims };
    const content = await this.#sign(token);
    const headers = { 'cache-control': 'no-store' };
    await sendBody(exchange, metrics, { contentType: 'text/plain', content, headers });
  }

  async #sign({ title, role, subject, seconds, claims }: TokenOrder): Promise<string> {
    const { audience, claims: names } = this.#options;
    const key = await importJWK(this.#privateKey, algorithm);
    const numbers = Object.entries(claims).map(([name, value]) => [
      name,
      /^\d{1,15}$/.test(value) ? Number(value) : value,
    ]);
    return new SignJWT({
      ...Object.fromEntries(numbers),
      [names.role]: role,
      [names.title]: title,
    })
      .setProtectedHeader({ alg: algorithm, kid: this.#privateKey.kid ?? '', typ: 'at+jwt' })
      .setIssuer(this.url)
      .setAudience(audience)
      .setSubject(subject)
      .setIssuedAt()
      .setExpirationTime(`${seconds}s`)
      .sign(key);
  }

  #discovery(): unknown {
    return {
      issuer: this.url,
      jwks_uri: `${this.url}/jwks`,
      token_endpoint: `${this.#options.baseUrl()}/sandbox/token`,
      response_types_supported: ['token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: [algorithm],
    };
  }

  #keySet(): unknown {
    const { d: _secret, ...publicKey } = this.#privateKey;
    return { keys: [publicKey] };
  }
}

/**
 * A web page can point a name of its own at this machine and then read answers as if they were its
 * own (DNS rebinding). Such a request carries that name as its host.
 */
function refuseForeignHost({ request }: Exchange): void {
  const local = request.socket.localAddress ?? '';
  const isLoopback = local === '::1' || /^(::ffff:)?127\./.test(local);
  const host = (request.headers.host ?? '').replace(/:\d+$/, '');
  if (isLoopback && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(host)) {
    throw new EngineError('FORBIDDEN', 'the sandbox gives tokens to this machine only');
  }
}

async function keyFromFile(path: string): Promise<JWK> {
  const kept = readPrivately(path);
  if (kept !== null) return parseKey(path, kept.toString('utf8'));
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk = await exportJWK(privateKey);
  const key = {
    ...jwk,
    alg: algorithm,
    use: 'sig',
    kid: await calculateJwkThumbprint(jwk),
  };
  writePrivately(path, JSON.stringify(key));
  return key;
}

/** Throws, with the file's path, for anything that cannot sign. */
async function parseKey(path: string, text: string): Promise<JWK> {
  try {
    const key = JSON.parse(text) as JWK;
    const imported = await importJWK(key, algorithm);
    if (imported instanceof Uint8Array || imported.type !== 'private') {
      throw new TypeError('it holds no private key');
    }
    return key;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw damagedFile(path, reason, 'tokens that this sandbox gave before are valid no longer');
  }
}
