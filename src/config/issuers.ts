import {
  type ClaimNames,
  type IntrospectionClient,
  noAttributes,
  type SigningAlgorithm,
  signingAlgorithms,
  type TrustedIssuer,
} from '../identity/trusted-issuer.ts';
import { readSecretFile } from './secret-file.ts';
import { httpUrl, listOf, type SettingType } from './setting-types.ts';

/** An issuer as it is set: what is left out is as the other settings say. */
export interface IssuerEntry {
  readonly issuer: string;
  readonly audiences: readonly string[] | null;
  readonly roleClaim: string | null;
  /** Undefined: as the setting says; null: its tokens name no title. */
  readonly titleClaim: string | null | undefined;
  readonly titles: readonly string[] | null;
  readonly attributes: ClaimNames['attributes'] | null;
  readonly algorithms: readonly SigningAlgorithm[] | null;
  readonly clockToleranceSeconds: number | null;
  readonly subjectPrefix: string | null;
  readonly client: {
    readonly clientId: string;
    readonly clientSecretFile: string;
    readonly asks: IntrospectionClient['asks'];
  } | null;
}

/** The settings that an issuer's tokens are held to. */
export interface IssuerSettings {
  readonly oidcIssuer: string | null;
  readonly oidcAudience: string;
  readonly oidcRoleClaim: string;
  readonly oidcTitleClaim: string;
  readonly oidcAttributes: ClaimNames['attributes'];
  readonly oidcAlgorithms: readonly SigningAlgorithm[];
  readonly oidcClockToleranceSeconds: number;
  readonly oidcClientId: string | null;
  readonly oidcClientSecret: string | null;
  readonly oidcIntrospection: IntrospectionClient['asks'];
}

/**
 * `oidcIssuer`: URLs separated by commas, or, in a config file, a list of objects. The value is the
 * text itself; `trustedIssuers` reads it together with the settings beside it.
 */
export const issuerList: SettingType<string> = {
  placeholder: '<url,…>',
  parse: (value) => {
    entriesOf(value);
    return value;
  },
};

/** The issuers whose tokens are taken; none where none is set. Throws `RangeError` for what does not fit. */
export function trustedIssuers(settings: IssuerSettings): TrustedIssuer[] {
  if (settings.oidcIssuer === null) return [];
  const entries = entriesOf(settings.oidcIssuer);
  const issuers = entries.map((entry, i) => trusted(entry, settings, i, entries.length));
  const opaque = issuers.filter(({ introspection }) => (introspection?.asks ?? 'jwt') !== 'jwt');
  if (opaque.length > 1) {
    throw new RangeError(
      'one issuer at most that is asked for opaque tokens, as these do not say whose they are: set "introspection": "jwt" for the others',
    );
  }
  return issuers;
}

function trusted(
  entry: IssuerEntry,
  settings: IssuerSettings,
  index: number,
  count: number,
): TrustedIssuer {
  const { issuer, titles } = entry;
  return {
    issuer,
    titles,
    audiences: entry.audiences ?? names(settings.oidcAudience),
    claims: {
      role: entry.roleClaim ?? settings.oidcRoleClaim,
      title: entry.titleClaim === undefined ? settings.oidcTitleClaim : entry.titleClaim,
      attributes: entry.attributes ?? settings.oidcAttributes,
    },
    subjectPrefix: entry.subjectPrefix ?? (index === 0 ? '' : `${issuer}|`),
    algorithms: entry.algorithms ?? settings.oidcAlgorithms,
    clockToleranceSeconds: entry.clockToleranceSeconds ?? settings.oidcClockToleranceSeconds,
    introspection: entry.client === null ? clientOf(settings, count) : clientOfEntry(entry.client),
  };
}

function clientOf(settings: IssuerSettings, issuers: number): IntrospectionClient | null {
  const { oidcClientId: clientId, oidcClientSecret: clientSecret, oidcIntrospection } = settings;
  if (clientId === null && clientSecret === null) return null;
  if (clientId === null || clientSecret === null) {
    throw new RangeError(
      'a client with both its id and its secret: set oidcClientId and oidcClientSecret',
    );
  }
  if (issuers > 1) {
    throw new RangeError(
      'one issuer where oidcClientSecret is set, which no other issuer may see: give each its own client in a list in the config file',
    );
  }
  return { clientId, clientSecret, asks: oidcIntrospection };
}

function clientOfEntry(client: NonNullable<IssuerEntry['client']>): IntrospectionClient {
  const { clientId, clientSecretFile, asks } = client;
  return { clientId, clientSecret: readSecretFile(clientSecretFile), asks };
}

function entriesOf(text: string): IssuerEntry[] {
  const entries = text.trimStart().startsWith('[')
    ? listFrom(text).map(entryOf)
    : names(text).map((issuer) => entryOf({ issuer }));
  if (entries.length === 0) throw new RangeError(expectedUrls);
  if (new Set(entries.map(({ issuer }) => issuer)).size < entries.length) {
    throw new RangeError('a list that names each issuer once');
  }
  return entries;
}

const expectedUrls =
  'a URL that begins http:// or https://, several of them separated by commas, or a list of issuers in the config file';

