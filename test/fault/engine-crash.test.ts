import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Durability } from '../../engine/log/commit-log.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import { listCheckpoints } from '../../engine/recover/checkpoint-directory.ts';
import { openEngine } from '../../engine/title/open-engine.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { points, pointsUntil } from '../budget.ts';
import { testTicket } from '../ticket.ts';
import { ColumnsOnDisk, memoryColumns } from '../title/memory-columns.ts';
import { commit, TestTitle } from '../title/test-title.ts';
import { contentDigest, play, playOneByOne, workload } from '../title/workload.ts';
import { FaultyStorage } from './storage.ts';

const strict: Durability = { mode: 'strict' };
const steps = workload(5, 30);
/** Small, so that checkpoints are taken, and crash, amid the ticks. */
const checkpointEveryBytes = 4_000;
/** Steps under way at the same time. */
const inFlight = 5;

/** Where log is dropped, steps wait here until some was: with two checkpoints' worth, it can be. */
const pauseAt = 20;

let directory: string;
let contents: string[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tickloom-crash-'));
  const engine = await open(new FaultyStorage(), new ColumnsOnDisk(), strict);
  contents = await playOneByOne(engine, steps);
  await engine.close();
});

afterAll(() => rm(directory, { recursive: true }));

/** How much log is kept; null: all. */
let logRetainBytes: number | null = null;

/** What an engine's syncs have brought to the disk, in a mode that acknowledges before it syncs. */
class Synced {
  /** Records up to here are on it: applied when the sync before the last one ended. */
  lsn = 0;
  #appliedAtSync = 0;

  syncEnded(appliedLsn: number): void {
    this.lsn = this.#appliedAtSync;
    this.#appliedAtSync = appliedLsn;
  }
}

async function open(
  storage: FaultyStorage,
  disk: ColumnsOnDisk,
  durability: Durability,
  synced = new Synced(),
): Promise<Engine> {
  let appliedLsn = () => 0;
  const engine = await openEngine({
    observer: { log: { onSync: () => synced.syncEnded(appliedLsn()) } },
    manifest: ashfall,
    directory,
    durability,
    storage,
    columns: memoryColumns(disk),
    now: () => 1_000,
    checkpointEveryBytes,
    logSegmentBytesMax: 4_096,
    logRetainBytes,
  });
  appliedLsn = () => engine.appliedLsn;
  return engine;
}

/** Whether records that the log began with were dropped. */
function beginsLater(storage: FaultyStorage): boolean {
  const first = storage.paths().find((path) => path.endsWith('.log'));
  return first !== undefined && !first.endsWith('/00000000000000000001.log');
}

/** One life until the storage crashes or the steps are done; what it was told is durable. */
async function liveAndCrash(
  storage: FaultyStorage,
  disk: ColumnsOnDisk,
  durability: Durability,
  synced = new Synced(),
): Promise<number> {
  const engine = await open(storage, disk, durability, synced).catch(() => null);
  if (!engine) return 0;
  let at: number = engine.appliedLsn;
  if (logRetainBytes !== null && at < pauseAt) {
    at = await play(engine, steps.slice(0, pauseAt), at, inFlight);
    await vi.waitUntil(() => storage.crashed || beginsLater(storage), { interval: 1 });
  }
  const acknowledged = await play(engine, steps, at, inFlight);
  await engine.close().catch(() => {});
  return acknowledged;
}

/** Tells how many steps were there; at least `promised`. */
async function verify(
  storage: FaultyStorage,
  disk: ColumnsOnDisk,
  durability: Durability,
  promised: number,
): Promise<number> {
  const engine = await open(storage, disk, durability);
  const { appliedLsn } = engine;
  expect(appliedLsn).toBeGreaterThanOrEqual(promised);
  // Exactly the records up to here: none is missing, none is half there.
  if (appliedLsn > 0) expect(contentDigest(engine)).toBe(contents[appliedLsn]);
  await play(engine, steps, appliedLsn, inFlight);
  expect(contentDigest(engine)).toBe(contents.at(-1));
  expect(disk.differences).toEqual([]);
  await engine.close();
  return appliedLsn;
}

async function storageCalls(durability: Durability): Promise<number> {
  const storage = new FaultyStorage();
  const acknowledged = await liveAndCrash(storage, new ColumnsOnDisk(), durability);
  expect(acknowledged).toBe(steps.length);
  expect(storage.paths().some((path) => path.includes('/checkpoint-'))).toBe(true);
  return storage.calls;
}

const moments = ['before', 'during', 'after'] as const;

