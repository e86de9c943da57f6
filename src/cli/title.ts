import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import type { Removal, TitleReport } from '../titles/title-keeper.ts';
import { askServer } from './control-client.ts';
import {
  addControlOptions,
  type ControlFlags,
  dataDirOf,
  milliseconds,
  print,
  printJson,
} from './control-options.ts';
import { UsageError, verb } from './fail.ts';
import { loadManifest } from './load-manifest.ts';

interface RemoveFlags extends ControlFlags {
  readonly confirm?: string;
  readonly keep: string;
}

export function addTitle(program: Command): void {
  const title = program
    .command('title')
    .description('Make, list, suspend, resume and remove titles of the server that runs here.');
  const on = (name: string, description: string) =>
    addControlOptions(title.command(name).description(description));
  on('create', 'Make a title of a manifest and serve it, without a restart.')
    .argument('<manifest>', 'a .ts, .js or .json file')
    .option('--adopt', 'Go on with data that lie in the data directory under this name.')
    .action(verb(create));
  on('list', 'Which titles there are, and how they stand.').action(verb(list));
  on('suspend', 'Serve a title no longer; its files stay, and clients are told to come back.')
    .argument('<title>')
    .action(verb((name: string, flags: ControlFlags) => change(name, 'suspend', flags)));
  on('resume', 'Serve a title again that is suspended, or removed and not gone yet.')
    .argument('<title>')
    .action(verb((name: string, flags: ControlFlags) => change(name, 'resume', flags)));
  on('remove', 'Serve a title no more; its files go after a time, until when it can be resumed.')
    .argument('<title>')
    .option('--keep <time>', 'How long its files stay: 0, or a number with m, h or d.', '7d')
    .option('--confirm <title>', "The title's name again; asked for on a terminal.")
    .action(verb(remove));
}

async function create(
  path: string,
  flags: ControlFlags & { readonly adopt?: true },
): Promise<void> {
  const manifest = await loadManifest(path);
  const input = { manifest, adopt: flags.adopt === true };
  const report = await askServer<TitleReport>(dataDirOf(flags), 'POST', '/titles', input);
  tell(report, flags);
}

async function list(flags: ControlFlags): Promise<void> {
  const answer = await askServer<{ titles: TitleReport[] }>(dataDirOf(flags), 'GET', '/titles');
  if (flags.json) return printJson(answer);
  if (answer.titles.length === 0) return print('no titles yet: tickloom title create <manifest>');
  const widest = Math.max(...answer.titles.map(({ title }) => title.length));
  for (const report of answer.titles) print(`${report.title.padEnd(widest)}  ${wordsOf(report)}`);
}

async function change(
  name: string,
  what: 'suspend' | 'resume',
  flags: ControlFlags,
): Promise<void> {
  const path = `/titles/${encodeURIComponent(name)}/${what}`;
  tell(await askServer<TitleReport>(dataDirOf(flags), 'POST', path), flags);
}

async function remove(name: string, flags: RemoveFlags): Promise<void> {
  const keepMs = milliseconds('--keep', flags.keep);
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

function tell(report: TitleReport, flags: ControlFlags): void {
  if (flags.json) printJson(report);
  else print(`${report.title}  ${wordsOf(report)}`);
}

function wordsOf({ standing, since, purgeAt, position, manifestVersion }: TitleReport): string {
  const served = position === null ? '' : `, position ${position}, manifest ${manifestVersion}`;
  const files =
    standing !== 'removed' ? '' : purgeAt === null ? ', files gone' : `, files go at ${purgeAt}`;
  return `${standing} since ${since}${served}${files}`;
}
