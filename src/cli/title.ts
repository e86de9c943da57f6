import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import type { Removal, TitleReport } from '../titles/title-keeper.ts';
import { askServer } from './control-client.ts';
import { UsageError, verb } from './fail.ts';
import { loadManifest } from './load-manifest.ts';
import { dataDirOf } from './setting-options.ts';

interface TitleFlags {
  readonly dataDir?: string;
  readonly config?: string;
  readonly json?: true;
}

interface RemoveFlags extends TitleFlags {
  readonly confirm?: string;
  readonly keep: string;
}

export function addTitle(program: Command): void {
  const title = program
    .command('title')
    .description('Make, list, suspend, resume and remove titles of the server that runs here.');
  const on = (name: string, description: string) =>
    title
      .command(name)
      .description(description)
      .option('--data-dir <path>', "The server's data directory. [TICKLOOM_DATA_DIR]")
      .option('--config <file>', 'A JSON file of settings by name. [TICKLOOM_CONFIG]')
      .option('--json', 'Print the answer as one line of JSON.');
  on('create', 'Make a title of a manifest and serve it, without a restart.')
    .argument('<manifest>', 'a .ts, .js or .json file')
    .option('--adopt', 'Go on with data that lie in the data directory under this name.')
    .action(verb(create));
  on('list', 'Which titles there are, and how they stand.').action(verb(list));
  on('suspend', 'Serve a title no longer; its files stay, and clients are told to come back.')
    .argument('<title>')
    .action(verb((name: string, flags: TitleFlags) => change(name, 'suspend', flags)));
  on('resume', 'Serve a title again that is suspended, or removed and not gone yet.')
    .argument('<title>')
    .action(verb((name: string, flags: TitleFlags) => change(name, 'resume', flags)));
  on('remove', 'Serve a title no more; its files go after a time, until when it can be resumed.')
    .argument('<title>')
    .option('--keep <time>', 'How long its files stay: 0, or a number with m, h or d.', '7d')
    .option('--confirm <title>', "The title's name again; asked for on a terminal.")
    .action(verb(remove));
}

async function create(path: string, flags: TitleFlags & { readonly adopt?: true }): Promise<void> {
  const manifest = await loadManifest(path);
  const input = { manifest, adopt: flags.adopt === true };
  const report = await askServer<TitleReport>(dataDirOf(flags), 'POST', '/titles', input);
  tell(report, flags);
}

async function list(flags: TitleFlags): Promise<void> {
  const answer = await askServer<{ titles: TitleReport[] }>(dataDirOf(flags), 'GET', '/titles');
  if (flags.json) return printJson(answer);
  if (answer.titles.length === 0) return print('no titles yet: tickloom title create <manifest>');
  const widest = Math.max(...answer.titles.map(({ title }) => title.length));
  for (const report of answer.titles) print(`${report.title.padEnd(widest)}  ${wordsOf(report)}`);
}

async function change(name: string, what: 'suspend' | 'resume', flags: TitleFlags): Promise<void> {
  const path = `/titles/${encodeURIComponent(name)}/${what}`;
  tell(await askServer<TitleReport>(dataDirOf(flags), 'POST', path), flags);
}

async function remove(name: string, flags: RemoveFlags): Promise<void> {
  const keepMs = milliseconds(flags.keep);
  const confirm = flags.confirm ?? (await nameAgain(name, flags.keep));
  const path = `/titles/${encodeURIComponent(name)}/remove`;
  const answer = await askServer<Removal>(dataDirOf(flags), 'POST', path, { confirm, keepMs });
  if (flags.json) return printJson(answer);
  print(`${name}  ${wordsOf(answer.report)}`);
  for (const [part, words] of Object.entries(answer.fate)) print(`  ${part.padEnd(8)} ${words}`);
  if (answer.report.purgeAt !== null) print(`  until then: tickloom title resume ${name}`);
}

async function nameAgain(name: string, keep: string): Promise<string> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw new UsageError(`remove wants the name again: --confirm ${name}`);
  }
  const asking = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return await asking.question(
      `"${name}" will be served no more, and its files go in ${keep}. Type its name to go on: `,
    );
  } finally {
    asking.close();
  }
}

const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

function milliseconds(text: string): number {
  if (text === '0') return 0;
  const [, digits, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  if (digits === undefined || unit === undefined) {
    throw new UsageError(`--keep is "${text}"; it must be 0, or a number with m, h or d, as 7d`);
  }
  return Number(digits) * unitMs[unit as keyof typeof unitMs];
}

function tell(report: TitleReport, flags: TitleFlags): void {
  if (flags.json) printJson(report);
  else print(`${report.title}  ${wordsOf(report)}`);
}

function wordsOf({ standing, since, purgeAt, position, manifestVersion }: TitleReport): string {
  const served = position === null ? '' : `, position ${position}, manifest ${manifestVersion}`;
  const files =
    standing !== 'removed' ? '' : purgeAt === null ? ', files gone' : `, files go at ${purgeAt}`;
  return `${standing} since ${since}${served}${files}`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function printJson(value: unknown): void {
  print(JSON.stringify(value));
}
