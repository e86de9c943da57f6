import { EngineError } from '../../engine/model/errors.ts';
import type { Exchange } from '../http/exchange.ts';
import { sendBody, sendJson } from '../http/respond.ts';
import type { Handler, Route } from '../http/route.ts';
import type { ClaimNames } from '../identity/trusted-issuer.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { AuthorizationCodes, authorizationRequest, required } from './authorization.ts';
import { authorizationPage, type IssuedTitle, refusalPage } from './authorization-page.ts';
import { refuseForeignPages } from './local-callers.ts';
import { OAuthError, readForm } from './oauth-error.ts';
import { algorithm, SigningKey } from './signing-key.ts';

export interface SandboxIssuerOptions {
  readonly keyFile: string;
  /** Where this server is reached; the issuer's URL lies under it. */
  readonly baseUrl: () => string;
  readonly audience: string;
  readonly claims: Pick<ClaimNames, 'role'> & { readonly title: string };
  /** The title of this name, or the only one. Throws `UNKNOWN_TITLE` and `UNAVAILABLE`. */
  readonly titleOf: (title: string | undefined) => IssuedTitle;
  /** All titles that are open. */
  readonly titles: () => readonly IssuedTitle[];
  readonly metrics: Metrics;
}

const tokenSecondsMax = 15 * 60;
const path = '/sandbox/oidc';

interface TokenOrder {
  readonly title: string;
  readonly role: string;
  readonly subject: string;
  readonly clientId?: string;
  readonly seconds?: number;
  readonly claims?: Readonly<Record<string, string>>;
}

/**
 * The sandbox's own OpenID provider: it gives a token of any role to whoever asks on this machine,
 * so it exists under `tickloom start` only, and not beside an issuer that was set. The server verifies
 * its tokens as those of any provider, through discovery and key set over HTTP.
 */
export class SandboxIssuer {
  readonly #options: SandboxIssuerOptions;
  readonly #key: SigningKey;
  readonly #codes = new AuthorizationCodes();

  private constructor(options: SandboxIssuerOptions, key: SigningKey) {
    this.#options = options;
    this.#key = key;
  }

  static async open(options: SandboxIssuerOptions): Promise<SandboxIssuer> {
    return new SandboxIssuer(options, await SigningKey.open(options.keyFile));
  }

  get url(): string {
    return `${this.#options.baseUrl()}${path}`;
  }

