import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Catalog } from '../../engine/model/catalog.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import { openEngine } from '../../engine/title/open-engine.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { points } from '../budget.ts';
import { testTicket } from '../ticket.ts';
import { ClickHouseDisk, tailedColumns } from '../title/tailed-columns.ts';
import { contentDigest, play, playOneByOne, workload } from '../title/workload.ts';
import { seededRandom } from './seeded-random.ts';
import { FaultyStorage } from './storage.ts';

const catalog = new Catalog(ashfall);
const steps = workload(9, 30);
const checkpointEveryBytes = 4_000;
const inFlight = 5;

let directory: string;
/** After every record, and of ClickHouse in the end. */
let contents: string[];
let rows: Record<string, string[]>;

/** Opens on a ClickHouse that takes so many blocks until the process ends. */
async function open(storage: FaultyStorage, disk: ClickHouseDisk, insertsMax: number) {
  const { columns, end } = await tailedColumns({ catalog, disk, storage, directory, insertsMax });
  void storage.whenCrashed.then(end);
  return openEngine({
    manifest: ashfall,
    directory,
    durability: { mode: 'strict' },
    storage,
    columns,
    now: () => 1_000,
    checkpointEveryBytes,
  });
}

/** One life until the storage crashes or the steps are done; what it was told is durable. */
async function live(storage: FaultyStorage, disk: ClickHouseDisk, insertsMax: number) {
  const engine = await open(storage, disk, insertsMax).catch(() => null);
  if (!engine) return 0;
  const acknowledged = await play(engine, steps, engine.appliedLsn, inFlight);
  await engine.close().catch(() => {});
  return acknowledged;
}

async function coverAll(engine: Engine): Promise<void> {
  await engine.columns.waitForCovered(testTicket.within(10_000), engine.appliedLsn);
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tickloom-behind-'));
  const disk = new ClickHouseDisk();
  const engine = await open(new FaultyStorage(), disk, Infinity);
  contents = await playOneByOne(engine, steps);
  await coverAll(engine);
  await engine.close();
  rows = disk.content;
});

afterAll(() => rm(directory, { recursive: true }));

/** Opens with a ClickHouse that takes everything; then each row must be in it once. */
async function verify(storage: FaultyStorage, disk: ClickHouseDisk, acknowledged: number) {
  const engine = await open(storage, disk, Infinity);
  const { appliedLsn } = engine;
  expect(appliedLsn).toBeGreaterThanOrEqual(acknowledged);
  if (appliedLsn > 0) expect(contentDigest(engine)).toBe(contents[appliedLsn]);
  await play(engine, steps, appliedLsn, inFlight);
  await coverAll(engine);
  expect(disk.content).toEqual(rows);
  await engine.close();
}

async function storageCalls(): Promise<number> {
  const storage = new FaultyStorage();
  expect(await live(storage, new ClickHouseDisk(), 0)).toBe(steps.length);
  expect(storage.paths().some((path) => path.includes('/checkpoint-'))).toBe(true);
  expect(storage.paths().some((path) => path.includes('/spool/'))).toBe(true);
  return storage.calls;
}

const moments = ['before', 'during', 'after'] as const;

describe('an engine whose column store is behind, and that crashes at any call to its disk', () => {
  test.each(['process', 'power'] as const)('of the %s, ships every row once', async (after) => {
    const calls = await storageCalls();
    for (const at of points(1, calls)) {
      const random = seededRandom(at * 2 + (after === 'power' ? 0 : 1));
      const moment = moments[Math.floor(random() * 3)] ?? 'during';
      const storage = new FaultyStorage({ seed: at, faults: [{ kind: 'crash', moment, at }] });
      const disk = new ClickHouseDisk();
      const insertsMax = Math.floor(random() * 4);
      const acknowledged = await live(storage, disk, insertsMax);
      storage.restart(after);
      await verify(storage, disk, acknowledged).catch((cause) => {
        const place = `crash ${moment} call ${at} of ${calls}, after ${insertsMax} inserts`;
        throw new Error(place, { cause });
      });
    }
  });

  test('and again before the column store has caught up, ships every row once', async () => {
    const calls = await storageCalls();
    for (const at of points(5, calls, 3)) {
      const random = seededRandom(at);
      const storage = new FaultyStorage({
        seed: at,
        faults: [{ kind: 'crash', moment: 'during', at }],
      });
      const disk = new ClickHouseDisk();
      let acknowledged = await live(storage, disk, Math.floor(random() * 3));
      for (let again = 1; again <= 4; again++) {
        storage.restart(random() < 0.5 ? 'power' : 'process');
        const crashAt = storage.calls + 1 + Math.floor(random() * 60);
        storage.inject({ kind: 'crash', moment: 'during', at: crashAt });
        acknowledged = Math.max(acknowledged, await live(storage, disk, Math.floor(random() * 3)));
      }
      storage.restart('power');
      await verify(storage, disk, acknowledged).catch((cause) => {
        throw new Error(`first crash at call ${at} of ${calls}`, { cause });
      });
    }
  });
});
