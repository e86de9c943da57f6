import type { Command } from 'commander';
import type { OperationListReport } from '../api/graphql/persisted-operations.ts';
import { askServer } from './control-client.ts';
import {
  addControlOptions,
  type ControlFlags,
  dataDirOf,
  print,
  printJson,
} from './control-options.ts';
import { UsageError, verb } from './fail.ts';

interface ReloadFlags extends ControlFlags {
  readonly title?: string;
}

export function addOperations(program: Command): void {
  const operations = program
    .command('operations')
    .description('The lists of operations that clients name by their SHA-256.');
  addControlOptions(operations.command('reload'))
    .description(
      'Have the server that runs here read a list anew; what runs goes on, and a list that cannot be read leaves the one before.',
    )
    .option('--title <title>', 'The title; the only one where it is left out.')
    .action(verb(reload));
}

async function reload(flags: ReloadFlags): Promise<void> {
  const dataDir = dataDirOf(flags);
  const title = flags.title ?? (await onlyTitle(dataDir));
  const path = `/titles/${encodeURIComponent(title)}/operations/reload`;
  const report = await askServer<OperationListReport>(dataDir, 'POST', path);
  if (flags.json) return printJson(report);
  const { file, operations, invalid } = report;
  print(`${title}  ${operations} operations of ${file}, ${invalid.length} of them not valid`);
  for (const problem of invalid) print(`  ${problem}`);
}

async function onlyTitle(dataDir: string): Promise<string> {
  const { titles } = await askServer<{ titles: { title: string }[] }>(dataDir, 'GET', '/titles');
  const [only, ...others] = titles;
  if (only !== undefined && others.length === 0) return only.title;
  throw new UsageError(`name one by --title: ${titles.map(({ title }) => title).join(', ')}`);
}
