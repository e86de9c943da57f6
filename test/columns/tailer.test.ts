import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { silentLogger } from '../../engine/columns/logger.ts';
import { emptyBacklog, findBacklog } from '../../engine/columns/shipping/kept-backlog.ts';
import { shippedTables } from '../../engine/columns/shipping/shipped-table.ts';
import { Tailer, type TailerOptions } from '../../engine/columns/tailer.ts';
import { nodeStorage } from '../../engine/disk/node-storage.ts';
import { asLsn } from '../../engine/model/position.ts';
import { testTicket } from '../ticket.ts';
import { catalog, fabricate, manyActions } from './fabricate.ts';
import { FakeTarget, type Outcome } from './fake-target.ts';
import { SeededRandom } from './random.ts';
import { temporaryDirectory } from './stores.ts';
import { expectedRows, tickOf } from './workload.ts';

const directory = temporaryDirectory();
const spoolDirectory = join(directory.path, 'spool');
let tailer: Tailer;
afterEach(() => tailer.close());

async function open(target: FakeTarget, options: Partial<TailerOptions> = {}): Promise<Tailer> {
  tailer = await Tailer.open({
    tables: shippedTables(catalog),
    target,
    storage: nodeStorage,
    spoolDirectory,
    logger: silentLogger,
    observer: {},
    ...options,
  });
  return tailer;
}

function take(lsns: Iterable<number>): void {
  for (const lsn of lsns) {
    tailer.offer(tickOf(lsn));
    tailer.advance(asLsn(lsn));
  }
}

/** Opens, and ships so many ticks, from the first on. */
async function openAndShip(target: FakeTarget, ticks: number): Promise<void> {
  await open(target);
  take(range(1, ticks));
  await tailer.waitForCovered(testTicket.within(5_000), asLsn(ticks));
}

const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

function countsIn(target: FakeTarget) {
  return {
    orders: target.rows.get('orders')?.length ?? 0,
    facts: target.rows.get('facts')?.length ?? 0,
    history: target.rows.get('units_history')?.length ?? 0,
  };
}

