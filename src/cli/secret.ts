import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { lockDirectory } from '../../engine/index.ts';
import { operatorRecord, recordInClosed } from '../audit/title-audit.ts';
import { controlFolder, makeControlFolder } from '../storage/control-path.ts';
import { rotateSecret, type SecretReport } from '../storage/secret-control.ts';
import { createLogger } from '../telemetry/logger.ts';
import { TitleBook } from '../titles/title-book.ts';
import { openTitleSecrets } from '../titles/title-secrets.ts';
import { askServer, isServed } from './control-client.ts';
import {
  addControlOptions,
  type ControlFlags,
  dataDirOf,
  milliseconds,
  print,
  printJson,
} from './control-options.ts';
import { UsageError, verb } from './fail.ts';
import { settingsOf } from './setting-options.ts';

interface RotateFlags extends ControlFlags {
  readonly title?: string;
  readonly overlap?: string;
}

export function addSecret(program: Command): void {
  const secret = program
    .command('secret')
    .description('The secrets that the server makes for itself: which there are, and new ones.');
  const on = (name: string, description: string) =>
    addControlOptions(secret.command(name).description(description));
  on('list', 'Which secrets the server that runs here has, and until when older ones hold.').action(
    verb(list),
  );
  on('rotate', 'Make another secret; what was made with the one before stays good for a while.')
    .argument('<name>', 'export-links or mask-key')
    .option('--title <title>', 'The title it belongs to, where there are several.')
    .option(
      '--overlap <time>',
      'How long the one before holds: 0 (it has leaked), or a number with m, h or d. (default: as long as what it signed)',
    )
    .action(verb(rotate));
}

async function list(flags: ControlFlags): Promise<void> {
  const answer = await askServer<{ secrets: SecretReport[] }>(dataDirOf(flags), 'GET', '/secrets');
  if (flags.json) return printJson(answer);
  for (const report of answer.secrets) print(wordsOf(report));
}

async function rotate(name: string, flags: RotateFlags): Promise<void> {
  const dataDir = dataDirOf(flags);
  const overlapMs = flags.overlap === undefined ? null : milliseconds('--overlap', flags.overlap);
  const report = (await isServed(dataDir))
    ? await askServer<SecretReport>(
        dataDir,
        'POST',
        `/secrets/${encodeURIComponent(name)}/rotate`,
        {
          title: flags.title ?? null,
          overlapMs,
        },
      )
    : await rotateStopped(name, dataDir, flags, overlapMs);
  if (flags.json) return printJson(report);
  print(`${wordsOf(report)}`);
}

/** In the files of a server that does not run, and cannot start meanwhile. */
async function rotateStopped(
  name: string,
  dataDir: string,
  { config, title: named }: RotateFlags,
  overlapMs: number | null,
): Promise<SecretReport> {
  const title = named ?? onlyTitle(dataDir);
  const directory = join(dataDir, 'titles', title);
  if (!existsSync(directory)) throw new UsageError(`${dataDir} has no title "${title}"`);
  const { settings } = settingsOf({ dataDir, ...(config && { config }) }, process.env);
  const folder = controlFolder(dataDir);
  makeControlFolder(folder);
  const lock = await lockDirectory(folder);
  try {
    const secrets = { ...openTitleSecrets(directory, settings.exportTtlSeconds * 1_000) };
    const report = rotateSecret({ title, secrets, rotated: () => undefined }, name, overlapMs);
    const record = operatorRecord('secret.rotate', { name, olderUntil: report.olderUntil });
    await recordInClosed(directory, record, createLogger('error'));
    return report;
  } finally {
    await lock.release();
  }
}

function onlyTitle(dataDir: string): string {
  const [only, ...others] = TitleBook.open(dataDir).entries();
  if (only !== undefined && others.length === 0) return only.name;
  throw new UsageError(
    only === undefined
      ? `${dataDir} has no titles`
      : 'there are several titles: name one by --title',
  );
}

function wordsOf({ name, title, olderUntil }: SecretReport): string {
  const [until] = olderUntil;
  const place = title === null ? name : `${title}  ${name}`;
  return `${place}  ${until === undefined ? 'no older one holds' : `the one before holds until ${until}`}`;
}
