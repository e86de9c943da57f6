import { isLoopback } from '../http/loopback.ts';
import type { SettingType } from './setting-types.ts';

/** How people sign in to the console: this server as a client of one of its issuers. */
export interface ConsoleClient {
  readonly issuer: string;
  readonly clientId: string;
  /** Null: a public client, which PKCE alone protects. */
  readonly clientSecret: string | null;
  readonly scope: string;
  /** What this provider wants besides: an audience, a prompt. */
  readonly parameters: Readonly<Record<string, string>>;
}

export interface ConsoleSettings {
  readonly host: string;
  readonly publicUrl: string | null;
  readonly consoleClientId: string | null;
  readonly consoleClientSecret: string | null;
  readonly consoleIssuer: string | null;
  readonly consoleScope: string;
  readonly consoleParameters: Readonly<Record<string, string>>;
}

/**
 * The client by which people sign in; null where none is set. `issuers`: those whose tokens are taken,
 * the first of which it is unless another one is named. Throws `RangeError` for what does not fit.
 */
export function consoleClient(
  settings: ConsoleSettings,
  issuers: readonly string[],
): ConsoleClient | null {
  const { consoleClientId: clientId, consoleClientSecret: clientSecret, consoleIssuer } = settings;
  if (clientId === null) {
    if (clientSecret === null && consoleIssuer === null) return null;
    throw new RangeError('a client with its id: set consoleClientId (--console-client-id)');
  }
  const issuer = consoleIssuer ?? issuers[0];
  if (issuer === undefined || !issuers.includes(issuer)) {
    throw new RangeError(
      `of an issuer whose tokens are taken: consoleIssuer must be one of ${issuers.join(', ') || 'those in oidcIssuer, which is not set'}`,
    );
  }
  checkReach(settings);
  if (!settings.consoleScope.split(' ').includes('openid')) {
    throw new RangeError('asked for with the scope openid: add it to consoleScope');
  }
  const { consoleScope: scope, consoleParameters: parameters } = settings;
  return { issuer, clientId, clientSecret, scope, parameters };
}

/** Codes and cookies must not travel in the clear, but on this machine. */
function checkReach({ publicUrl, host }: ConsoleSettings): void {
  const url = publicUrl === null ? null : new URL(publicUrl);
  if (url?.protocol === 'https:' || isLoopback(url === null ? host : nameOf(url))) return;
  throw new RangeError(
    'reached encrypted: set publicUrl (--public-url) to the https:// URL that people open, under which a proxy reaches this server',
  );
}

function nameOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '');
}

/** Parameters of the authorisation request that are this server's own to set. */
const ownParameters = [
  'client_id',
  'client_secret',
  'code_challenge',
  'code_challenge_method',
  'nonce',
  'redirect_uri',
  'request',
  'request_uri',
  'response_mode',
  'response_type',
  'scope',
  'state',
];

/** `audience=https://tickloom.example.com,prompt=consent`. */
export const parameterList: SettingType<Readonly<Record<string, string>>> = {
  placeholder: '<name=value,…>',
  parse: (value) => {
    const pairs = value
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
      .map((part): [string, string] => {
        const at = part.indexOf('=');
        const name = part.slice(0, Math.max(0, at));
        if (!/^[a-z][a-z0-9_]*$/.test(name) || at === part.length - 1) {
          throw new RangeError(
            'parameters such as audience=https://tickloom.example.com, by commas',
          );
        }
        if (ownParameters.includes(name)) {
          throw new RangeError(`parameters beside those that this server sets itself, as ${name}`);
        }
        return [name, part.slice(at + 1)];
      });
    return Object.fromEntries(pairs);
  },
};
