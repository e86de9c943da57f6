import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { nodeStorage } from '../../engine/disk/node-storage.ts';
import { listCheckpoints } from '../../engine/recover/checkpoint-directory.ts';
import { openEngine } from '../../engine/title/open-engine.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { kills } from '../budget.ts';
import { testTicket } from '../ticket.ts';
import { seededRandom } from './seeded-random.ts';

const loader = fileURLToPath(new URL('../log/process/load-typescript.mjs', import.meta.url));
const program = fileURLToPath(new URL('./process/commit-behind-until-killed.mjs', import.meta.url));
const times = kills(20);

/** Lets the child commit so many ticks, with a ClickHouse that stands still after the first few. */
async function lifeOf(directory: string, stopAfter: number, ticks: number): Promise<void> {
  const args = ['--import', loader, program, directory, String(stopAfter)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  const exited = once(child, 'exit');
  child.stdout.on('data', (chunk) => {
    output += String(chunk);
    if (output.split('\n').length > ticks + 1) child.kill('SIGKILL');
  });
  const [, signal] = await exited;
  const columnsPid = Number(output.split('\n')[0]);
  // What stands still does not see that its parent is gone.
  if (columnsPid > 0) process.kill(columnsPid, 'SIGKILL');
  expect(signal).toBe('SIGKILL');
}

/** How many rows each table has, and a sum over every value of every row. */
async function shipped(directory: string): Promise<unknown> {
  const engine = await openEngine({
    manifest: ashfall,
    directory,
    durability: { mode: 'strict' },
    columns: 'embedded',
  });
  try {
    await engine.columns.waitForCovered(testTicket.within(30_000), engine.appliedLsn);
    const of = (table: string) =>
      `(SELECT (count(), sum(cityHash64(toString(tuple(*))))) FROM ${table})`;
    const tables = ['actionLog', 'matchMetrics', 'unitState_history'];
    const bounds = { memoryBytesMax: 1e9, rowsReadMax: 1e9, threadsMax: 1 };
    const { rows } = await engine.columns.sql(
      testTicket,
      `SELECT ${tables.map(of)}`,
      {},
      1,
      bounds,
      'whole',
    );
    return [engine.appliedLsn, rows];
  } finally {
    await engine.close();
  }
}

test(
  `a server killed ${times} times while ClickHouse is behind ships every row once`,
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tickloom-behind-'));
    const again = await mkdtemp(join(tmpdir(), 'tickloom-anew-'));
    onTestFinished(async () => {
      for (const path of [directory, again]) await rm(path, { recursive: true, force: true });
    });
    const random = seededRandom(7);
    let ahead = 0;
    for (let kill = 0; kill < times; kill++) {
      const stopAfter = 1 + Math.floor(random() * 100);
      await lifeOf(directory, stopAfter, stopAfter + 450 + Math.floor(random() * 200));
      const [newest] = await listCheckpoints(nodeStorage, join(directory, 'checkpoints'));
      if (newest?.backlog.some(({ blocks }) => blocks.length > 0)) ahead++;
    }
    // Else this would not be about checkpoints that are ahead.
    expect(ahead).toBeGreaterThanOrEqual(Math.floor(times * 0.95));
    await cp(join(directory, 'log'), join(again, 'log'), {
      recursive: true,
      filter: (path) => !path.endsWith('.sock'),
    });
    const rows = await shipped(directory);
    expect(rows).toEqual(await shipped(again));
  },
  60_000 + times * 15_000,
);
