import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { silentLogger } from '../../engine/columns/logger.ts';
import { BlockBuilder } from '../../engine/columns/shipping/block.ts';
import { shippedTables } from '../../engine/columns/shipping/shipped-table.ts';
import { Tailer } from '../../engine/columns/tailer.ts';
import { nodeStorage } from '../../engine/disk/node-storage.ts';
import { limits } from '../../engine/model/limits.ts';
import { asLsn } from '../../engine/model/position.ts';
import { testTicket } from '../ticket.ts';
import { catalog, manyActions } from './fabricate.ts';
import { FakeTarget } from './fake-target.ts';
import { temporaryDirectory } from './stores.ts';

vi.mock('../../engine/model/limits.ts', async (original) => {
  const { limits } = await original<typeof import('../../engine/model/limits.ts')>();
  return { limits: { ...limits } };
});

const directory = temporaryDirectory();
let tailer: Tailer;
let release = () => {};
afterEach(async () => {
  release();
  await tailer.close();
});

/** A tailer under these bounds, whose inserts are held back. */
async function open(bounds: Partial<Record<keyof typeof limits, number>>) {
  const whole = {
    columnsBlockRowsMax: 1e6,
    columnsBlockBytesMax: 1e9,
    columnsBacklogBytesMax: 1e9,
  };
  Object.assign(limits, whole, bounds);
  const target = new FakeTarget();
  target.gate = new Promise((resolve) => {
    release = resolve;
  });
  tailer = await Tailer.open({
    tables: shippedTables(catalog),
    target,
    storage: nodeStorage,
    spoolDirectory: join(directory.path, 'spool'),
    logger: silentLogger,
    observer: {},
  });
  return target;
}

/** What the rows of so many ticks of one action take in a block, as the tailer counts them. */
function blockBytes(ticks: number): number {
  const table = shippedTables(catalog).find(({ storedName }) => storedName === 'orders');
  if (!table) throw new Error('no table of actions');
  const block = BlockBuilder.of(table);
  for (let lsn = 1; lsn <= ticks; lsn++) {
    const changes = manyActions(lsn, 1);
    block.append(changes, table.vectors(changes) ?? []);
  }
  return block.byteLength;
}

function offer(lsn: number, actions: number): void {
  tailer.offer(manyActions(lsn, actions));
}

describe('at its bounds the tailer', () => {
  it('makes an insert of so many rows, and none of one less', async () => {
    const target = await open({ columnsBlockRowsMax: 100 });
    release();
    offer(1, 99);
    offer(2, 1);
    await expect.poll(() => target.inserts).toEqual([{ table: 'orders', lsns: [1, 2] }]);
  });

  it('makes an insert of so many bytes, and none of less', async () => {
    const target = await open({ columnsBlockBytesMax: blockBytes(3) });
    release();
    for (const lsn of [1, 2]) offer(lsn, 1);
    offer(3, 1);
    await expect.poll(() => target.inserts).toEqual([{ table: 'orders', lsns: [1, 2, 3] }]);
  });

  it('keeps what ClickHouse lacks in memory up to its bound, and the last block on disk past it', async () => {
    const blocks = [1, 2, 3];
    /** Bytes in memory of inserts of a tick each, once so many of them are on disk. */
    const backlogUnder = async (columnsBacklogBytesMax: number, spooled: number) => {
      await open({ columnsBlockRowsMax: 1, columnsBacklogBytesMax });
      for (const lsn of blocks) offer(lsn, 1);
      await expect.poll(() => tailer.backlog.spooledBlocks).toBe(spooled);
      const { memoryBytes } = tailer.backlog;
      tailer.advance(asLsn(blocks.length));
      release();
      await tailer.waitForCovered(testTicket.within(5_000), asLsn(blocks.length));
      await tailer.close();
      return memoryBytes;
    };
    const whole = await backlogUnder(1e9, 0);
    expect(await backlogUnder(whole, 0)).toBe(whole);
    expect(await backlogUnder(whole - 1, 1)).toBe((whole / blocks.length) * 2);
  });
});
