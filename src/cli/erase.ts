import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { type Erasure, eraseInClosed } from '../../engine/index.ts';
import { operatorRecord, recordInClosed } from '../audit/title-audit.ts';
import { createLogger } from '../telemetry/logger.ts';
import type { TitleReport } from '../titles/title-keeper.ts';
import { askServer, isServed } from './control-client.ts';
import {
  addControlOptions,
  type ControlFlags,
  dataDirOf,
  print,
  printJson,
} from './control-options.ts';
import { UsageError, verb } from './fail.ts';

interface EraseFlags extends ControlFlags {
  readonly subject: string;
  readonly title?: string;
  readonly yes?: true;
}

/** What was erased of one title; null: no server has opened it yet. */
interface Erased {
  readonly title: string;
  readonly values: number | null;
}

/** `tickloom erase --subject …`: forgets a person. */
export function addErase(program: Command): void {
  addControlOptions(
    program
      .command('erase')
      .description(
        "Erase a person's values from the titles of a data directory, whether a server runs on it or not. It cannot be undone.",
      )
      .requiredOption('--subject <name>', 'The person, as columns of subjects or values name it.')
      .option('--title <title>', 'Only of this title. (default: of all)')
      .option('--yes', 'Erase without asking; needed where there is no terminal.'),
  ).action(verb(erase));
}

async function erase(flags: EraseFlags): Promise<void> {
  const { subject } = flags;
  if (subject === '') throw new UsageError('--subject is empty');
  if (flags.yes !== true) await confirmed(subject);
  const dataDir = dataDirOf(flags);
  const served = await servedTitles(dataDir);
  const erased: Erased[] = [];
  for (const title of namesOf(titlesIn(dataDir, served), flags)) {
    const how = served.includes(title) ? eraseServed : eraseClosed;
    erased.push({ title, values: (await how(dataDir, title, subject))?.values ?? null });
  }
  if (flags.json) return printJson({ erased });
  for (const { title, values } of erased) print(`${title}  ${wordsOf(values)}`);
  if (erased.length === 0) print('there are no titles');
}

/** The titles that a server holds, which lets nobody else at their files. */
async function servedTitles(dataDir: string): Promise<readonly string[]> {
  if (!(await isServed(dataDir))) return [];
  const { titles } = await askServer<{ titles: TitleReport[] }>(dataDir, 'GET', '/titles');
  return titles.filter(({ isServed: is }) => is).map(({ title }) => title);
}

/** All whose files are there, suspended and removed ones among them. */
function titlesIn(dataDir: string, served: readonly string[]): readonly string[] {
  const directory = join(dataDir, 'titles');
  if (!existsSync(directory)) return served;
  const entries = readdirSync(directory, { withFileTypes: true });
  const there = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  return [...new Set([...served, ...there])].sort();
}

function eraseServed(dataDir: string, title: string, subject: string): Promise<Erasure | null> {
  const path = `/titles/${encodeURIComponent(title)}/erase`;
  return askServer<Erasure | null>(dataDir, 'POST', path, { subject });
}

async function eraseClosed(
  dataDir: string,
  title: string,
  subject: string,
): Promise<Erasure | null> {
  const directory = join(dataDir, 'titles', title);
  const erasure = await eraseInClosed(directory, subject);
  if (erasure === null) return null;
  const record = operatorRecord('personal.erase', { values: erasure.values });
  await recordInClosed(directory, record, createLogger('silent'));
  return erasure;
}

function namesOf(titles: readonly string[], { title }: EraseFlags): readonly string[] {
  if (title === undefined) return titles;
  if (titles.includes(title)) return [title];
  throw new Error(`there is no title "${title}"; there are ${titles.join(', ') || 'none'}`);
}

async function confirmed(subject: string): Promise<void> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw new UsageError('erase cannot be undone and asks for --yes');
  }
  const asking = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await asking.question(
      `Every value of "${subject}" goes for good. Type yes to go on: `,
    );
    if (answer !== 'yes') throw new UsageError('nothing was erased');
  } finally {
    asking.close();
  }
}

function wordsOf(values: number | null): string {
  if (values === null) return 'keeps no values of persons';
  return values === 1 ? '1 value erased' : `${values} values erased`;
}
