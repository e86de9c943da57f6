import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, type TestContext, test } from 'vitest';
import { finish } from '../../engine/govern/work.ts';
import type { Durability } from '../../engine/log/commit-log.ts';
import { openEngine } from '../../engine/title/open-engine.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { kills } from '../budget.ts';
import { testTicket } from '../ticket.ts';
import { ColumnsOnDisk, memoryColumns } from '../title/memory-columns.ts';
import { killedTick, sessions } from './killed-tick.ts';
import { seededRandom } from './seeded-random.ts';

const loader = fileURLToPath(new URL('../log/process/load-typescript.mjs', import.meta.url));
const program = fileURLToPath(new URL('./process/commit-until-killed.mjs', import.meta.url));
const times = kills(50);
/** Every life replays what the ones before it in its directory have logged, so these are few. */
const livesOfADirectory = 50;
const timeoutMs = 60_000 + times * 15_000;

interface Acknowledged {
  readonly session: string;
  readonly tick: number;
  readonly lsn: number;
  readonly stateHash: string;
}

/** Lets the child commit so many ticks, kills it, and gives what it acknowledged. */
async function lifeOf(
  directory: string,
  durability: Durability,
  ticks: number,
): Promise<Acknowledged[]> {
  const child: ChildProcess = spawn(
    process.execPath,
    ['--import', loader, program, directory, JSON.stringify(durability)],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  let errors = '';
  child.stderr?.on('data', (chunk) => {
    errors += String(chunk);
  });
  const exited = once(child, 'exit');
  child.stdout?.on('data', (chunk) => {
    output += String(chunk);
    if (output.split('\n').length > ticks) child.kill('SIGKILL');
  });
  const [, signal] = await exited;
  if (signal !== 'SIGKILL') throw new Error(`the child ended by itself: ${errors}`);
  // A line that was cut off by the kill was not acknowledged.
  return output
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const [session = '', tick, lsn, stateHash = ''] = line.split(' ');
      return { session, tick: Number(tick), lsn: Number(lsn), stateHash };
    });
}

/** Kills an engine so many times in one directory, and checks after each what it holds. */
async function killTimes(
  times: number,
  durability: Durability,
  random: () => number,
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'tickloom-killed-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const columns = new ColumnsOnDisk();
  const all: Acknowledged[] = [];
  for (let kill = 0; kill < times; kill++) {
    const told = await lifeOf(directory, durability, 1 + Math.floor(random() * 120));
    expect(told.length).toBeGreaterThan(0);
    all.push(...told);
    // Replays from the first record, and compares each change set with that of the last time.
    columns.coveredLsn = 0;
    const engine = await openEngine({
      manifest: ashfall,
      directory,
      durability,
      columns: memoryColumns(columns),
    });
    const before = sessions.map((session) => engine.session(testTicket, session));
    for (const { session, tick, lsn, stateHash } of all) {
      const again = await engine.commit(testTicket, killedTick(engine.catalog, session, tick));
      expect(again).toMatchObject({ duplicate: true, lsn, stateHash });
    }
    expect(sessions.map((session) => engine.session(testTicket, session))).toEqual(before);
    for (const session of sessions) {
      const lastTick = engine.session(testTicket, session)?.lastTick ?? 0;
      const { rows } = finish(engine.views.read(testTicket, 'matchPulse', null));
      const pulse = rows.find((row) => row.sessionId === session);
      // Nothing by halves: four actions a tick, and no tick left out.
      expect(pulse ? Number(pulse.actions) : 0).toBe(lastTick * 4);
    }
    expect(columns.differences).toEqual([]);
    await engine.close();
  }
}

// Side by side: a life mostly waits for its process to start, and for the disk.
test.concurrent(
  `an engine killed ${times} times under load keeps every tick it acknowledged`,
  async (context) => {
    const random = seededRandom(20_26);
    for (let left = times; left > 0; left -= livesOfADirectory) {
      await killTimes(Math.min(left, livesOfADirectory), { mode: 'strict' }, random, context);
    }
  },
  timeoutMs,
);

// The operating system has what was written, synced or not: it outlives the process.
test.concurrent.for<Durability>([{ mode: 'interval', syncEveryMs: 1_000 }, { mode: 'none' }])(
  'an engine in $mode that is killed keeps every tick it acknowledged',
  { timeout: timeoutMs },
  async (durability, context) => {
    const few = Math.max(2, Math.ceil(times / 10));
    await killTimes(few, durability, seededRandom(11_27), context);
  },
);
