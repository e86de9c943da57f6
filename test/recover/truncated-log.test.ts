import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeStorage } from '../../engine/disk/node-storage.ts';
import type { LogReport } from '../../engine/log/recover-segments.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import { asLsn } from '../../engine/model/position.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import { type EngineOptions, openEngine } from '../../engine/title/open-engine.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { testTicket } from '../ticket.ts';
import { ClickHouseDisk, tailedColumns } from '../title/tailed-columns.ts';
import { contentDigest, play, workload } from '../title/workload.ts';
import { damageRecord } from './damage-record.ts';

const catalog = new Catalog(ashfall);

describe('a log that is cut where it is damaged', () => {
  let directory: string;
  let disk: ClickHouseDisk;
  /** By the engine opened last, and what it has committed since. */
  let replayed: number[];
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tickloom-cut-'));
    disk = new ClickHouseDisk();
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  async function open(options: Partial<EngineOptions> = {}): Promise<Engine> {
    const { columns } = await tailedColumns({
      catalog,
      disk,
      storage: nodeStorage,
      directory,
      insertsMax: Infinity,
    });
    replayed = [];
    const offer = columns.offer.bind(columns);
    columns.offer = (changes) => {
      replayed.push(changes.lsn);
      offer(changes);
    };
    return openEngine({
      manifest: ashfall,
      directory,
      durability: { mode: 'strict' },
      columns,
      now: () => 1_000,
      ...options,
    });
  }

  it('is not taken for what its checkpoints beyond the cut say, once it has grown past them', async () => {
    const first = await open();
    await play(first, workload(13, 40), first.appliedLsn, 1);
    const end = first.appliedLsn;
    // Its end takes a checkpoint there.
    await first.close();
    const cutAt = asLsn(Math.floor(end / 2));
    await damageRecord(join(directory, 'log'), cutAt);
    await expect(open()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(
        new RegExp(`--truncate-at ${cutAt}, .*; the checkpoint at ${end} goes with them\\.$`),
      ),
    });

    const second = await open({ truncateAt: cutAt });
    expect(second.appliedLsn).toBe(cutAt - 1);
    const left = await readdir(join(directory, 'checkpoints'));
    expect(left.filter((name) => name.startsWith('checkpoint-'))).toEqual([]);

    // Another history takes the positions that were cut; the process dies before its checkpoint.
    for (let tick = 1; second.appliedLsn <= end + 5; tick++) {
      await second.openSession(testTicket, `another-${tick}`, false);
    }
    const digest = contentDigest(second);
    const crashed = await mkdtemp(join(tmpdir(), 'tickloom-cut-'));
    try {
      await cp(directory, crashed, { recursive: true, filter: (path) => !path.endsWith('.sock') });
      await second.close();
      await rm(directory, { recursive: true, force: true });
      await cp(crashed, directory, { recursive: true });
    } finally {
      await rm(crashed, { recursive: true, force: true });
    }
    const third = await open();
    expect(contentDigest(third)).toBe(digest);
    await third.close();
  });

  it.each([1, 7, 1_000])(
    'is cut once: asked for again, or beyond its end (%i), it begins at its checkpoint as ever',
    async (truncateAt) => {
      const first = await open();
      await play(first, workload(13, 40), first.appliedLsn, 1);
      const digest = contentDigest(first);
      await first.close();
      const checkpoints = await readdir(join(directory, 'checkpoints'));
      const reports: LogReport[] = [];
      const again = await open({
        truncateAt: asLsn(truncateAt),
        onRecovery: (report) => reports.push(report),
      });
      expect(replayed).toEqual([]);
      expect(contentDigest(again)).toBe(digest);
      expect(reports.map(({ dropped }) => dropped)).toEqual([null]);
      expect(await readdir(join(directory, 'checkpoints'))).toEqual(checkpoints);
      await again.close();
    },
  );

  it('tells what was dropped', async () => {
    const first = await open();
    await play(first, workload(13, 40), first.appliedLsn, 1);
    await first.close();
    await damageRecord(join(directory, 'log'), 9);
    const reports: LogReport[] = [];
    const onRecovery = (report: LogReport) => reports.push(report);
    const cut = await open({ truncateAt: asLsn(9), onRecovery });
    expect(reports).toMatchObject([{ lastLsn: 8, dropped: { fromLsn: 9 } }]);
    await cut.close();
  });
});