describe('the tailer', () => {
  it('ships at once what somebody waits for, and unasked soon after', async () => {
    const target = new FakeTarget();
    await open(target);
    take([1]);
    expect(tailer.coveredLsn).toBe(0);
    await tailer.waitForCovered(testTicket.within(1_000), asLsn(1));
    expect(tailer.coveredLsn).toBe(1);
    take([2, 3]);
    await expect.poll(() => tailer.coveredLsn).toBe(3);
  });

  it('covers a position only when every table has its rows', async () => {
    const target = new FakeTarget();
    await open(target);
    let release = () => {};
    target.gate = new Promise((resolve) => {
      release = resolve;
    });
    take([11]);
    const covered = tailer.waitForCovered(testTicket.within(5_000), asLsn(11));
    tailer.advance(asLsn(12));
    expect(tailer.coveredLsn).toBe(10);
    release();
    await covered;
    expect(tailer.coveredLsn).toBe(12);
  });

  it('covers positions without rows as soon as it is told of them', async () => {
    await open(new FakeTarget());
    tailer.advance(asLsn(7));
    expect(tailer.coveredLsn).toBe(7);
    await tailer.waitForCovered(testTicket.within(10), asLsn(7));
  });

  it('waits for a position that was not offered yet, and gives up in time', async () => {
    await open(new FakeTarget());
    await expect(tailer.waitForCovered(testTicket.within(20), asLsn(1))).rejects.toMatchObject({
      code: 'NOT_CAUGHT_UP',
    });
    const covered = tailer.waitForCovered(testTicket.within(5_000), asLsn(1));
    take([1]);
    await covered;
  });

  it('gathers rows into fewer inserts while one is on its way', async () => {
    const target = new FakeTarget();
    await open(target);
    let release = () => {};
    target.gate = new Promise((resolve) => {
      release = resolve;
    });
    take([1]);
    const first = tailer.waitForCovered(testTicket.within(5_000), asLsn(1));
    take(range(2, 50));
    const all = tailer.waitForCovered(testTicket.within(5_000), asLsn(50));
    release();
    await Promise.all([first, all]);
    expect(target.inserts.filter((insert) => insert.table === 'orders').length).toBe(2);
  });

  it('never splits a tick over two inserts', async () => {
    const target = new FakeTarget();
    await open(target, { blockRowsMax: 100 });
    for (let lsn = 1; lsn <= 20; lsn++) {
      tailer.offer(manyActions(lsn, 70 + lsn));
      tailer.advance(asLsn(lsn));
    }
    await tailer.waitForCovered(testTicket.within(5_000), asLsn(20));
    const lsns = target.inserts.flatMap((insert) => insert.lsns);
    expect(target.inserts.length).toBeGreaterThan(5);
    expect(lsns).toEqual(range(1, 20));
  });

  it.each([
    ['lost', ['lost', 'lost', 'in']],
    ['in, but unanswered', ['in, but the answer is lost']],
    ['either', ['lost', 'in, but the answer is lost', 'lost', 'lost']],
  ] as [string, Outcome[]][])('sends each row once when inserts are %s', async (_, outcomes) => {
    const target = new FakeTarget();
    await open(target);
    target.outcomes = [...outcomes];
    take(range(1, 40));
    await tailer.waitForCovered(testTicket.within(5_000), asLsn(40));
    const { units: __, ...expected } = expectedRows(40);
    expect(countsIn(target)).toEqual(expected);
  });

  it('sends each row once over random failures and restarts', async () => {
    const random = new SeededRandom(7);
    const target = new FakeTarget();
    let last = 0;
    for (let restart = 0; restart < 12; restart++) {
      await open(target, { blockRowsMax: 60 });
      const failures: readonly Outcome[] = ['in', 'in', 'lost', 'in, but the answer is lost'];
      target.outcomes = Array.from({ length: 10 }, () => random.pick(failures));
      // A replay may begin anywhere up to where it is needed.
      const from = 1 + random.below(tailer.neededFromLsn);
      last += 15;
      take(range(from, last));
      if (random.below(2) === 0)
        await tailer.waitForCovered(testTicket.within(10_000), asLsn(last));
      await tailer.close();
    }
    await open(target);
    take(range(1, last));
    await tailer.waitForCovered(testTicket.within(10_000), asLsn(last));
    const { units: _, ...expected } = expectedRows(last);
    expect(countsIn(target)).toEqual(expected);
  });

  it('sends no row twice whose insert outlives its process', async () => {
    const target = new FakeTarget();
    await open(target);
    let release = () => {};
    target.gate = new Promise((resolve) => {
      release = resolve;
    });
    take(range(1, 10));
    void tailer.waitForCovered(testTicket.within(5_000), asLsn(10)).catch(() => {});
    const killed = tailer.close();
    await open(target);
    release();
    await killed;
    take(range(1, 10));
    await tailer.waitForCovered(testTicket.within(5_000), asLsn(10));
    const { units: _, ...expected } = expectedRows(10);
    expect(countsIn(target)).toEqual(expected);
  });

  it('needs again only what is not noted as shipped', async () => {
    const target = new FakeTarget();
    await openAndShip(target, 10);
    await tailer.close();
    await open(target);
    expect(tailer.neededFromLsn).toBe(11);
    expect(tailer.coveredLsn).toBe(10);
  });

  it('keeps its backlog within its memory by writing it to disk, and ships it in order', async () => {
    const target = new FakeTarget();
    const memoryBytesMax = 400_000;
    await open(target, { memoryBytesMax, blockRowsMax: 500 });
    let release = () => {};
    target.gate = new Promise((resolve) => {
      release = resolve;
    });
    let highest = 0;
    for (let lsn = 1; lsn <= 120; lsn++) {
      tailer.offer(manyActions(lsn, 250));
      tailer.advance(asLsn(lsn));
      highest = Math.max(highest, tailer.backlog.memoryBytes);
      if (lsn % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(tailer.backlog.spooledBlocks).toBeGreaterThan(10);
    expect(highest).toBeLessThan(3 * memoryBytesMax);
    release();
    await tailer.waitForCovered(testTicket.within(20_000), asLsn(120));
    expect(target.rows.get('orders')?.length).toBe(120 * 250);
    expect(target.inserts.flatMap((insert) => insert.lsns)).toEqual(range(1, 120));
    await expect.poll(() => readdirSync(spoolDirectory), { timeout: 10_000 }).toEqual([]);
  });

  it('writes blocks that are taken from files while those before them go in', async () => {
    const target = new FakeTarget();
    target.files = 'taken';
    const rows = 200_000;
    await open(target, { blockRowsMax: rows });
    let release = () => {};
    target.gate = new Promise((resolve) => {
      release = resolve;
    });
    for (const lsn of range(1, 3)) {
      tailer.offer(manyActions(lsn, rows));
      tailer.advance(asLsn(lsn));
    }
    await expect.poll(() => tailer.backlog).toEqual({ memoryBytes: 0, spooledBlocks: 3 });
    expect(target.inserts).toEqual([]);
    release();
    await tailer.waitForCovered(testTicket.within(20_000), asLsn(3));
    expect(target.inserts.map((insert) => insert.lsns)).toEqual([[1], [2], [3]]);
    expect(target.rows.get('orders')?.length).toBe(3 * rows);
    await expect.poll(() => readdirSync(spoolDirectory), { timeout: 10_000 }).toEqual([]);
  });

  it('takes nothing more while its backlog has no room on disk either, and goes on when it has', async () => {
    const target = new FakeTarget();
    await open(target, { memoryBytesMax: 400_000, blockRowsMax: 500 });
    let release = () => {};
    target.gate = new Promise((resolve) => {
      release = resolve;
    });
    rmSync(spoolDirectory, { recursive: true });
    let lsn = 0;
    while (tailer.outOfRoom === null) {
      tailer.offer(manyActions(++lsn, 250));
      tailer.advance(asLsn(lsn));
      expect(lsn).toBeLessThan(1_000);
    }
    expect(tailer.outOfRoom).toMatchObject({ code: 'UNAVAILABLE', retryAfterMs: 1_000 });
    mkdirSync(spoolDirectory);
    await expect.poll(() => tailer.outOfRoom, { timeout: 5_000 }).toBeNull();
    release();
    await tailer.waitForCovered(testTicket.within(20_000), asLsn(lsn));
    expect(target.rows.get('orders')?.length).toBe(lsn * 250);
  });

  it('discards what no checkpoint keeps of a run before, as the log offers its rows again', async () => {
    mkdirSync(spoolDirectory, { recursive: true });
    writeFileSync(join(spoolDirectory, 'orders-1-2.arrows'), 'of another time');
    await open(new FakeTarget());
    expect(await tailer.resume(asLsn(0), emptyBacklog)).toBeNull();
    expect(readdirSync(spoolDirectory)).toEqual([]);
  });

  it('keeps for a checkpoint what ClickHouse lacks, and ships it from there in another run', async () => {
    const target = new FakeTarget();
    await openAndShip(target, 12);
    target.gate = new Promise(() => {});
    take(range(13, 30));
    const kept = await tailer.cutBacklog().keep();
    const blocks = kept.flatMap((table) => table.blocks);
    expect(blocks.length).toBeGreaterThan(1);
    expect(readdirSync(spoolDirectory).sort()).toEqual(blocks.map(({ file }) => file.name).sort());
    // The run before is killed: its target is no more.
    target.gate = null;
    const again = new FakeTarget();
    for (const [table, lsns] of target.rows) again.rows.set(table, [...lsns]);
    await open(again);
    const found = await findBacklog(nodeStorage, spoolDirectory, kept);
    expect(await tailer.resume(asLsn(30), found)).toBeNull();
    expect(tailer.coveredLsn).toBe(12);
    await tailer.waitForCovered(testTicket.within(5_000), asLsn(30));
    const { units: _, ...expected } = expectedRows(30);
    expect(countsIn(again)).toEqual(expected);
    await expect.poll(() => readdirSync(spoolDirectory), { timeout: 10_000 }).toEqual([]);
  });

  it('empties a table that has lost rows, and ships all of them again from the first record', async () => {
    const target = new FakeTarget();
    await openAndShip(target, 20);
    await tailer.close();
    const whole = countsIn(target);
    target.rows.set('orders', target.rows.get('orders')?.filter((lsn) => lsn !== 7) ?? []);
    await open(target);
    expect(await tailer.resume(asLsn(20), emptyBacklog)).toMatch(/orders has .* up to record 20/);
    expect(target.rows.get('orders')).not.toEqual([]);
    expect(await tailer.resume(asLsn(0), emptyBacklog)).toBeNull();
    expect(tailer.neededFromLsn).toBe(1);
    take(range(1, 10));
    await tailer.waitForCovered(testTicket.within(5_000), asLsn(10));
    // Killed amid it, it goes on where it was.
    await tailer.close();
    await open(target);
    expect(await tailer.resume(asLsn(0), emptyBacklog)).toBeNull();
    expect(tailer.neededFromLsn).toBe(11);
    take(range(11, 20));
    await tailer.waitForCovered(testTicket.within(5_000), asLsn(20));
    expect(countsIn(target)).toEqual(whole);
  });

  it('misses no rows after a rewind that failed on its way', async () => {
    const target = new FakeTarget();
    await openAndShip(target, 30);
    await tailer.close();
    await open(target);
    expect(await tailer.resume(asLsn(0), emptyBacklog)).toBeNull();
    const deleted: string[] = [];
    target.afterDeletion = async (table) => {
      if (table && deleted.push(table.storedName) === 2) throw new Error('the connection is gone');
    };
    await expect(tailer.rewind(asLsn(20))).rejects.toThrow('the connection is gone');
    await tailer.close();
    target.afterDeletion = async () => {};
    await open(target);
    expect(tailer.heldLsn).toBe(30);
    // A table that had lost rows would refuse a checkpoint.
    expect(await tailer.resume(asLsn(20), emptyBacklog)).toBeNull();
    await tailer.rewind(asLsn(20));
    const { units: _, ...expected } = expectedRows(20);
    expect(countsIn(target)).toEqual(expected);
  });

  it('notes nothing amid a rewind, however long it takes', async () => {
    const target = new FakeTarget();
    await openAndShip(target, 30);
    // Killed before it was noted; the log ends with record 20.
    const killed = tailer;
    await open(target);
    await killed.close();
    target.notes = [];
    await tailer.resume(asLsn(0), emptyBacklog);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      take(range(1, 20));
      const noted: number[] = [];
      target.afterDeletion = async () => {
        if (noted.length === 0) await vi.advanceTimersByTimeAsync(3_000);
        noted.push((await target.readNote()).lsn);
      };
      await tailer.rewind(asLsn(20));
      expect(noted).toEqual(noted.map(() => 0));
      expect(noted.length).toBeGreaterThan(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('needs nothing again that it had noted, when it dies as a rewind takes the notes back', async () => {
    const target = new FakeTarget();
    await openAndShip(target, 30);
    await tailer.close();
    // As a merge leaves them.
    target.notes = [await target.readNote()];
    await open(target);
    target.afterDeletion = () => Promise.reject(new Error('killed'));
    await expect(tailer.rewind(asLsn(20))).rejects.toThrow('killed');
    await open(target);
    expect(tailer.neededFromLsn).toBe(21);
  });

  it('takes a table that holds more rows than it was given for one that is to be filled anew', async () => {
    const target = new FakeTarget();
    await openAndShip(target, 20);
    await tailer.close();
    const whole = countsIn(target);
    target.rows.set('orders', [...(target.rows.get('orders') ?? []), 7]);
    await open(target);
    expect(await tailer.resume(asLsn(20), emptyBacklog)).toMatch(/orders has .* up to record 20/);
    expect(await tailer.resume(asLsn(0), emptyBacklog)).toBeNull();
    take(range(1, 20));
    await tailer.waitForCovered(testTicket.within(5_000), asLsn(20));
    expect(countsIn(target)).toEqual(whole);
  });

  it('says at once when it finds rows gone amid its work', async () => {
    const target = new FakeTarget();
    const errors: object[] = [];
    const logger = { ...silentLogger, error: (details: object) => errors.push(details) };
    await open(target, { logger });
    take(range(1, 5));
    await tailer.waitForCovered(testTicket.within(5_000), asLsn(5));
    const held = target.rows.get('orders') ?? [];
    target.rows.set('orders', held.slice(2));
    target.outcomes = ['lost', 'lost', 'lost'];
    take(range(6, 9));
    await tailer.waitForCovered(testTicket.within(5_000), asLsn(9));
    expect(errors).toEqual([
      expect.objectContaining({ table: 'orders', shipped: held.length, held: held.length - 2 }),
    ]);
  });

  it('may be closed while inserts fail', async () => {
    const target = new FakeTarget();
    await open(target);
    target.outcomes = Array.from({ length: 1_000 }, () => 'lost' as const);
    take([1]);
    const covered = expect(
      tailer.waitForCovered(testTicket.within(30_000), asLsn(1)),
    ).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    await new Promise((resolve) => setImmediate(resolve));
    await tailer.close();
    await covered;
  });

  it('refuses a change set that names a table twice', async () => {
    await open(new FakeTarget());
    const events = fabricate({ lsn: 1, events: { facts: [] } }).events;
    const twice = { ...fabricate({ lsn: 1 }), events: [...events, ...events] };
    expect(() => tailer.offer(twice)).toThrow(RangeError);
  });
});
