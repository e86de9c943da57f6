import { anomalyRules } from '../anomalies/rules-setting.ts';
import { parameterList } from './console-client.ts';
import { algorithmList, attributeList, issuerList, toleranceBounds } from './issuers.ts';
import { operationRules } from './operation-modes.ts';
import {
  auditRetain,
  byteSize,
  columnsPlace,
  count,
  durability,
  httpUrl,
  logRetain,
  millisecondsByClass,
  oneOf,
  onlyOnOneNode,
  onOff,
  origins,
  port,
  type SettingType,
  share,
  text,
} from './setting-types.ts';

/** One setting as declared: environment name, flag and config key derive from its key. */
export interface Setting<T, Default extends string | null> {
  readonly type: SettingType<T>;
  /** As a user would write it; null: not set unless somebody sets it. */
  readonly default: Default;
  readonly unit: string | null;
  readonly help: string;
  /** `whole`: all of the value; `password`: the one in its URL. Never printed; may stand in a file. */
  readonly secret: 'no' | 'password' | 'whole';
}

function setting<T, const Default extends string | null>(
  type: SettingType<T>,
  defaultText: Default,
  help: string,
  more: { readonly unit?: string; readonly secret?: 'password' | 'whole' } = {},
): Setting<T, Default> {
  return {
    type,
    default: defaultText,
    help,
    unit: more.unit ?? null,
    secret: more.secret ?? 'no',
  };
}

