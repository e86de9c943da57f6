import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Canary } from '../../engine/canary/canary.ts';
import { finish } from '../../engine/govern/work.ts';
import { asLsn } from '../../engine/model/position.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import { listCheckpoints } from '../../engine/recover/checkpoint-directory.ts';
import { filesOf } from '../../engine/recover/checkpoint-manifest.ts';
import { type EngineOptions, openEngine } from '../../engine/title/open-engine.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { FaultyStorage } from '../fault/storage.ts';
import { testTicket } from '../ticket.ts';
import { ColumnsOnDisk, memoryColumns } from '../title/memory-columns.ts';
import { commit, insertUnit, setUnit } from '../title/test-title.ts';
import { contentDigest, playOneByOne, workload } from '../title/workload.ts';
import { PlantedTitle } from './planted-title.ts';

interface Disk {
  readonly directory: string;
  readonly storage: FaultyStorage;
  /** Records of each group, and writes of the log that reached the disk, as they came. */
  readonly groups: number[];
  readonly syncs: { count: number };
  open(options: Pick<EngineOptions, 'canary' | 'checkpointEveryBytes'>): Promise<Engine>;
}

async function freshDisk(): Promise<Disk> {
  const directory = await mkdtemp(join(tmpdir(), 'tickloom-canary-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const groups: number[] = [];
  const syncs = { count: 0 };
  const storage = new FaultyStorage({
    onCall: (call, path) => {
      if (path.includes('/log/') && call === 'writeThrough') syncs.count++;
    },
  });
  const columns = new ColumnsOnDisk();
  const open: Disk['open'] = async (options) => {
    const engine = await openEngine({
      manifest: ashfall,
      directory,
      durability: { mode: 'strict' },
      columns: memoryColumns(columns),
      storage,
      now: () => 1_000,
      ...options,
      observer: { log: { onGroup: (records) => groups.push(records) } },
    });
    onTestFinished(() => engine.close());
    return engine;
  };
  return { directory, storage, groups, syncs, open };
}

describe('canary mode', () => {
  it.each([
    { canary: true, most: 1 },
    { canary: false, most: 12 },
  ])('syncs $most of 12 ticks at a time (canary: $canary)', async ({ canary, most }) => {
    const { groups, syncs, open } = await freshDisk();
    const engine = await open({ canary });
    await engine.openSession(testTicket, 's', false);
    groups.length = 0;
    syncs.count = 0;
    await Promise.all(Array.from({ length: 12 }, (_, i) => commit(engine, i + 1)));
    expect(Math.max(...groups)).toBe(most);
    expect(groups.reduce((sum, records) => sum + records, 0)).toBe(12);
    expect(syncs.count).toBe(groups.length);
  });

  it.each([
    { canary: true, shared: 0 },
    { canary: false, shared: 4 },
  ])('shares $shared files with the checkpoint before (canary: $canary)', async (expected) => {
    const { directory, storage, open } = await freshDisk();
    const units = Array.from({ length: 8_193 }, (_, i) => insertUnit(i));
    const { canary } = expected;
    const first = await open({ canary });
    await first.openSession(testTicket, 's', false);
    await commit(first, 1, { actions: [units] });
    await commit(first, 2);
    await first.close();
    const second = await open({ canary });
    // The second page, the ledger so far, the session's name and the players it has seen may stay
    // as they are.
    await commit(second, 3, { actions: [[setUnit(1, { health: 3 })]] });
    await second.close();
    const [newest, before] = await listCheckpoints(storage, join(directory, 'checkpoints'));
    const named = (newest ? filesOf(newest) : []).map(({ name }) => name);
    const known = new Set((before ? filesOf(before) : []).map(({ name }) => name));
    const shared = named.filter((name) => known.has(name));
    expect(shared).toHaveLength(expected.shared);
    expect(newest?.tables.find(({ table }) => table === 'unitState')?.pages).toHaveLength(2);
  });

  it('finds nothing to complain of in a match with every kind of effect, through checkpoints and restarts', async () => {
    const { open } = await freshDisk();
    const steps = workload(5, 80);
    // So small that one checkpoint follows another while ticks go on.
    const first = await open({ canary: true, checkpointEveryBytes: 1 });
    await playOneByOne(first, steps.slice(0, 40));
    await first.close();
    const second = await open({ canary: true });
    const contents = await playOneByOne(second, steps.slice(40));
    expect(second.failure).toBeNull();
    await second.close();
    const plain = await open({ canary: false });
    expect(contentDigest(plain)).toBe(contents.at(-1));
  });

  it('counts the strings of rows that a checkpoint has saved aside', async () => {
    const title = new PlantedTitle();
    title.checkpointEveryBytes = 1;
    let write = () => {};
    const mayWrite = new Promise<void>((resolve) => {
      write = resolve;
    });
    const { storage } = title;
    const makeDirectory = storage.makeDirectory.bind(storage);
    // A checkpoint has fixed its position when it makes its directory, and has read no row yet.
    storage.makeDirectory = async (path) => {
      if (path.endsWith('checkpoints')) await mayWrite;
      return makeDirectory(path);
    };
    const engine = await title.open();
    await commit(engine, 2, { actions: [[setUnit(1, { blueprint: 'another' })]] });
    expect(title.units.capture).not.toBeNull();
    write();
    await commit(engine, 3, { actions: [[setUnit(1, { blueprint: 'a third' })]] });
    await engine.close();
    expect(title.checkpoints).not.toHaveLength(0);
    expect(title.checkpoints.every((error) => error === null)).toBe(true);
  });

  it('keeps no reference to a key that turned out to be none', async () => {
    const { open } = await freshDisk();
    const engine = await open({ canary: true });
    await engine.openSession(testTicket, 's', false);
    const key = { sessionId: 's', unitId: -1 };
    expect(() => engine.state.get(testTicket, 'unitState', key)).toThrow(/unitId/);
    const byOwner = (ownerId: number) => {
      const ofSession = { kind: 'compare', column: 'sessionId', op: 'eq', value: 's' } as const;
      const ofOwner = { kind: 'compare', column: 'ownerId', op: 'eq', value: ownerId } as const;
      return finish(
        engine.state.select(testTicket, 'unitState', { kind: 'and', all: [ofSession, ofOwner] }),
      );
    };
    expect(() => byOwner(-1)).toThrow(/ownerId/);
    await commit(engine, 1, { actions: [[insertUnit(1)]] });
    expect(byOwner(1)).toHaveLength(1);
    await commit(engine, 2);
    expect(engine.failure).toBeNull();
  });

  it('does not begin on what is broken already', async () => {
    const title = new PlantedTitle();
    const { appliedLsn } = await title.open();
    title.units.rowCount++;
    const { projection, views } = title;
    const parts = { projection, views, log: { durableLsn: appliedLsn }, appliedLsn };
    expect(() => new Canary(parts)).toThrow(/unitState has 2 rows and counts 3/);
    title.units.rowCount--;
    expect(() => new Canary({ ...parts, appliedLsn: asLsn(1) })).toThrow(/position 4 of 1/);
  });
});
