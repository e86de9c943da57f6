import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import {
  parseKept,
  type ReplayDifference,
  type ReplayOptions,
  type VerifyReport,
} from '../../engine/index.ts';
import { UsageError, verb } from './fail.ts';
import { recordProgress } from './progress.ts';

interface ReplayFlags {
  readonly dataDir: string;
  readonly title: string;
  readonly json?: true;
}

export function addReplay(program: Command): void {
  const replay = program
    .command('replay')
    .description(
      "Replay matches from a stopped server's log, or a copy of it: every verdict and row again.",
    );
  replay
    .command('verify')
    .description(
      'Replay the log and compare the hash chain, tick by tick, with what the log witnesses.',
    )
    .option('--session <id>', 'List this session only; all are replayed in any case.')
    .option('--data-dir <path>', 'The data directory. [TICKLOOM_DATA_DIR]', defaultDataDir())
    .option('--title <title>', 'The title.', 'ashfall')
    .option('--json', 'Print the report as JSON.')
    .action(verb(verify));
  replay
    .command('diff')
    .argument('<left>', 'a session')
    .argument('<right>', 'another')
    .description(
      'Name the first tick, and in it the action, verdict or row, where two sessions differ.',
    )
    .option('--data-dir <path>', 'The data directory. [TICKLOOM_DATA_DIR]', defaultDataDir())
    .option('--title <title>', 'The title.', 'ashfall')
    .option('--json', 'Print the difference as JSON; null when there is none.')
    .action(verb(diff));
}

function defaultDataDir(): string {
  return process.env.TICKLOOM_DATA_DIR ?? '.tickloom';
}

async function verify(flags: ReplayFlags & { readonly session?: string }): Promise<void> {
  const { verifyReplay } = await import('../../engine/index.ts');
  const session = flags.session ?? null;
  const report = await withLog(flags, (options) => verifyReplay({ ...options, session }));
  if (session !== null && report.sessions.length === 0) {
    throw new Error(`the log has no session "${session}"`);
  }
  if (flags.json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else process.stdout.write(reportText(report));
  if (report.divergence) process.exitCode = 1;
}

function reportText(report: VerifyReport): string {
  const { sessions, fromLsn, records, witnessed, divergence } = report;
  const lines = sessions.map(
    ({ session, ticks, lastTick, stateHash }) =>
      `${session}  ${ticks} ticks, last ${lastTick ?? 'none'}, state hash ${stateHash}`,
  );
  if (fromLsn > 1) {
    lines.push(
      `the log's beginning was dropped: replayed from the checkpoint at 0:${fromLsn - 1}; ticks count from there`,
    );
  }
  lines.push(`${records} records replayed, ${witnessed} ticks witnessed by a later record`);
  if (divergence) {
    const { session, tick, lsn, recorded, replayed } = divergence;
    const place = `position 0:${lsn}`;
    const what = session === null ? place : `tick ${tick} of ${session} (${place})`;
    const outcome = replayed === null ? 'does not apply it' : `${replayed}…`;
    lines.push(`DIFFERS at ${what}: the log says ${recorded}…, the replay ${outcome}`);
  } else {
    lines.push('every one is the same');
  }
  return `${lines.join('\n')}\n`;
}

async function diff(left: string, right: string, flags: ReplayFlags): Promise<void> {
  const { diffReplay } = await import('../../engine/index.ts');
  const difference = await withLog(flags, (options) => diffReplay({ ...options, left, right }));
  if (flags.json) process.stdout.write(`${JSON.stringify(difference, plain)}\n`);
  else process.stdout.write(differenceText(difference, left, right));
  if (difference) process.exitCode = 1;
}

function differenceText(difference: ReplayDifference | null, left: string, right: string): string {
  if (!difference) return 'the sessions are the same, tick by tick\n';
  const { ticks, what, action, place } = difference;
  // Where an action or a verdict differs, `place` names the action already.
  const by = what === 'row' && action ? `, by action ${action.index} (${action.actionId})` : '';
  const side = (name: string, value: unknown) => `  ${name}  ${JSON.stringify(value, plain)}`;
  return `${[
    `the first difference is at tick ${ticks[0] ?? 'none'} and ${ticks[1] ?? 'none'}: ${what}, ${place}${by}`,
    side(left, difference.left),
    side(right, difference.right),
  ].join('\n')}\n`;
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

/** Runs with the title's log and the manifest kept beside it. */
async function withLog<T>(
  flags: ReplayFlags,
  run: (options: ReplayOptions) => Promise<T>,
): Promise<T> {
  const directory = join(flags.dataDir, 'titles', flags.title);
  let manifest: ReplayOptions['manifest'];
  try {
    const path = join(directory, 'manifest.json');
    manifest = parseKept(readFileSync(path, 'utf8'), path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new UsageError(`there is no title "${flags.title}" below ${flags.dataDir}`);
  }
  const progress = recordProgress(!flags.json);
  let torn: string | null = null;
  try {
    return await run({
      directory: join(directory, 'log'),
      manifest,
      onProgress: progress.at,
      onTorn: ({ segment, offset, bytes }, lastLsn) => {
        torn = `behind the last record, 0:${lastLsn}, are ${bytes} bytes of an unfinished write (${segment}, offset ${offset}): the next start cuts them off`;
      },
    });
  } finally {
    progress.stop();
    if (torn !== null) process.stderr.write(`${torn}\n`);
  }
}
