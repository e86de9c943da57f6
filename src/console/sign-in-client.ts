import type { Configuration, TokenEndpointResponse } from 'openid-client';
import type { ConsoleClient } from '../config/console-client.ts';
import type { Provider, ProviderDiscovery } from '../identity/provider.ts';
import { clientOfProvider } from '../identity/provider-client.ts';
import type { PendingSignIn } from './pending-sign-in.ts';

/** What the provider gave for a sign-in. They stay on this server. */
export interface ProviderTokens {
  readonly accessToken: string;
  readonly refreshToken: string | null;
  /** By which the provider knows the sign-in that is ended. */
  readonly idToken: string;
}

/** Why a sign-in or a renewal did not come about: the provider, or what came back, refused it. */
export class SignInRefused extends Error {
  override readonly name = 'SignInRefused';
}

/**
 * The code flow with PKCE at the provider of the console's people (RFC 6749, 7636, 9207; OpenID
 * Connect Core 1.0, RP-Initiated Logout 1.0), by `openid-client`.
 */
export class SignInClient {
  readonly #client: ConsoleClient;
  readonly #discovery: Pick<ProviderDiscovery, 'find'>;
  readonly #redirectUri: string;
  #known: { readonly provider: Provider; readonly configuration: Configuration } | null = null;

  constructor(
    client: ConsoleClient,
    discovery: Pick<ProviderDiscovery, 'find'>,
    redirectUri: string,
  ) {
    this.#client = client;
    this.#discovery = discovery;
    this.#redirectUri = redirectUri;
  }

  get issuer(): string {
    return this.#client.issuer;
  }

  /** Where the browser goes now, and what is to be known when it comes back. */
  async begin(
    returnTo: string,
  ): Promise<{ readonly location: string; readonly pending: PendingSignIn }> {
    const configuration = await this.#configuration();
    const client = await import('openid-client');
    const codeVerifier = client.randomPKCECodeVerifier();
    const state = client.randomState();
    const nonce = client.randomNonce();
    const url = client.buildAuthorizationUrl(configuration, {
      ...this.#client.parameters,
      scope: this.#client.scope,
      redirect_uri: this.#redirectUri,
      code_challenge: await client.calculatePKCECodeChallenge(codeVerifier),
      code_challenge_method: 'S256',
      state,
      nonce,
    });
    return { location: url.href, pending: { state, nonce, codeVerifier, returnTo } };
  }

  /**
   * What the browser came back with, made tokens of. Rejects with `SignInRefused`; with `UNAVAILABLE`,
   * or whatever the network says, where the provider does not answer.
   */
  async finish(answer: URLSearchParams, pending: PendingSignIn): Promise<ProviderTokens> {
    const configuration = await this.#configuration();
    const client = await import('openid-client');
    const url = new URL(this.#redirectUri);
    url.search = String(answer);
    const tokens = await client
      .authorizationCodeGrant(configuration, url, {
        pkceCodeVerifier: pending.codeVerifier,
        expectedState: pending.state,
        expectedNonce: pending.nonce,
        idTokenExpected: true,
      })
      .catch(asRefusal);
    return tokensOf(tokens, null);
  }

  /** New tokens for those of before. Rejects as `finish` does. */
  async renew(before: ProviderTokens & { readonly refreshToken: string }): Promise<ProviderTokens> {
    const configuration = await this.#configuration();
    const client = await import('openid-client');
    const tokens = await client
      .refreshTokenGrant(configuration, before.refreshToken)
      .catch(asRefusal);
    return tokensOf(tokens, before);
  }

  /** Where the browser ends its sign-in at the provider; null where the provider has no such page. */
  async endLocation({ idToken }: ProviderTokens, returnTo: string): Promise<string | null> {
    const configuration = await this.#configuration();
    if (configuration.serverMetadata().end_session_endpoint === undefined) return null;
    const client = await import('openid-client');
    return client.buildEndSessionUrl(configuration, {
      id_token_hint: idToken,
      post_logout_redirect_uri: returnTo,
    }).href;
  }

  /** Takes the refresh token back at the provider, where that can be done. */
  async revoke({ refreshToken }: ProviderTokens): Promise<void> {
    const configuration = await this.#configuration();
    const { revocation_endpoint: endpoint } = configuration.serverMetadata();
    if (refreshToken === null || endpoint === undefined) return;
    const client = await import('openid-client');
    await client.tokenRevocation(configuration, refreshToken, { token_type_hint: 'refresh_token' });
  }

  async #configuration(): Promise<Configuration> {
    const provider = await this.#discovery.find();
    if (this.#known?.provider !== provider) {
      const configuration = await clientOfProvider(provider.metadata, this.#client);
      const client = await import('openid-client');
      client.enableNonRepudiationChecks(configuration);
      this.#known = { provider, configuration };
    }
    return this.#known.configuration;
  }
}

function tokensOf(granted: TokenEndpointResponse, before: ProviderTokens | null): ProviderTokens {
  return {
    accessToken: granted.access_token,
    refreshToken: granted.refresh_token ?? before?.refreshToken ?? null,
    idToken: granted.id_token ?? before?.idToken ?? '',
  };
}

/**
 * What the library says of an answer that is wrong is a refusal; of a provider that could not be asked
 * (the network, a status of its own trouble) it is not: that may be tried again.
 */
async function asRefusal(error: unknown): Promise<never> {
  const client = await import('openid-client');
  const isTrouble =
    error instanceof client.ResponseBodyError
      ? error.status >= 500 || error.status === 429
      : !(error instanceof client.AuthorizationResponseError) && !isOfAnswer(error);
  if (isTrouble) throw error;
  const { message, cause } = error as Error;
  throw new SignInRefused(message, { cause: cause ?? error });
}

/** Codes of the library for an answer that is not what was asked for: a state, a nonce, a signature. */
function isOfAnswer(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return (
    typeof code === 'string' &&
    [
      'OAUTH_INVALID_RESPONSE',
      'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
      'OAUTH_JWT_TIMESTAMP_CHECK_FAILED',
      'OAUTH_KEY_SELECTION_FAILED',
      'OAUTH_PARSE_ERROR',
      'OAUTH_UNSUPPORTED_OPERATION',
      // The client itself is not known there, or its secret is wrong.
      'OAUTH_WWW_AUTHENTICATE_CHALLENGE',
    ].includes(code)
  );
}
