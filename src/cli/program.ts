import { Command } from 'commander';
import { packageVersion } from '../package-directory.ts';
import { addAudit } from './audit.ts';
import { addExport } from './export.ts';
import { addGenerate } from './generate.ts';
import { addImport } from './import.ts';
import { addInit } from './init.ts';
import { addOperations } from './operations.ts';
import { addReplay } from './replay.ts';
import { addSecret } from './secret.ts';
import { addServe } from './serve.ts';
import { addStart } from './start.ts';
import { addTitle } from './title.ts';
import { addToken } from './token.ts';

/** The command line, with all its verbs. */
export function program(): Command {
  const root = new Command('tickloom')
    .description(
      'A backend for very large real-time matches: ticks as transactions, live views, Arrow exports.',
    )
    .version(packageVersion())
    // Flags behind a verb belong to that verb, which may have verbs of its own.
    .enablePositionalOptions()
    .showHelpAfterError('(add --help for what it takes)')
    .exitOverride((error) => {
      // Commander ends with 1 for bad usage; here that is 2. Help and version are no errors.
      process.exit(error.exitCode === 0 ? 0 : 2);
    });
  addInit(root);
  addStart(root);
  addServe(root);
  addTitle(root);
  addSecret(root);
  addToken(root);
  addGenerate(root);
  addOperations(root);
  addExport(root);
  addImport(root);
  addReplay(root);
  addAudit(root);
  return root;
}
