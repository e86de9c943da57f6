import type { Command } from 'commander';
import { type LoadedSettings, loadSettings } from '../config/load-settings.ts';
import {
  environmentName,
  fileSettingName,
  flagName,
  type SettingName,
  settingNames,
  settingsTable,
} from '../config/settings.ts';

/** A verb's flags as commander hands them over. */
export type SettingFlags = Readonly<Record<string, string | undefined>>;

/** Gives a verb a flag for every setting; its help tells default, unit and variable. */
export function addSettingOptions(command: Command): Command {
  for (const name of settingNames) {
    command.option(`${flagName(name)} ${settingsTable[name].type.placeholder}`, describe(name));
    const fileName = fileSettingName(name);
    if (fileName === null) continue;
    const help = `A file that holds ${environmentName(name)}. [${environmentName(fileName)}]`;
    command.option(`${flagName(fileName)} <file>`, help);
  }
  return command.option('--config <file>', 'A JSON file of settings by name. [TICKLOOM_CONFIG]');
}

/** Throws `SettingError`. */
export function settingsOf(
  flags: SettingFlags,
  environment: Readonly<Record<string, string | undefined>>,
): LoadedSettings {
  const configFile = flags.config ?? environment.TICKLOOM_CONFIG ?? null;
  return loadSettings({ flags, environment, configFile });
}

/** The data directory of a verb that asks for no other setting. */
export function dataDirOf({
  dataDir,
  config,
}: {
  readonly dataDir?: string;
  readonly config?: string;
}): string {
  const flags = {
    ...(dataDir === undefined ? {} : { dataDir }),
    ...(config === undefined ? {} : { config }),
  };
  return settingsOf(flags, process.env).settings.dataDir;
}

function describe(name: SettingName): string {
  const { help, unit, default: defaultText } = settingsTable[name];
  const shown =
    defaultText === null || defaultText === ''
      ? 'unset'
      : `${defaultText}${unit === null ? '' : ` ${unit}`}`;
  return `${help} (default: ${shown}) [${environmentName(name)}]`;
}
