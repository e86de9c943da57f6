import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Catalog } from '../../engine/model/catalog.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import { listCheckpoints } from '../../engine/recover/checkpoint-directory.ts';
import type { CheckpointManifest } from '../../engine/recover/checkpoint-manifest.ts';
import { openEngine, spoolDirectoryOf } from '../../engine/title/open-engine.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { FaultyStorage } from '../fault/storage.ts';
import { testTicket } from '../ticket.ts';
import { ClickHouseDisk, tailedColumns } from '../title/tailed-columns.ts';
import { contentDigest, play, playOneByOne, workload } from '../title/workload.ts';

const catalog = new Catalog(ashfall);
const steps = workload(21, 40);
/** What ClickHouse has taken, and noted, before it falls behind. */
const early = 15;
const eventually = { timeout: 10_000 };

let directory: string;
let digest: string;
let reference: ClickHouseDisk;

interface Life {
  readonly engine: Engine;
  /** Positions that the replay offered to the column store. */
  readonly replayed: readonly number[];
  /** Why checkpoints were passed over. */
  readonly passedOver: readonly string[];
  readonly checkpointErrors: readonly Error[];
  /** `kill -9`; returns once nothing of the process is left. */
  kill(): Promise<void>;
}

async function start(
  storage: FaultyStorage,
  disk: ClickHouseDisk,
  insertsMax: number,
): Promise<Life> {
  const { columns, end } = await tailedColumns({ catalog, disk, storage, directory, insertsMax });
  const replayed: number[] = [];
  const passedOver: string[] = [];
  const checkpointErrors: Error[] = [];
  const offer = columns.offer.bind(columns);
  columns.offer = (changes) => {
    replayed.push(changes.lsn);
    offer(changes);
  };
  const engine = await openEngine({
    manifest: ashfall,
    directory,
    durability: { mode: 'strict' },
    storage,
    columns,
    now: () => 1_000,
    checkpointEveryBytes: 3_000,
    observer: { onCheckpoint: (_, error) => error && checkpointErrors.push(error) },
    logger: {
      info: () => {},
      error: () => {},
      warn: (fields) => passedOver.push(String((fields as { reason?: string }).reason)),
    },
  });
  columns.offer = offer;
  const kill = async () => {
    storage.crash();
    end();
    await engine.close().catch(() => {});
    storage.restart('process');
  };
  return { engine, replayed, passedOver, checkpointErrors, kill };
}

/** Opens with a ClickHouse that takes everything: the state is right, and each row is in it once. */
async function comeBack(storage: FaultyStorage, disk: ClickHouseDisk): Promise<Life> {
  const life = await start(storage, disk, Infinity);
  expect(contentDigest(life.engine)).toBe(digest);
  await life.engine.columns.waitForCovered(testTicket.within(10_000), life.engine.appliedLsn);
  expect(disk.content).toEqual(reference.content);
  await life.kill();
  return life;
}

/** A title killed with checkpoints that are ahead of its ClickHouse. */
async function killedBehind(seed = 1): Promise<{ storage: FaultyStorage; disk: ClickHouseDisk }> {
  const storage = new FaultyStorage({ seed });
  const disk = new ClickHouseDisk();
  const first = await start(storage, disk, Infinity);
  await play(first.engine, steps.slice(0, early), 0, 1);
  await first.engine.close();
  expect(disk.shippedLsn).toBe(early);
  const second = await start(storage, disk, 0);
  await play(second.engine, steps, early, 1);
  await expect
    .poll(async () => (await newest(storage)).lsn, eventually)
    .toBeGreaterThan(early + 10);
  await second.kill();
  return { storage, disk };
}

function rowsIn(disk: ClickHouseDisk): number {
  return Object.values(disk.content).flat().length;
}

async function checkpoints(storage: FaultyStorage): Promise<CheckpointManifest[]> {
  return listCheckpoints(storage, join(directory, 'checkpoints'));
}

async function newest(storage: FaultyStorage): Promise<CheckpointManifest> {
  const [first] = await checkpoints(storage);
  if (!first) throw new Error('there is no checkpoint');
  return first;
}

/** Paths of the blocks it keeps. */
function filesOf({ backlog }: CheckpointManifest): string[] {
  const names = backlog.flatMap(({ blocks }) => blocks.map(({ file }) => file.name));
  return names.map((name) => join(spoolDirectoryOf(directory), name));
}

async function keptFiles(storage: FaultyStorage): Promise<string[]> {
  return filesOf(await newest(storage));
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tickloom-ahead-'));
  reference = new ClickHouseDisk();
  const { engine } = await start(new FaultyStorage(), reference, Infinity);
  digest = (await playOneByOne(engine, steps)).at(-1) ?? '';
  await engine.columns.waitForCovered(testTicket.within(10_000), engine.appliedLsn);
  await engine.close();
});

afterAll(() => rm(directory, { recursive: true }));

