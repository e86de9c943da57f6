import { readFileSync } from 'node:fs';
import { consoleClient } from './console-client.ts';
import { trustedIssuers } from './issuers.ts';
import { readSecretFile } from './secret-file.ts';
import {
  environmentName,
  fileSettingName,
  flagName,
  type SettingName,
  type Settings,
  settingNames,
  settingsTable,
} from './settings.ts';

/** A setting that cannot be used: names it, its value, where it was set, and the mend. */
export class SettingError extends Error {
  override readonly name = 'SettingError';
}

export interface SettingSources {
  /** By setting name, as texts. */
  readonly flags: Readonly<Record<string, string | undefined>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** A JSON file: an object with settings by name. Null: none. */
  readonly configFile: string | null;
}

export interface LoadedSettings {
  readonly settings: Settings;
  /** Things that are probably mistakes but stop nothing. */
  readonly warnings: readonly string[];
}

/** Variables of this prefix that are not settings of the server. */
const otherVariables = new Set([
  'TICKLOOM_CONFIG',
  'TICKLOOM_URL',
  'TICKLOOM_TOKEN',
  'TICKLOOM_TOKEN_FILE',
]);

/** Flags win over the environment, that over the file, that over the defaults. Throws `SettingError`. */
export function loadSettings(sources: SettingSources): LoadedSettings {
  const file = sources.configFile === null ? {} : readConfigFile(sources.configFile);
  const values: Partial<Record<SettingName, unknown>> = {};
  for (const name of settingNames) {
    values[name] = settingValue(name, sources, file);
  }
  const settings = values as Settings;
  checkIssuers(settings);
  checkConsole(settings);
  checkWebhook(settings);
  checkHsts(settings);
  return {
    settings,
    warnings: Object.keys(sources.environment)
      .filter((key) => key.startsWith('TICKLOOM_') && !isKnownVariable(key))
      .map((key) => `${key} is not a setting and has no effect; --help lists the settings`),
  };
}

/** Browsers ignore it over HTTP, where it would only look as if something were protected. */
function checkHsts({ hstsSeconds, publicUrl }: Settings): void {
  if (hstsSeconds === null || publicUrl?.startsWith('https://')) return;
  throw new SettingError(
    `${flagName('hstsSeconds')} (${environmentName('hstsSeconds')}) needs a ${flagName('publicUrl')} that begins https://, under which a proxy ends TLS`,
  );
}

/** What each setting of issuers says may be right, and all together not. */
function checkIssuers(settings: Settings): void {
  try {
    trustedIssuers(settings);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new SettingError(`the issuers (oidcIssuer) must be ${error.message}`);
  }
}

function checkConsole(settings: Settings): void {
  try {
    consoleClient(
      settings,
      trustedIssuers(settings).map(({ issuer }) => issuer),
    );
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new SettingError(`what people sign in to the console by must be ${error.message}`);
  }
}

function checkWebhook({ anomalyWebhook, anomalyWebhookSecret: secret }: Settings): void {
  if (secret !== null && secret.length < 16) {
    throw new SettingError(
      'the secret of the webhook (anomalyWebhookSecret) is too short; it must have 16 characters and more',
    );
  }
  if (anomalyWebhook === null || secret !== null) return;
  throw new SettingError(
    'anomalyWebhook is set without a secret, by which its receiver tells who sent a message; set anomalyWebhookSecret, or put it in a file (TICKLOOM_ANOMALY_WEBHOOK_SECRET_FILE)',
  );
}

function settingValue(
  name: SettingName,
  sources: SettingSources,
  file: Readonly<Record<string, string>>,
): unknown {
  const declared = settingsTable[name];
  refusePasswordIn(name, sources.flags[name]);
  const candidates = [
    candidate(name, flagName, sources.flags),
    candidate(name, environmentName, sources.environment, environmentName),
    candidate(name, (key) => `"${key}" in ${sources.configFile}`, file),
  ];
  const chosen = candidates.find((one) => one !== null) ?? null;
  if (chosen === null && declared.default === null) return null;
  const where = chosen?.where ?? flagName(name);
  let text: string = declared.default ?? '';
  try {
    if (chosen !== null) text = chosen.text();
    return declared.type.parse(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const isShown = declared.secret === 'no' && !mayHoldSecret(text);
    const shown = isShown ? ` is "${text}"; it` : '';
    throw new SettingError(`${where}${shown} must be ${error.message}`);
  }
}

interface Candidate {
  readonly where: string;
  readonly text: () => string;
}

/**
 * What one source says of a setting: its value, or, of a secret one, the file that holds it. Throws for
 * both. `keyOf`: how the source spells a setting.
 */
function candidate(
  name: SettingName,
  shown: (key: string) => string,
  source: Readonly<Record<string, string | undefined>>,
  keyOf: (name: string) => string = (key) => key,
): Candidate | null {
  const value = source[keyOf(name)];
  const fileName = fileSettingName(name);
  const path = fileName === null ? undefined : source[keyOf(fileName)];
  if (path === undefined)
    return value === undefined ? null : { where: shown(name), text: () => value };
  const where = shown(fileName ?? name);
  if (value !== undefined) {
    throw new SettingError(`${shown(name)} and ${where} are both set; one of them holds`);
  }
  return { where, text: () => readSecretFile(path) };
}

/** Whoever may list the processes of a machine reads their flags, and shells keep them. */
function refusePasswordIn(name: SettingName, flag: string | undefined): void {
  if (flag === undefined) return;
  if (settingsTable[name].secret !== 'whole' && !mayHoldSecret(flag)) return;
  const fileName = fileSettingName(name);
  const advice =
    fileName === null
      ? `set it as ${environmentName(name)}`
      : `set it as ${environmentName(name)}, or put it in a file and name that in ${environmentName(fileName)} (${flagName(fileName)})`;
  throw new SettingError(
    `${flagName(name)} holds a password, which everybody on this machine can read in the list of processes; ${advice}`,
  );
}

/** A URL with a password, or a list that somebody may have put a secret into. */
function mayHoldSecret(text: string): boolean {
  return /^[[{]/.test(text.trim()) || /\/\/[^/?#\s]*:[^/?#\s]*@/.test(text);
}

function isKnownVariable(key: string): boolean {
  return otherVariables.has(key) || settingNames.some((name) => spellings(name).includes(key));
}

function spellings(name: SettingName): string[] {
  const fileName = fileSettingName(name);
  return [name, ...(fileName === null ? [] : [fileName])].map(environmentName);
}

function readConfigFile(path: string): Record<string, string> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SettingError(`the config file ${path} cannot be read as JSON: ${reason}`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new SettingError(`the config file ${path} must hold one JSON object of settings by name`);
  }
  const values: Record<string, string> = {};
  for (const [name, value] of Object.entries(parsed)) {
    if (!(name in settingsTable) && !settingNames.some((one) => fileSettingName(one) === name)) {
      throw new SettingError(
        `the config file ${path} has "${name}", which is no setting; the settings are ${settingNames.join(', ')}`,
      );
    }
    if (name === 'oidcIssuer' && Array.isArray(value)) {
      values[name] = JSON.stringify(value);
      continue;
    }
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
      throw new SettingError(`"${name}" in ${path} must be a text, a number or true or false`);
    }
    values[name] = String(value);
  }
  return values;
}