describe('an engine that crashes at any call to its disk', () => {
  for (const after of ['process', 'power'] as const) {
    test(`of the ${after}, comes back with all it acknowledged and nothing by halves`, async () => {
      const calls = await storageCalls(strict);
      expect(calls).toBeGreaterThan(50);
      for (const at of points(1, calls)) {
        const moment = moments[at % 3] ?? 'during';
        const storage = new FaultyStorage({ seed: at, faults: [{ kind: 'crash', moment, at }] });
        const disk = new ColumnsOnDisk();
        const acknowledged = await liveAndCrash(storage, disk, strict);
        storage.restart(after);
        await verify(storage, disk, strict, acknowledged).catch((cause) => {
          throw new Error(`crash ${moment} call ${at} of ${calls}`, { cause });
        });
      }
    });
  }

  test('crashes again while it comes back, and loses nothing by that', async () => {
    const calls = await storageCalls(strict);
    for (const at of points(7, calls, 11)) {
      const storage = new FaultyStorage({
        seed: at,
        faults: [{ kind: 'crash', moment: 'during', at }],
      });
      const disk = new ColumnsOnDisk();
      let acknowledged = await liveAndCrash(storage, disk, strict);
      storage.restart('power');
      for (let again = 1; again <= 5; again++) {
        const crashAt = storage.calls + 4 * again;
        storage.inject({ kind: 'crash', moment: 'during', at: crashAt });
        acknowledged = Math.max(acknowledged, await liveAndCrash(storage, disk, strict));
        storage.restart('power');
      }
      await verify(storage, disk, strict, acknowledged);
    }
  });
});

describe('an engine that drops its old log', () => {
  beforeAll(() => {
    logRetainBytes = 0;
  });
  afterAll(() => {
    logRetainBytes = null;
  });

  test.each(['process', 'power'] as const)(
    'comes back with all it acknowledged from a crash of the %s at any call',
    async (after) => {
      const calls = await storageCalls(strict);
      const crashes = points(1, calls);
      let begunLater = 0;
      for (const at of crashes) {
        const moment = moments[at % 3] ?? 'during';
        const storage = new FaultyStorage({ seed: at, faults: [{ kind: 'crash', moment, at }] });
        const disk = new ColumnsOnDisk();
        const acknowledged = await liveAndCrash(storage, disk, strict);
        storage.restart(after);
        if (beginsLater(storage)) begunLater++;
        await verify(storage, disk, strict, acknowledged).catch((cause) => {
          throw new Error(`crash ${moment} call ${at} of ${calls}`, { cause });
        });
      }
      // Else nothing was dropped before the crash.
      expect(begunLater).toBeGreaterThan(crashes.length / 4);
    },
  );
});

describe('with durability that is looser than strict', () => {
  const modes: Durability[] = [{ mode: 'interval', syncEveryMs: 1 }, { mode: 'none' }];

  test.each(modes)(
    'a crash of the process loses nothing acknowledged: $mode',
    async (durability) => {
      const calls = await storageCalls(durability);
      for (const at of points(5, calls, 7)) {
        const storage = new FaultyStorage({
          seed: at,
          faults: [{ kind: 'crash', moment: 'during', at }],
        });
        const disk = new ColumnsOnDisk();
        const acknowledged = await liveAndCrash(storage, disk, durability);
        storage.restart('process');
        await verify(storage, disk, durability, acknowledged);
      }
    },
  );

  test.each(modes)(
    'a crash of the machine leaves all that the last sync covered, and a prefix of the rest: $mode',
    async (durability) => {
      const calls = await storageCalls(durability);
      const crashes = { thatLost: 0, afterASync: 0 };
      const isTried = () => crashes.thatLost > 0 && crashes.afterASync > 0;
      for (const at of pointsUntil(isTried, 5, calls, 2)) {
        const storage = new FaultyStorage({
          seed: at,
          faults: [{ kind: 'crash', moment: 'during', at }],
        });
        const disk = new ColumnsOnDisk();
        const synced = new Synced();
        const acknowledged = await liveAndCrash(storage, disk, durability, synced);
        const promised = synced.lsn;
        storage.restart('power');
        // The column store of this test is as durable as it can be, so it must not be ahead.
        disk.coveredLsn = 0;
        const present = await verify(storage, disk, durability, promised).catch((cause) => {
          throw new Error(`crash during call ${at} of ${calls}`, { cause });
        });
        if (present < acknowledged) crashes.thatLost++;
        if (promised > 0) crashes.afterASync++;
      }
      // Else the promise was never put to the test: there was nothing to lose, or nothing to keep.
      expect(crashes.thatLost).toBeGreaterThan(0);
      expect(crashes.afterASync).toBeGreaterThan(0);
    },
  );

  test('a checkpoint in `none` syncs the log up to it, and no power failure takes that', async () => {
    const title = await TestTitle.create();
    const storage = new FaultyStorage();
    const taken: (Error | null)[] = [];
    const engine = await title.open({
      storage,
      durability: { mode: 'none' },
      checkpointEveryBytes: 2_000,
      observer: { onCheckpoint: (_seconds, failure) => taken.push(failure) },
    });
    await engine.openSession(testTicket, 's', false);
    for (let tick = 1; taken.length === 0; tick++) await commit(engine, tick);
    // Another one may have been taken while the last tick was answered.
    expect(new Set(taken)).toEqual(new Set([null]));
    const [checkpoint] = await listCheckpoints(storage, join(title.directory, 'checkpoints'));
    expect(checkpoint?.lsn).toBeGreaterThan(0);
    storage.restart('power');
    title.columns.coveredLsn = 0;
    const again = await title.open({ storage, durability: { mode: 'none' } });
    expect(again.appliedLsn).toBeGreaterThanOrEqual(checkpoint?.lsn ?? Infinity);
  });
});
