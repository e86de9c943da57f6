import { readFileSync } from 'node:fs';
import {
  environmentName,
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
const otherVariables = new Set(['TICKLOOM_CONFIG', 'TICKLOOM_URL', 'TICKLOOM_TOKEN']);

/** Flags win over the environment, that over the file, that over the defaults. Throws `SettingError`. */
export function loadSettings(sources: SettingSources): LoadedSettings {
  const file = sources.configFile === null ? {} : readConfigFile(sources.configFile);
  const values: Partial<Record<SettingName, unknown>> = {};
  for (const name of settingNames) {
    values[name] = settingValue(name, sources, file);
  }
  return {
    settings: values as Settings,
    warnings: Object.keys(sources.environment)
      .filter((key) => key.startsWith('TICKLOOM_') && !isKnownVariable(key))
      .map((key) => `${key} is not a setting and has no effect; --help lists the settings`),
  };
}

function settingValue(
  name: SettingName,
  sources: SettingSources,
  file: Readonly<Record<string, string>>,
): unknown {
  const declared = settingsTable[name];
  const candidates = [
    { text: sources.flags[name], where: flagName(name) },
    { text: sources.environment[environmentName(name)], where: environmentName(name) },
    { text: file[name], where: `"${name}" in ${sources.configFile}` },
  ];
  const chosen = candidates.find((candidate) => candidate.text !== undefined);
  const text = chosen?.text ?? declared.default;
  if (text === null) return null;
  try {
    return declared.type.parse(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const shown = declared.secret ? '' : ` is "${text}"; it`;
    throw new SettingError(`${chosen?.where ?? flagName(name)}${shown} must be ${error.message}`);
  }
}

function isKnownVariable(key: string): boolean {
  return otherVariables.has(key) || settingNames.some((name) => environmentName(name) === key);
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
    if (!(name in settingsTable)) {
      throw new SettingError(
        `the config file ${path} has "${name}", which is no setting; the settings are ${settingNames.join(', ')}`,
      );
    }
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
      throw new SettingError(`"${name}" in ${path} must be a text, a number or true or false`);
    }
    values[name] = String(value);
  }
  return values;
}
