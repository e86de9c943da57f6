import { type Command, CommanderError } from 'commander';
import { serverUrlOf } from '../http/server-url.ts';

/** `tickloom import`: a match, recorded or generated, through the SDK. */
export function addImport(program: Command): void {
  program
    .command('import')
    .description('Commit a recorded match (.fafreplay, .scfareplay), or a generated one.')
    .argument('[arguments...]', 'a file and options; --help lists them')
    .allowUnknownOption()
    .helpOption(false)
    .action(async (args: readonly string[]) => {
      const { importCommand } = await import('../../importer/import-command.ts');
      const command = importCommand(serverUrlOf(process.env), (exitCode) => {
        process.exitCode = exitCode;
      });
      try {
        await command.name('tickloom import').exitOverride().parseAsync(args, { from: 'user' });
      } catch (error) {
        if (!(error instanceof CommanderError)) throw error;
        process.exitCode = error.exitCode === 0 ? 0 : 2;
      }
    });
}
