import { readFile } from 'node:fs/promises';
import { TickloomError } from '@tickloom/sdk';
import { Command, InvalidArgumentError, Option } from 'commander';
import { AshfallClient } from '../examples/ashfall/tickloom.ts';
import { countDifferences } from './check-counts.ts';
import {
  generatedBounds,
  generatedMatch,
  generatedMatchDefaults,
} from './generated/generated-match.ts';
import { type ImportResult, importMatch } from './import-match.ts';
import type { Match } from './match.ts';
import { type Progress, progressOn } from './progress.ts';
import { recordedMatch } from './recorded/recorded-match.ts';
import { sandboxToken } from './sandbox-token.ts';
import { summarise, summaryText } from './summary.ts';

interface Flags {
  readonly url: string;
  readonly token?: string;
  readonly session?: string;
  readonly speed: number | 'max';
  readonly inFlight: number;
  readonly units?: number;
  readonly players?: number;
  readonly ticks?: number;
  readonly seed?: number;
  readonly keepText?: boolean;
  readonly check?: boolean;
  readonly explain?: boolean;
  readonly json?: boolean;
}

const generatorFlags = ['units', 'players', 'ticks', 'seed'] as const;
const explanationsShown = 5;
/** So many tries, with the SDK's waits between them, outlast half a minute without a server. */
const triesMax = 13;

/** A wrong use of the command: exit code 2. */
class UsageError extends Error {}

/**
 * The importer as a command, for the server at `url` unless told otherwise. `onDone` gets the exit
 * code: 0, 1 (failed) or 2 (bad usage).
 */
export function importCommand(url: string, onDone: (exitCode: number) => void): Command {
  const { units, players, ticks, seed } = generatedMatchDefaults;
  return new Command('import')
    .description(
      'Commits a recorded match (.fafreplay, .scfareplay) tick by tick, or a generated one where no file is given. Importing the same match again changes nothing.',
    )
    .argument('[file]', 'a recording')
    .option(
      '--url <url>',
      'the server [TICKLOOM_URL, or TICKLOOM_HOST and TICKLOOM_PORT]',
      originOf,
      originOf(url),
    )
    .addOption(
      new Option('--token <token>', 'of a game-server; asked of the sandbox when left out').env(
        'TICKLOOM_TOKEN',
      ),
    )
    .option('--session <id>', 'session to commit to (default: follows from the match)')
    .option('--speed <factor>', 'times real time, or max', parseSpeed, 'max')
    .option('--in-flight <n>', 'ticks on the way at a time, 1 to 64', wholeNumber(1, 64), 16)
    .option('--units <n>', `generated: units of all players (default: ${units})`, bounded('units'))
    .option('--players <n>', `generated: players (default: ${players})`, bounded('players'))
    .option('--ticks <n>', `generated: ticks of 100 ms (default: ${ticks})`, bounded('ticks'))
    .option('--seed <n>', `generated: another match a seed (default: ${seed})`, bounded('seed'))
    .option('--keep-text', "recorded: keep players' chat and names in payloads")
    .option('--check', "compare the server's counts with the importer's afterwards")
    .option('--explain', 'list every rejected order with its reason')
    .option('--json', 'print the summary as JSON')
    .action(async (file: string | undefined, flags: Flags) => {
      onDone(await run(file, flags).catch((error: unknown) => explainFailure(error)));
    });
}

async function run(file: string | undefined, flags: Flags): Promise<number> {
  const match = await chooseMatch(file, flags);
  const sessionId = flags.session ?? match.sessionId;
  const token = flags.token ?? sandboxToken(flags.url, 'game-server', 'importer');
  const client = new AshfallClient({ url: flags.url, token, retry: { attemptsMax: triesMax } });
  const progress = progressOn(process.stderr, match.tickCount, flags.json !== true);
  const result = await importWithInterrupt(client, match, sessionId, flags, progress);
  const differences = flags.check ? await check(client, result, flags) : [];
  print(match, result, differences, flags);
  const wrong = differences.length > 0 || result.report.unexplained > 0;
  return result.complete && !wrong ? 0 : 1;
}

