#!/usr/bin/env node
import { CommanderError } from 'commander';
import { importCommand } from './import-command.ts';

const command = importCommand((exitCode) => {
  process.exitCode = exitCode;
});
try {
  await command.name('npm run import --').exitOverride().parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}