describe('a checkpoint that is ahead of the column store', () => {
  it('is where recovery begins: what was kept is shipped, nothing of it comes from the log', async () => {
    const { storage, disk } = await killedBehind();
    const { lsn } = await newest(storage);
    const { replayed, passedOver } = await comeBack(storage, disk);
    expect(passedOver).toEqual([]);
    expect(replayed).toEqual(steps.map((_, i) => i + 1).filter((one) => one > lsn));
  });

  it('keeps its blocks until the column store has them, and no longer', async () => {
    const { storage, disk } = await killedBehind();
    expect((await keptFiles(storage)).length).toBeGreaterThan(3);
    // First without the column store's getting on, then by a few blocks each time.
    for (const insertsMax of [0, 0, 3, 2]) {
      const before = rowsIn(disk);
      const { engine, passedOver, kill } = await start(storage, disk, insertsMax);
      expect(passedOver).toEqual([]);
      expect(contentDigest(engine)).toBe(digest);
      if (insertsMax > 0) await expect.poll(() => rowsIn(disk), eventually).toBeGreaterThan(before);
      await kill();
    }
    const { engine, passedOver } = await start(storage, disk, Infinity);
    expect(passedOver).toEqual([]);
    await engine.columns.waitForCovered(testTicket.within(10_000), engine.appliedLsn);
    const spooled = () => storage.paths().filter((path) => path.includes('/spool/'));
    await expect.poll(spooled, eventually).toEqual([]);
    await engine.close();
    expect(disk.content).toEqual(reference.content);
  });

  it('is there with its blocks after a power failure', async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const { storage, disk } = await killedBehind(seed);
      storage.restart('power');
      const { passedOver } = await comeBack(storage, disk);
      expect(passedOver).toEqual([]);
    }
  });

  it('writes a block once, however many checkpoints keep it', async () => {
    const storage = new FaultyStorage();
    const created: string[] = [];
    const create = storage.create.bind(storage);
    storage.create = (path) => {
      if (path.includes('/spool/')) created.push(path);
      return create(path);
    };
    const { engine, kill } = await start(storage, new ClickHouseDisk(), 0);
    for (let lsn = 0; lsn < steps.length; lsn += 10) {
      await play(engine, steps.slice(0, lsn + 10), lsn, 1);
      await expect.poll(async () => (await newest(storage)).lsn, eventually).toBeGreaterThan(lsn);
    }
    expect((await newest(storage)).lsn).toBeGreaterThan(25);
    expect(created.length).toBeGreaterThan(10);
    expect(new Set(created).size).toBe(created.length);
    await kill();
  });

  it('is not published when its blocks find no room; ticks go on, and the next one is', async () => {
    const storage = new FaultyStorage();
    storage.inject({ kind: 'error', code: 'ENOSPC', call: 'write', path: '/spool/' });
    const disk = new ClickHouseDisk();
    const { engine, checkpointErrors, kill } = await start(storage, disk, 0);
    expect(await play(engine, steps, 0, 1)).toBe(steps.length);
    expect(engine.failure).toBeNull();
    expect(checkpointErrors).toMatchObject([{ code: 'ENOSPC' }]);
    await expect.poll(async () => (await newest(storage)).lsn, eventually).toBeGreaterThan(25);
    await kill();
    const { passedOver } = await comeBack(storage, disk);
    expect(passedOver).toEqual([]);
  });

  it('is passed over when any of its blocks is damaged or gone, for the newest that needs none', async () => {
    const begins: number[] = [];
    for (let i = 0; i < 12; i++) {
      const { storage, disk } = await killedBehind();
      const files = await keptFiles(storage);
      expect(files.length).toBeGreaterThan(3);
      const file = files[i % files.length] as string;
      const size = storage.contentOf(file).length;
      if (i % 3 === 2) await storage.remove(file);
      else storage.flipBit(file, i % 3 === 0 ? size - 20 : size >> 1, i % 8);
      const kept = await checkpoints(storage);
      const next = kept.find((one) => !filesOf(one).includes(file));
      begins.push(next?.lsn ?? 0);
      const { replayed, passedOver } = await comeBack(storage, disk);
      expect(passedOver[0]).toContain(`${file} of the column store's backlog is damaged or gone`);
      expect(replayed[0]).toBe((next?.lsn ?? 0) + 1);
    }
    // Blocks are shared; not from the first record then, but where ClickHouse was past it.
    expect(begins).toContain(early);
    expect(begins).not.toContain(0);
  });

  it('ships every row once when the column store has lost its note', async () => {
    const { storage, disk } = await killedBehind();
    disk.shippedLsn = 0;
    await comeBack(storage, disk);
  });

  it('ships every row once when the column store is restored as of any earlier position', async () => {
    for (let lsn = 0; lsn <= early; lsn += 3) {
      const { storage, disk } = await killedBehind();
      disk.cutAfter(lsn);
      const { replayed, passedOver } = await comeBack(storage, disk);
      if (lsn === early) continue;
      expect(passedOver[0]).toContain('the column store holds');
      expect(replayed[0]).toBe(1);
    }
  });

  it('ships every row once when another replay has shipped a block in part', async () => {
    const { storage, disk } = await killedBehind();
    const { backlog } = await newest(storage);
    const long = backlog
      .flatMap(({ table, blocks }) => blocks.map((block) => ({ table, block })))
      .find(({ table, block }) => table === 'actionLog' && block.lastLsn > block.firstLsn);
    if (!long) throw new Error('no block holds two ticks');
    const rows = reference.tables.get('actionLog') ?? [];
    disk.tables.set(
      'actionLog',
      rows.filter(({ lsn }) => lsn < long.block.lastLsn),
    );
    const { passedOver } = await comeBack(storage, disk);
    expect(passedOver[0]).toContain('within the block');
  });
});