async function importWithInterrupt(
  client: AshfallClient,
  match: Match,
  sessionId: string,
  flags: Flags,
  progress: Progress,
): Promise<ImportResult> {
  const stop = new AbortController();
  // Once: a second Ctrl-C ends the process as it would any other.
  const interrupt = () => stop.abort();
  process.once('SIGINT', interrupt);
  try {
    return await importMatch(client, match, {
      sessionId,
      speed: flags.speed === 'max' ? null : flags.speed,
      inFlightMax: flags.inFlight,
      signal: stop.signal,
      onTick: (report) => progress.update(report),
    });
  } finally {
    process.off('SIGINT', interrupt);
    progress.end();
  }
}

async function chooseMatch(file: string | undefined, flags: Flags): Promise<Match> {
  const given = generatorFlags.filter((flag) => flags[flag] !== undefined);
  if (file !== undefined) {
    if (given.length > 0) {
      throw new UsageError(`--${given[0]} is for a generated match, and a file is given`);
    }
    return recordedMatch(await readFile(file), flags.keepText ? 'keep' : 'drop');
  }
  const defaults = generatedMatchDefaults;
  const options = {
    units: flags.units ?? defaults.units,
    players: flags.players ?? defaults.players,
    ticks: flags.ticks ?? defaults.ticks,
    seed: flags.seed ?? defaults.seed,
  };
  try {
    return generatedMatch(options);
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error;
  }
}

/** Aggregates are another role's right than the game server's. */
async function check(
  client: AshfallClient,
  { session, report }: ImportResult,
  flags: Flags,
): Promise<string[]> {
  const token = flags.token ?? sandboxToken(flags.url, 'liveops', 'importer');
  const reader = new AshfallClient({ url: flags.url, token });
  if (client.position !== null) reader.readAfter(client.position);
  return await countDifferences(reader, session.sessionId, report.counts);
}

function print(
  match: Match,
  result: ImportResult,
  differences: readonly string[],
  flags: Flags,
): void {
  const { report, complete } = result;
  const summary = summarise(match, result);
  if (flags.json) {
    const explanations = flags.explain ? { explanations: report.explanations } : {};
    const checked = flags.check ? { differences } : {};
    process.stdout.write(`${JSON.stringify({ ...summary, ...explanations, ...checked })}\n`);
    return;
  }
  const shown = flags.explain ? report.explanations.length : explanationsShown;
  const more = report.rejected - Math.min(shown, report.explanations.length);
  const lines = [
    summaryText(summary),
    ...report.explanations.slice(0, shown).map((line) => `rejected: ${line}`),
    ...(report.explanations.length > 0 && more > 0 ? [`rejected: ${more} more`] : []),
    report.unexplained === 0
      ? 'Every verdict follows from the ownership rule.'
      : `${report.unexplained} verdicts do not follow from the ownership rule.`,
    ...differences.map((difference) => `counts differ: ${difference}`),
    ...(flags.check && differences.length === 0 ? ["The server's counts equal these."] : []),
    ...(complete ? [] : [`Stopped after tick ${report.lastTick ?? 0}. ${howToGoOn}`]),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

const howToGoOn =
  'Import the same match again to go on: what is committed is known and passes quickly.';

function explainFailure(error: unknown): number {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${message}\n`);
  if (error instanceof TickloomError && error.retryable) process.stderr.write(`${howToGoOn}\n`);
  return error instanceof UsageError ? 2 : 1;
}

/** The title's path, which other commands take with the URL, is the client's own to add. */
function originOf(url: string): string {
  if (!URL.canParse(url)) throw new InvalidArgumentError('It must be a URL.');
  return new URL(url).origin;
}

function parseSpeed(text: string): number | 'max' {
  if (text === 'max') return 'max';
  const speed = Number(text);
  if (speed > 0 && Number.isFinite(speed)) return speed;
  throw new InvalidArgumentError('It is a number above 0, or max.');
}

function bounded(name: (typeof generatorFlags)[number]): (text: string) => number {
  const { least, most } = generatedBounds[name];
  return wholeNumber(least, most);
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isInteger(value) && value >= least && value <= most) {
      return value;
    }
    throw new InvalidArgumentError(`It is a whole number from ${least} to ${most}.`);
  };
}
