import { SettingError } from '../config/load-settings.ts';

/** Bad usage: the command was given something it cannot take. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Runs a verb. Exit code 0, 1 when it failed, 2 when it was used wrongly; the reason on standard error. */
export function verb<Arguments extends readonly unknown[]>(
  run: (...args: Arguments) => Promise<void>,
): (...args: Arguments) => Promise<void> {
  return async (...args) => {
    try {
      await run(...args);
    } catch (error) {
      const isUsage = error instanceof UsageError || error instanceof SettingError;
      process.stderr.write(`tickloom: ${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = isUsage ? 2 : 1;
    }
  };
}
