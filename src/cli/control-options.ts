import type { Command } from 'commander';
import { UsageError } from './fail.ts';
import { settingsOf } from './setting-options.ts';

/** Flags of the verbs that ask the server that runs on a data directory. */
export interface ControlFlags {
  readonly dataDir?: string;
  readonly config?: string;
  readonly json?: true;
}

export function addControlOptions(command: Command): Command {
  return command
    .option('--data-dir <path>', "The server's data directory. [TICKLOOM_DATA_DIR]")
    .option('--config <file>', 'A JSON file of settings by name. [TICKLOOM_CONFIG]')
    .option('--json', 'Print the answer as one line of JSON.');
}

export function dataDirOf({ dataDir, config }: ControlFlags): string {
  const flags = {
    ...(dataDir === undefined ? {} : { dataDir }),
    ...(config === undefined ? {} : { config }),
  };
  return settingsOf(flags, process.env).settings.dataDir;
}

const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `0`, or a number with m, h or d. Throws `UsageError`, which names the flag. */
export function milliseconds(flag: string, text: string): number {
  if (text === '0') return 0;
  const [, digits, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  if (digits === undefined || unit === undefined) {
    throw new UsageError(`${flag} is "${text}"; it must be 0, or a number with m, h or d, as 7d`);
  }
  return Number(digits) * unitMs[unit as keyof typeof unitMs];
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value));
}
