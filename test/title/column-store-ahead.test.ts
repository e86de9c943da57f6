import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import { asLsn } from '../../engine/model/position.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import { type EngineOptions, openEngine } from '../../engine/title/open-engine.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { FaultyStorage } from '../fault/storage.ts';
import { tickHeader } from '../tick/tick-header.ts';
import { testTicket } from '../ticket.ts';
import { ColumnsOnDisk, memoryColumns } from './memory-columns.ts';
import { ClickHouseDisk, tailedColumns } from './tailed-columns.ts';
import { play, workload } from './workload.ts';

const catalog = new Catalog(ashfall);
const bounds = { memoryBytesMax: 1e9, rowsReadMax: 1e9, threadsMax: 1 };

async function countActions(engine: Engine): Promise<bigint> {
  await engine.columns.waitForCovered(testTicket.within(10_000), engine.appliedLsn);
  const { groups } = await engine.columns.groups(testTicket, {
    table: 'actionLog',
    where: null,
    by: [],
    tickBucket: null,
    aggregates: [],
    orderBy: [],
    first: 10,
    bounds,
  });
  return groups[0]?.count ?? 0n;
}

it('deletes from the column store what the log has lost, and counts on from there', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tickloom-ahead-'));
  const open = () =>
    openEngine({
      manifest: ashfall,
      directory,
      durability: { mode: 'interval', syncEveryMs: 50 },
      columns: 'embedded',
    });
  let engine = await open();
  onTestFinished(async () => {
    await engine.close();
    await rm(directory, { recursive: true, force: true });
  });
  const play = async (ticks: number) => {
    await engine.openSession(testTicket, 's', false);
    for (let tick = 1; tick <= ticks; tick++) {
      const header = tickHeader(tick);
      const row = { playerId: 1, kind: 'MOVE', unitIds: [tick] };
      const actions = [{ actionId: `${tick}`, row, effects: [] }];
      await engine.commit(testTicket, buildTickBatch(catalog, { header, actions, effects: [] }));
    }
  };
  await play(5);
  expect(await countActions(engine)).toBe(5n);
  await engine.close();
  // A power failure in a mode that does not sync: the machine comes back without the log's end.
  await rm(join(directory, 'log'), { recursive: true });
  await rm(join(directory, 'checkpoints'), { recursive: true, force: true });
  engine = await open();
  expect(await countActions(engine)).toBe(0n);
  await play(2);
  expect(await countActions(engine)).toBe(2n);
});

it('is taken in `strict` for a log that lacks files: nothing is deleted until the cut is asked for', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tickloom-ahead-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const disk = new ColumnsOnDisk();
  const open = (options: Partial<EngineOptions> = {}) =>
    openEngine({
      manifest: ashfall,
      directory,
      durability: { mode: 'strict' },
      columns: memoryColumns(disk),
      logSegmentBytesMax: 4_000,
      ...options,
    });
  const engine = await open();
  await play(engine, workload(3, 40), 0, 1);
  await engine.close();
  const held = disk.coveredLsn;
  const segments = await readdir(join(directory, 'log'));
  const last =
    segments
      .filter((name) => name.endsWith('.log'))
      .sort()
      .at(-1) ?? '';
  const end = Number.parseInt(last, 10) - 1;
  await rm(join(directory, 'log', last));
  await rm(join(directory, 'checkpoints'), { recursive: true });
  await expect(open()).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining(`--truncate-at ${end + 1}`),
  });
  expect(disk.coveredLsn).toBe(held);
  const cut = await open({ truncateAt: asLsn(end + 1) });
  expect([cut.appliedLsn, disk.coveredLsn]).toEqual([end, end]);
  await cut.close();
});

it('deletes it too where the column store had not noted yet how far it was', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tickloom-ahead-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const steps = workload(3, 24);
  const open = async (storage: FaultyStorage, disk: ClickHouseDisk) => {
    const insertsMax = Infinity;
    const { columns } = await tailedColumns({ catalog, disk, storage, directory, insertsMax });
    return openEngine({
      manifest: ashfall,
      directory,
      durability: { mode: 'interval', syncEveryMs: 50 },
      storage,
      columns,
      now: () => 1_000,
    });
  };
  const playUpTo = async (storage: FaultyStorage, disk: ClickHouseDisk, end: number) => {
    const engine = await open(storage, disk);
    await play(engine, steps.slice(0, end), engine.appliedLsn, 1);
    await engine.columns.waitForCovered(testTicket.within(10_000), engine.appliedLsn);
    await engine.close();
  };
  const disk = new ClickHouseDisk();
  await playUpTo(new FaultyStorage(), disk, 20);
  // The log comes back ten records shorter, and what follows is not what was there before.
  const storage = new FaultyStorage();
  await playUpTo(storage, new ClickHouseDisk(), 10);
  steps.splice(10, 3);
  disk.shippedLsn = 4;
  await playUpTo(storage, disk, steps.length);
  const reference = new ClickHouseDisk();
  await playUpTo(new FaultyStorage(), reference, steps.length);
  expect(disk.content).toEqual(reference.content);
});