/** Every setting of the server. `dataDir` is `--data-dir`, `TICKLOOM_DATA_DIR` and `"dataDir"`. */
export const settingsTable = {
  host: setting(text, '127.0.0.1', 'Address to listen on.'),
  port: setting(port, '4800', 'Port to listen on; 0 takes a free one.'),
  metricsHost: setting(
    text,
    '127.0.0.1',
    'Address that /metrics, /healthz and /readyz listen on where they have a port of their own.',
  ),
  metricsPort: setting(
    port,
    null,
    "A port of its own for /metrics, which the server's own then does not answer. When unset, the server answers it itself: to whoever reaches it where it listens on this machine alone, else to this machine.",
  ),
  dataDir: setting(text, '.tickloom', 'Directory that holds everything the server keeps.'),
  manifest: setting(
    text,
    null,
    "The title's manifest: a TypeScript or JavaScript module whose default export is one, or a JSON file; or a directory of such files, a title each. The sandbox serves the reference title when unset.",
  ),
  durability: setting(
    durability,
    'strict',
    'What an acknowledged commit promises. strict: synced to disk before. interval:<ms>: acknowledged at once, synced within so many milliseconds, which is what a crash may lose. none: left to the operating system.',
  ),
  log: setting(
    onlyOnOneNode('file', { scheme: 'nats://', what: 'a log shared through NATS' }),
    'file',
    'Where the commit log lives.',
  ),
  logRetain: setting(
    logRetain,
    'all',
    'How much of the log is kept at least: all, or a size such as 64GB. What is older is dropped in files of 256 MB once two checkpoints and the column store are past it. Replays, changed views and a column store that lost its data need the old log.',
  ),
  auditRetain: setting(
    auditRetain,
    '400d',
    'How much of each audit log is kept: all, for days such as 400d, or a size such as 64GB of the newest. What is older is dropped in files of 16 MB once it can be read in the column store.',
  ),
  rowMemory: setting(
    byteSize(2 ** 20, 2 ** 50),
    '4GB',
    'Memory of live rows and views, with keys, indexes and strings. Past it, ticks that may create rows answer QUOTA_EXCEEDED, and an eighth past it those with actions or events that a view groups; new sessions do where answers kept for retries fill what rows and views leave of it.',
  ),
  columns: setting(
    columnsPlace,
    'embedded',
    'Where the column store lives: embedded, or the URL of a ClickHouse server.',
    { secret: 'password' },
  ),
  columnsIsolation: setting(
    oneOf('auto', 'required'),
    'auto',
    "Whether the embedded column store is started where nothing keeps its process from the server's files: auto says so at start, required refuses. Bubblewrap keeps it from them where it is installed and works, or a user of its own where the server is root.",
  ),
  fanout: setting(
    onlyOnOneNode('memory', { scheme: 'redis', what: 'fan-out through Redis' }),
    'memory',
    'How subscriptions reach their subscribers.',
  ),
  oidcIssuer: setting(
    issuerList,
    null,
    "The OpenID provider's issuer URL, or several, separated by commas; in the config file also a list of objects with issuer, audience, roleClaim, titleClaim, titles, attributes, algorithms, clockToleranceSeconds, subjectPrefix, clientId, clientSecretFile and introspection. The sandbox has its own; serve requires one.",
  ),
  oidcAudience: setting(
    text,
    'tickloom',
    'The audience (aud) that tokens must name; several, separated by commas: one of them.',
  ),
  oidcRoleClaim: setting(
    text,
    'tickloom_role',
    'The claim that names the role: a text or a list, of which the first role of the title counts, or the one that x-tickloom-role asks for. A dotted path such as realm_access.roles reaches into objects.',
  ),
  oidcTitleClaim: setting(
    text,
    'tickloom_title',
    'The claim that names the title, or the titles, a token opens.',
  ),
  oidcAttributes: setting(
    attributeList,
    '',
    'Claims under names that row rules use: player_id=custom.player.id takes player_id from there and from nowhere else.',
  ),
  oidcAlgorithms: setting(
    algorithmList,
    'RS256,RS384,RS512,PS256,PS384,PS512,ES256,ES384,ES512,EdDSA',
    'The algorithms that tokens may be signed with.',
  ),
  oidcClockToleranceSeconds: setting(
    count(0, toleranceBounds.clockToleranceSecondsMax),
    '5',
    "How far the issuer's clock may be from this one.",
    { unit: 's' },
  ),
  oidcClientId: setting(
    text,
    null,
    "This server's client at the provider, by which it asks what opaque tokens are (RFC 7662).",
  ),
  oidcClientSecret: setting(text, null, 'The secret of that client.', { secret: 'whole' }),
  oidcIntrospection: setting(
    oneOf('opaque', 'jwt', 'all'),
    'opaque',
    'Which tokens the provider is asked for where a client is set: opaque ones; those that are JWTs, so that the provider can take them back; all.',
  ),
  consoleClientId: setting(
    text,
    null,
    "This server's client at the provider, by which people sign in to the console: a code with PKCE, redirected to <publicUrl>/console/sign-in/callback. When unset, the console takes tokens that are pasted.",
  ),
  consoleClientSecret: setting(text, null, 'The secret of that client; a public client has none.', {
    secret: 'whole',
  }),
  consoleIssuer: setting(
    httpUrl,
    null,
    'The issuer that people sign in at, one of oidcIssuer; the first when unset.',
  ),
  consoleScope: setting(
    text,
    'openid',
    'What the console asks the provider for, openid among it; with offline_access most providers give a refresh token, by which people stay signed in.',
  ),
  consoleParameters: setting(
    parameterList,
    '',
    'Further parameters of the request to sign in, such as audience=https://tickloom.example.com, separated by commas.',
  ),
  persistedOperations: setting(
    text,
    null,
    'A JSON file with the operations that clients may name by their SHA-256 (of the only title, or of all), or a directory of such files, <title>.json each. Read at the start, and anew by tickloom operations reload.',
  ),
  operations: setting(
    operationRules,
    'any',
    'Which GraphQL roles may send: any document, or persisted-only, the operations of the list and nothing else; also by role and title, such as any,player=persisted-only.',
  ),
  canary: setting(
    onOff,
    'off',
    'Predictable over fast: syncs each tick by itself, writes checkpoints whole, and checks every invariant after each tick.',
  ),
  publicUrl: setting(
    httpUrl,
    null,
    'The URL clients reach this server under, where a proxy stands before it; export links begin with it.',
  ),
  corsOrigins: setting(
    origins,
    '',
    'Origins of web pages that may call the API, beside the console.',
  ),
  hstsSeconds: setting(
    count(0, 63_072_000),
    null,
    'How long browsers come by HTTPS alone once they did (Strict-Transport-Security); unset, nothing is said of it. For a server behind a proxy that ends TLS: needs a publicUrl that begins https://.',
    { unit: 's' },
  ),
  titleRequestsPerSecond: setting(
    count(1, 1_000_000),
    null,
    'Requests of one title that are taken each second, those of roles that commit apart; any number when unset. Past it they answer RATE_LIMITED.',
  ),
  titleSubscriptions: setting(
    count(1, 1_000_000),
    null,
    'Subscriptions of one title at the same time, those of roles that commit apart; any number when unset. Past it they answer QUOTA_EXCEEDED.',
  ),
  anomalies: setting(
    anomalyRules,
    'shipped',
    'The rules on what is unusual, of all titles: those that come with the server, none, or a JSON file of them (docs/anomalies.md).',
  ),
  anomalyWebhook: setting(
    httpUrl,
    null,
    'Where each crossing of a rule is sent as JSON, signed by the secret. Nowhere when unset.',
    { secret: 'password' },
  ),
  anomalyWebhookSecret: setting(
    text,
    null,
    'What the messages of the webhook are signed with (HMAC-SHA256): 16 characters and more.',
    { secret: 'whole' },
  ),
  slowMs: setting(
    millisecondsByClass({ GAMEPLAY: 100, OPERATOR: 1_000, ARCHIVAL: 30_000 }),
    'gameplay=100,operator=1000,archival=30000',
    'From how many milliseconds on an operation of a class counts as slow: it is logged, counted, and listed by slowQueries.',
  ),
  otlp: setting(
    httpUrl,
    null,
    'Where traces go: the base URL of an OpenTelemetry collector (OTLP over HTTP), such as http://127.0.0.1:4318. No traces when unset, unless a module given to node --import registers a provider.',
    { secret: 'password' },
  ),
  otlpSample: setting(
    share,
    '1',
    "The share of traces begun here that are kept, from 0 to 1; where a request brings a trace, that one's own decision holds.",
  ),
  exportTtlSeconds: setting(count(10, 604_800), '3600', 'How long an export link works.', {
    unit: 's',
  }),
  drainMs: setting(
    count(0, 600_000),
    '10000',
    'How long running requests may take to finish after SIGTERM.',
    { unit: 'ms' },
  ),
  logLevel: setting(
    oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace'),
    'info',
    'The least severe log line that is written; audit records are kept at every level, and shown at debug. On standard error, as JSON unless that is a terminal.',
  ),
} as const;

type Table = typeof settingsTable;
export type SettingName = keyof Table;

/** The settings as values. A setting without a default is null while nobody sets it. */
export type Settings = {
  readonly [Name in SettingName]: Table[Name] extends Setting<infer T, infer Default>
    ? Default extends null
      ? T | null
      : T
    : never;
};

export const settingNames = Object.keys(settingsTable) as SettingName[];

export function environmentName(name: string): string {
  return `TICKLOOM_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** The setting that names a file with the value of a secret one, as it is spelled: `columnsFile`. */
export function fileSettingName(name: SettingName): string | null {
  return settingsTable[name].secret === 'no' ? null : `${name}File`;
}

export function flagName(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
