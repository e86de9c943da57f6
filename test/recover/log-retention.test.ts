import { mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeStorage } from '../../engine/disk/node-storage.ts';
import type { DroppedSegments } from '../../engine/log/commit-log.ts';
import { firstHeldLsn } from '../../engine/log/segment-files.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import { diffReplay } from '../../engine/recover/diff-replay.ts';
import { verifyReplay } from '../../engine/recover/verify-replay.ts';
import { type EngineOptions, openEngine } from '../../engine/title/open-engine.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { testTicket } from '../ticket.ts';
import { ClickHouseDisk, tailedColumns } from '../title/tailed-columns.ts';
import { commit, setUnit } from '../title/test-title.ts';
import { contentDigest, play, sessions, workload } from '../title/workload.ts';
import { damageRecord } from './damage-record.ts';

const catalog = new Catalog(ashfall);
const steps = workload(13, 60);

describe('a log whose old segments are dropped', () => {
  let directory: string;
  let disk: ClickHouseDisk;
  let dropped: DroppedSegments[];
  let engine: Engine | null;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tickloom-retention-'));
    disk = new ClickHouseDisk();
    dropped = [];
    engine = null;
  });
  afterEach(async () => {
    await engine?.close().catch(() => {});
    await rm(directory, { recursive: true, force: true });
  });

  async function open(options: Partial<EngineOptions> = {}, insertsMax = Infinity) {
    const storage = nodeStorage;
    const { columns } = await tailedColumns({ catalog, disk, storage, directory, insertsMax });
    engine = await openEngine({
      manifest: ashfall,
      directory,
      durability: { mode: 'strict' },
      columns,
      now: () => 1_000,
      checkpointEveryBytes: 3_000,
      logSegmentBytesMax: 4_096,
      logRetainBytes: 0,
      observer: { onLogDropped: (one) => dropped.push(one) },
      ...options,
    });
    return engine;
  }

  async function close(): Promise<void> {
    await engine?.close();
    engine = null;
  }

  /** Lives in which everything is played, each of which ends in order: ClickHouse notes how far it is. */
  async function playAll(options: Partial<EngineOptions> = {}): Promise<string> {
    for (let end = 20; end < steps.length + 20; end += 20) {
      const opened = await open(options);
      await play(opened, steps.slice(0, end), opened.appliedLsn, 1);
      if (end < steps.length) await close();
    }
    const digest = contentDigest(engine as Engine);
    await close();
    return digest;
  }

  /** One tick of a session of its own. */
  async function commitMore(opened: Engine, tick: number): Promise<void> {
    await opened.openSession(testTicket, 'more', false);
    const header = { sessionId: 'more' };
    await commit(opened, tick, { actions: [[setUnit(1, { x: tick })]], header });
  }

  const firstLsn = () => firstHeldLsn(nodeStorage, join(directory, 'log'));
  const replay = () => ({ directory: join(directory, 'log'), manifest: ashfall });

  async function logBytes(): Promise<number> {
    const names = await readdir(join(directory, 'log'));
    const segments = names.filter((name) => name.endsWith('.log'));
    const sizes = segments.map(async (name) => (await stat(join(directory, 'log', name))).size);
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  }

  /** Every file of the title, by its path. */
  async function contents(): Promise<Map<string, Buffer>> {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    const paths = entries
      .filter((one) => one.isFile())
      .map((one) => join(one.parentPath, one.name));
    const read = paths.sort().map(async (path) => [path, await readFile(path)] as const);
    return new Map(await Promise.all(read));
  }

  it('keeps everything unless it is told otherwise', async () => {
    await playAll({ logRetainBytes: null });
    expect(await firstLsn()).toBe(1);
    expect(dropped).toEqual([]);
  });

  it('comes back from its checkpoints, and goes on', async () => {
    const digest = await playAll();
    expect(await firstLsn()).toBeGreaterThan(20);
    expect(dropped.length).toBeGreaterThan(0);
    expect(dropped.every(({ segments, bytes }) => segments > 0 && bytes > 0)).toBe(true);
    expect(contentDigest(await open())).toBe(digest);
    await close();
  });

  it('keeps as many bytes as it is told', async () => {
    await playAll();
    const least = await logBytes();
    const first = await firstLsn();
    await rm(directory, { recursive: true });
    disk = new ClickHouseDisk();
    await playAll({ logRetainBytes: least + 6_000 });
    expect(await logBytes()).toBeGreaterThanOrEqual(least + 6_000);
    expect(await firstLsn()).toBeGreaterThan(1);
    expect(await firstLsn()).toBeLessThan(first);
  });

  it('keeps what the column store is not durably past', async () => {
    const opened = await open({}, 0);
    await play(opened, steps, 0, 1);
    await close();
    expect(await firstLsn()).toBe(1);
    // Later it is, and the same log is dropped.
    await playAll();
    expect(await firstLsn()).toBe(1);
    for (const tick of [1, 2]) {
      await commitMore(await open(), tick);
      await close();
    }
    expect(await firstLsn()).toBeGreaterThan(1);
  });

  it('refuses to start without a checkpoint that fits, says why and what to do, and touches nothing', async () => {
    await playAll();
    const opened = await open({}, 0);
    await commitMore(opened, 1);
    await close();
    const before = await contents();
    const names = [...before.keys()];
    expect(names.some((name) => name.includes(join('columns', 'spool', 'actionLog')))).toBe(true);
    expect(names.some((name) => name.endsWith('manifest.json'))).toBe(true);

    const views = ashfall.views.map((view) =>
      view.kind === 'group' && view.tickWindow !== null ? { ...view, tickWindow: 7 } : view,
    );
    const changed = open({ manifest: { ...ashfall, views } });
    await expect(changed).rejects.toThrow(/views are defined otherwise.*restore a backup/is);
    expect(await contents()).toEqual(before);

    const saved = new Map(disk.tables);
    const { shippedLsn } = disk;
    disk.cutAfter(3);
    await expect(open()).rejects.toThrow(/the column store holds.*restore a backup/is);
    for (const [name, rows] of saved) disk.tables.set(name, rows);
    disk.shippedLsn = shippedLsn;

    const aside = join(directory, 'aside');
    await rename(join(directory, 'checkpoints'), aside);
    await expect(open()).rejects.toThrow(/there is none.*restore a backup/is);
    await rename(aside, join(directory, 'checkpoints'));
    expect(await contents()).toEqual(before);
    await open();
    await close();
  });

  it('is not cut before its oldest checkpoint: nothing could start from what is left', async () => {
    const digest = await playAll({ logSegmentBytesMax: 20_000, logRetainBytes: 20_000 });
    const damaged = await firstLsn();
    expect(damaged).toBeGreaterThan(1);
    await damageRecord(join(directory, 'log'), damaged);
    const opened = await open({ truncateAt: damaged });
    expect(contentDigest(opened)).toBe(digest);
    await close();
  });

  it('is verified from the oldest checkpoint it reaches', async () => {
    await playAll();
    const first = await firstLsn();
    const report = await verifyReplay({ ...replay(), session: null });
    expect(report.divergence).toBeNull();
    expect(report.fromLsn).toBeGreaterThanOrEqual(first);
    expect(report.records).toBe(steps.length - report.fromLsn + 1);
    const opened = await open();
    for (const { session, lastTick, stateHash } of report.sessions) {
      expect(opened.session(testTicket, session)).toMatchObject({ lastTick, stateHash });
    }
    await close();
    await rm(join(directory, 'checkpoints'), { recursive: true });
    const refused = verifyReplay({ ...replay(), session: null });
    await expect(refused).rejects.toThrow(/begins with record.*replay a backup/s);
  });

  it('compares sessions that began later, and says of others that it cannot', async () => {
    await playAll();
    const opened = await open();
    for (const session of ['late', 'later']) {
      await opened.openSession(testTicket, session, false);
      for (let tick = 1; tick <= 3; tick++) {
        const x = session === 'later' && tick === 3 ? 9 : tick;
        await commit(opened, tick, {
          actions: [[setUnit(1, { x })]],
          header: { sessionId: session },
        });
      }
    }
    await close();
    const [left, right] = sessions;
    const old = diffReplay({ ...replay(), left, right });
    await expect(old).rejects.toThrow(/differ there already.*backup/s);
    expect(await diffReplay({ ...replay(), left, right: left })).toBeNull();
    const difference = await diffReplay({ ...replay(), left: 'late', right: 'later' });
    expect(difference).toMatchObject({ ticks: [3, 3], what: 'row' });
  });
});