function listFrom(text: string): unknown[] {
  try {
    return JSON.parse(text) as unknown[];
  } catch {
    throw new RangeError('a list of issuers that is valid JSON');
  }
}

const knownKeys = [
  'issuer',
  'audience',
  'roleClaim',
  'titleClaim',
  'titles',
  'attributes',
  'algorithms',
  'clockToleranceSeconds',
  'subjectPrefix',
  'clientId',
  'clientSecretFile',
  'introspection',
];

function entryOf(value: unknown): IssuerEntry {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RangeError('a list of objects, each with "issuer"');
  }
  const given = value as Readonly<Record<string, unknown>>;
  if ('clientSecret' in given) {
    throw new RangeError(
      'a list without "clientSecret": name a file that holds the secret in "clientSecretFile"',
    );
  }
  const unknown = Object.keys(given).find((key) => !knownKeys.includes(key));
  if (unknown !== undefined) {
    throw new RangeError(`a list of issuers with ${knownKeys.join(', ')}; it has "${unknown}"`);
  }
  const issuer = issuerUrl(given.issuer);
  const titles = given.titles === undefined ? null : textList(given.titles, 'titles');
  if (given.titleClaim === null && titles === null) {
    throw new RangeError('a list in which an issuer without a "titleClaim" names its "titles"');
  }
  return {
    issuer,
    titles,
    audiences: given.audience === undefined ? null : textList(given.audience, 'audience'),
    roleClaim: optionalText(given.roleClaim, 'roleClaim'),
    titleClaim:
      given.titleClaim === undefined
        ? undefined
        : given.titleClaim === null
          ? null
          : optionalText(given.titleClaim, 'titleClaim'),
    attributes: given.attributes === undefined ? null : attributesOf(given.attributes),
    algorithms:
      given.algorithms === undefined
        ? null
        : algorithmList.parse(textList(given.algorithms, 'algorithms').join(',')),
    clockToleranceSeconds: toleranceOf(given.clockToleranceSeconds),
    subjectPrefix: prefixOf(given.subjectPrefix),
    client: clientFrom(given),
  };
}

function clientFrom(given: Readonly<Record<string, unknown>>): IssuerEntry['client'] {
  const clientId = optionalText(given.clientId, 'clientId');
  const clientSecretFile = optionalText(given.clientSecretFile, 'clientSecretFile');
  if (clientId === null && clientSecretFile === null) return null;
  if (clientId === null || clientSecretFile === null) {
    throw new RangeError('a list in which a client has both "clientId" and "clientSecretFile"');
  }
  const asks = given.introspection ?? 'opaque';
  if (asks !== 'opaque' && asks !== 'jwt' && asks !== 'all') {
    throw new RangeError('a list in which "introspection" is "opaque", "jwt" or "all"');
  }
  return { clientId, clientSecretFile, asks };
}

/** Refuses user and password: an issuer's name stands in tokens and logs. */
function issuerUrl(value: unknown): string {
  try {
    const url = new URL(httpUrl.parse(String(value)));
    if (url.username === '' && url.password === '' && url.search === '' && url.hash === '') {
      return String(value);
    }
  } catch {
    // It is no URL at all.
  }
  throw new RangeError(expectedUrls);
}

function names(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function optionalText(value: unknown, key: string): string | null {
  if (value === undefined) return null;
  if (typeof value === 'string' && value !== '') return value;
  throw new RangeError(`a list in which "${key}" is a text`);
}

function prefixOf(value: unknown): string | null {
  return value === '' ? '' : optionalText(value, 'subjectPrefix');
}

function textList(value: unknown, key: string): string[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  const texts = list.filter((one): one is string => typeof one === 'string' && one !== '');
  if (texts.length === list.length && texts.length > 0) return texts;
  throw new RangeError(`a list in which "${key}" is a text or a list of texts`);
}

function toleranceOf(value: unknown): number | null {
  if (value === undefined) return null;
  const { clockToleranceSecondsMax: max } = toleranceBounds;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max) {
    return value;
  }
  throw new RangeError(`a list in which "clockToleranceSeconds" is a whole number up to ${max}`);
}

/** More would let tokens live long past their end. */
export const toleranceBounds = { clockToleranceSecondsMax: 300 } as const;

function attributesOf(value: unknown): ClaimNames['attributes'] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RangeError('a list in which "attributes" is an object of claims by name');
  }
  const entries = Object.entries(value);
  for (const [name, claim] of entries) optionalText(claim, `attributes.${name}`);
  return Object.fromEntries(entries);
}

/** `player_id=custom.player.id,…`: the name that row rules use, and the claim it is taken from. */
export const attributeList: SettingType<ClaimNames['attributes']> = {
  placeholder: '<name=claim,…>',
  parse: (value) => {
    if (value === '') return noAttributes;
    const pairs = names(value).map((part): [string, string] => {
      const at = part.indexOf('=');
      if (at < 1 || at === part.length - 1) {
        throw new RangeError('names and claims such as player_id=custom.player.id, by commas');
      }
      return [part.slice(0, at), part.slice(at + 1)];
    });
    return Object.fromEntries(pairs);
  },
};

/** The asymmetric ones alone. */
export const algorithmList: SettingType<readonly SigningAlgorithm[]> = listOf(
  'algorithm',
  signingAlgorithms,
);