  routes(): readonly Route[] {
    const route = (method: string, at: string, handle: Handler): Route => ({
      methods: [method],
      path: at,
      endpoint: 'sandbox',
      handle: (exchange, parameters) => {
        refuseForeignPages(exchange);
        return handle(exchange, parameters);
      },
    });
    const json = (value: () => unknown): Handler => {
      return (exchange) => sendJson(exchange, this.#options.metrics, value());
    };
    return [
      route(
        'GET',
        `${path}/.well-known/openid-configuration`,
        json(() => this.#discovery()),
      ),
      route(
        'GET',
        `${path}/jwks`,
        json(() => ({ keys: [this.#key.publicKey] })),
      ),
      route('GET', `${path}/authorize`, (exchange) => this.#answerPage(exchange)),
      route('POST', `${path}/authorize`, (exchange) => this.#answerChoice(exchange)),
      route('POST', `${path}/token`, (exchange) => this.#answerGrant(exchange)),
      route('POST', '/sandbox/token', (exchange) => this.#answerToken(exchange)),
      // What tokens can be asked for, so that nobody need know it before.
      route(
        'GET',
        '/sandbox/titles',
        json(() => ({ titles: this.#titles() })),
      ),
    ];
  }

  #titles(): unknown[] {
    return this.#options.titles().map(({ manifest: { title }, roles }) => {
      return { title, roles: [...roles.values()].map(({ name, views }) => ({ name, views })) };
    });
  }

  /**
   * `POST /sandbox/token?title=&role=&subject=&ttl=<seconds>`; further parameters become claims
   * (`player_id`).
   */
  async #answerToken(exchange: Exchange): Promise<void> {
    const { titleOf, metrics } = this.#options;
    const { title: name, role, subject, ttl, ...claims } = Object.fromEntries(exchange.query);
    const issued = titleOf(name);
    if (role === undefined || !issued.roles.has(role)) {
      const roles = [...issued.roles.keys()].join(', ');
      throw new EngineError('BAD_USER_INPUT', `"role" must be one of ${roles}`);
    }
    const seconds = Number(ttl ?? tokenSecondsMax);
    if (!(seconds >= 1 && seconds <= tokenSecondsMax)) {
      throw new EngineError('BAD_USER_INPUT', `"ttl" must be 1 to ${tokenSecondsMax} seconds`);
    }
    const { title } = issued.manifest;
    const order = { title, role, subject: subject || `sandbox-${role}`, seconds, claims };
    const content = await this.#accessToken(order);
    const headers = { 'cache-control': 'no-store' };
    await sendBody(exchange, metrics, { contentType: 'text/plain', content, headers });
  }

  /** `GET …/authorize`: the page with the roles. */
  async #answerPage(exchange: Exchange): Promise<void> {
    const { titles, metrics } = this.#options;
    const { query } = exchange;
    const body = orRefusal(() => {
      const { clientId } = authorizationRequest(query);
      return authorizationPage(titles(), clientId, query);
    });
    await sendBody(exchange, metrics, body);
  }

  /** `POST …/authorize`: somebody chose a role; the client gets a code for it. */
  async #answerChoice(exchange: Exchange): Promise<void> {
    const { response } = exchange;
    let location: string;
    try {
      const form = await readForm(exchange);
      const request = authorizationRequest(form);
      const { title, role } = this.#roleNamed(required(form, 'as'));
      const subject = form.get('as_subject') || `sandbox-${role}`;
      const target = new URL(request.redirectUri);
      target.searchParams.set('code', this.#codes.give({ request, title, role, subject }));
      target.searchParams.set('iss', this.url);
      if (request.state !== null) target.searchParams.set('state', request.state);
      location = target.href;
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error;
      return sendBody(exchange, this.#options.metrics, refusalPage(error.message));
    }
    response.writeHead(303, { location, 'cache-control': 'no-store' }).end();
  }

  /** `POST …/token`: client credentials, or the code of an authorisation. */
  async #answerGrant(exchange: Exchange): Promise<void> {
    const { metrics } = this.#options;
    const headers = { 'cache-control': 'no-store' };
    try {
      await sendJson(exchange, metrics, await this.#granted(exchange), { headers });
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error;
      const status = error.code === 'invalid_client' ? 401 : 400;
      await sendJson(exchange, metrics, error.body, { status, headers });
    }
  }

  async #granted(exchange: Exchange): Promise<unknown> {
    const form = await readForm(exchange);
    const clientId = clientIdOf(exchange, form);
    const type = required(form, 'grant_type');
    if (type === 'client_credentials') {
      const { title, role } = this.#roleNamed(clientId, 'invalid_client');
      return this.#tokens({ title, role, subject: clientId, clientId }, null);
    }
    if (type !== 'authorization_code') {
      throw new OAuthError(
        'unsupported_grant_type',
        'grant_type must be client_credentials or authorization_code',
      );
    }
    const { request, ...who } = this.#codes.redeem(form, clientId);
    const { subject } = who;
    const isOpenId = request.scope.split(' ').includes('openid');
    const nonce = request.nonce === null ? {} : { nonce: request.nonce };
    const identity = { iss: this.url, aud: clientId, sub: subject, ...nonce };
    return this.#tokens({ ...who, clientId }, isOpenId ? identity : null);
  }

  async #tokens(order: TokenOrder, identity: Record<string, string> | null): Promise<unknown> {
    return {
      access_token: await this.#accessToken(order),
      token_type: 'Bearer',
      expires_in: tokenSecondsMax,
      ...(identity === null
        ? {}
        : { id_token: await this.#key.sign(identity, 'JWT', tokenSecondsMax) }),
    };
  }

  #accessToken({ title, role, subject, clientId, seconds, claims }: TokenOrder): Promise<string> {
    const { audience, claims: names } = this.#options;
    const numbers = Object.entries(claims ?? {}).map(([name, value]) => [
      name,
      /^\d{1,15}$/.test(value) ? Number(value) : value,
    ]);
    const payload = {
      ...Object.fromEntries(numbers),
      [names.role]: role,
      [names.title]: title,
      ...(clientId === undefined ? {} : { client_id: clientId }),
      iss: this.url,
      aud: audience,
      sub: subject,
    };
    return this.#key.sign(payload, 'at+jwt', seconds ?? tokenSecondsMax);
  }

  /** `<title>:<role>`, or the role alone where there is one title. */
  #roleNamed(
    text: string,
    code: OAuthError['code'] = 'invalid_request',
  ): { readonly title: string; readonly role: string } {
    const titles = this.#options.titles();
    for (const { manifest, roles } of titles) {
      for (const role of roles.keys()) {
        const isNamed =
          text === `${manifest.title}:${role}` || (titles.length === 1 && text === role);
        if (isNamed) return { title: manifest.title, role };
      }
    }
    throw new OAuthError(
      code,
      `"${text.slice(0, 100)}" is no role here; GET /sandbox/titles lists them, to be named <title>:<role>`,
    );
  }

  #discovery(): unknown {
    return {
      issuer: this.url,
      jwks_uri: `${this.url}/jwks`,
      authorization_endpoint: `${this.url}/authorize`,
      token_endpoint: `${this.url}/token`,
      grant_types_supported: ['client_credentials', 'authorization_code'],
      response_types_supported: ['code'],
      response_modes_supported: ['query'],
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
      authorization_response_iss_parameter_supported: true,
      scopes_supported: ['openid'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: [algorithm],
    };
  }
}

function orRefusal<T>(make: () => T): T | ReturnType<typeof refusalPage> {
  try {
    return make();
  } catch (error) {
    if (error instanceof OAuthError) return refusalPage(error.message);
    throw error;
  }
}

/** The client that HTTP Basic or the form names. Whatever secret comes with it is right: nothing here is one. */
function clientIdOf({ request }: Exchange, form: URLSearchParams): string {
  const [, basic] = /^Basic +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
  if (basic === undefined) return required(form, 'client_id');
  const [id = ''] = Buffer.from(basic, 'base64').toString('utf8').split(':');
  try {
    // RFC 6749, 2.3.1: it was form-encoded first.
    return decodeURIComponent(id.replaceAll('+', ' '));
  } catch {
    throw new OAuthError('invalid_client', 'the client is not validly encoded');
  }
}
