import { describe, expect, test } from 'vitest';
import type { Durability } from '../../engine/log/commit-log.ts';
import { openFileLog } from '../../engine/log/open-file-log.ts';
import { recordHeaderBytes } from '../../engine/log/record.ts';
import { limits } from '../../engine/model/limits.ts';
import { asLsn } from '../../engine/model/position.ts';
import { FaultyStorage } from '../fault/storage.ts';
import { commitLogConformance } from './commit-log-conformance.ts';
import { GatedStorage } from './gated-storage.ts';
import { payloadOf, readAll } from './records.ts';
import { directory, start } from './start-log.ts';

for (const durability of [
  { mode: 'strict' },
  { mode: 'interval', syncEveryMs: 5 },
  { mode: 'none' },
] satisfies Durability[]) {
  commitLogConformance(`the file log (${durability.mode})`, async () => {
    const storage = new FaultyStorage();
    return {
      open: () => openFileLog({ storage, directory, durability, segmentBytesMax: 3000 }),
      remove: async () => {},
    };
  });
}

describe('group commit', () => {
  test('gives what one turn appends one write, and what gathers meanwhile the next', async () => {
    const groups: number[] = [];
    const observer = { onGroup: (records: number) => groups.push(records) };
    const { log, listener } = await start(new FaultyStorage(), { observer });
    for (let n = 1; n <= 64; n++) log.append([payloadOf(n, 100)]);
    let appended = 64;
    log.listen({
      onDurable(upTo) {
        listener.onDurable(upTo);
        // The group after next is complete only when the next is on its way.
        while (appended < 64 + 30) log.append([payloadOf(++appended, 100)]);
      },
      onRejected() {},
      onFailure() {},
    });
    await listener.durable(94);
    expect(groups).toEqual([64, 30]);
  });

  test('can be held to one record a write, for predictability', async () => {
    const groups: number[] = [];
    const observer = { onGroup: (records: number) => groups.push(records) };
    const { log, listener } = await start(new FaultyStorage(), { observer, groupRecordsMax: 1 });
    for (let n = 1; n <= 5; n++) log.append([payloadOf(n, 100)]);
    await listener.durable(5);
    expect(groups).toEqual([1, 1, 1, 1, 1]);
  });

  test('bounds the records of one write', async () => {
    const groups: number[] = [];
    const observer = { onGroup: (records: number) => groups.push(records) };
    const { log, listener } = await start(new FaultyStorage(), { observer });
    const append = (records: number) => {
      for (let n = 1; n <= records; n++) log.append([payloadOf(n, 8)]);
    };
    append(limits.logGroupRecordsMax);
    await listener.durable(limits.logGroupRecordsMax);
    append(limits.logGroupRecordsMax + 1);
    await listener.durable(limits.logGroupRecordsMax * 2 + 1);
    expect(groups).toEqual([limits.logGroupRecordsMax, limits.logGroupRecordsMax, 1]);
  });

  test('bounds the bytes of one write', async () => {
    const groups: number[] = [];
    const observer = { onGroup: (_records: number, bytes: number) => groups.push(bytes) };
    const { log, listener } = await start(new FaultyStorage(), { observer });
    const part = Buffer.alloc(1_500_000);
    for (let n = 1; n <= 5; n++) log.append([part]);
    log.append([part, part, part, part]);
    await listener.durable(6);
    expect(Math.max(...groups.slice(0, -1))).toBeLessThanOrEqual(limits.logGroupBytesMax);
    expect(groups.length).toBe(4);
  });

  test('fills a write up to its bound of bytes, and not one record past it', async () => {
    const groups: number[] = [];
    const observer = { onGroup: (records: number) => groups.push(records) };
    const { log, listener } = await start(new FaultyStorage(), { observer });
    const half = Buffer.alloc(limits.logGroupBytesMax / 2 - recordHeaderBytes);
    for (const part of [half, half]) log.append([part]);
    await listener.durable(2);
    for (const part of [half, Buffer.alloc(half.length + 1)]) log.append([part]);
    await listener.durable(4);
    expect(groups).toEqual([2, 1, 1]);
  });

  test('goes on after a write that was cut short', async () => {
    const storage = new FaultyStorage();
    const { log, listener } = await start(storage);
    for (const bytes of [1, 39, 41, 700]) {
      storage.inject({ kind: 'short', call: 'writeThrough', bytes });
    }
    for (let n = 1; n <= 3; n++) log.append([payloadOf(n, 500)]);
    await listener.durable(3);
    expect((await readAll(log)).map(({ payload }) => payload)).toEqual(
      [1, 2, 3].map((n) => payloadOf(n, 500)),
    );
  });
});

describe('segments', () => {
  test('are rolled at their bound, and read across', async () => {
    const storage = new FaultyStorage();
    const { log, listener } = await start(storage, { segmentBytesMax: 2000 });
    for (let n = 1; n <= 30; n++) await listener.durable(log.append([payloadOf(n, 300)]));
    expect(storage.paths().length).toBe(6);
    for (const path of storage.paths()) {
      expect(storage.contentOf(path).length).toBeLessThanOrEqual(2000);
    }
    expect((await readAll(log, 4)).length).toBe(27);
  });

  test('hold at least one record, however large', async () => {
    const storage = new FaultyStorage();
    const { log, listener } = await start(storage, { segmentBytesMax: 1000 });
    for (const bytes of [10, 5000, 5000, 10]) {
      await listener.durable(log.append([payloadOf(1, bytes)]));
    }
    expect(storage.paths().length).toBe(4);
    expect((await readAll(log)).length).toBe(4);
  });

  test('are dropped only when every record of them is before the given one', async () => {
    const storage = new FaultyStorage();
    const { log, listener } = await start(storage, { segmentBytesMax: 1100 });
    for (let n = 1; n <= 9; n++) await listener.durable(log.append([payloadOf(n, 300)]));
    await log.truncateBefore(asLsn(3), 0);
    expect(log.firstLsn).toBe(1);
    await log.truncateBefore(asLsn(4), 0);
    expect(log.firstLsn).toBe(4);
    await log.truncateBefore(asLsn(1000), 0);
    expect(log.firstLsn).toBe(7);
    await expect(readAll(log, 6)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await log.close();
    const again = await start(storage, { replayFrom: asLsn(7) });
    expect((await readAll(again.log, 7)).length).toBe(3);
    expect(again.log.firstLsn).toBe(7);
  });

  test('are dropped one after the other for good: a crash leaves no gap', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const storage = new FaultyStorage({ seed });
      const { log, listener } = await start(storage, { segmentBytesMax: 1100 });
      for (let n = 1; n <= 15; n++) await listener.durable(log.append([payloadOf(n, 300)]));
      storage.inject({
        kind: 'crash',
        moment: 'after',
        call: 'remove',
        at: storage.calls + seed / 8,
      });
      await log.truncateBefore(asLsn(15), 0).catch(() => storage.crash());
      storage.restart('power');
      const again = await start(storage, { replayFrom: asLsn(15) });
      expect((await readAll(again.log, again.log.firstLsn)).at(-1)?.lsn, `seed ${seed}`).toBe(15);
      await again.log.close();
    }
  });

  test('are tried again, and stay before those behind them, when they cannot be removed', async () => {
    const storage = new FaultyStorage();
    const { log, listener } = await start(storage, { segmentBytesMax: 1100 });
    for (let n = 1; n <= 9; n++) await listener.durable(log.append([payloadOf(n, 300)]));
    storage.inject({ kind: 'error', code: 'EIO', call: 'remove' });
    await expect(log.truncateBefore(asLsn(9), 0)).rejects.toMatchObject({ code: 'EIO' });
    expect(log.firstLsn).toBe(1);
    expect((await readAll(log)).length).toBe(9);
    expect(await log.truncateBefore(asLsn(9), 0)).toMatchObject({ segments: 2 });
    expect(log.firstLsn).toBe(7);
  });

  test('that a slow reader stands in may be dropped: it is told so', async () => {
    const storage = new FaultyStorage();
    const { log, listener } = await start(storage, { segmentBytesMax: 1100 });
    for (let n = 1; n <= 9; n++) await listener.durable(log.append([payloadOf(n, 300)]));
    const reading = log.read(asLsn(1))[Symbol.asyncIterator]();
    await reading.next();
    await log.truncateBefore(asLsn(9), 0);
    const rest = async () => {
      for (let step = await reading.next(); !step.done; step = await reading.next());
    };
    await expect(rest()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('limits', () => {
  test('more than the pending bound is refused as overload, until some of it is durable', async () => {
    const gate = new GatedStorage(new FaultyStorage());
    const { log, listener } = await start(gate, { durability: { mode: 'none' } });
    const part = Buffer.alloc(limits.logPendingBytesMax / 8 - 64);
    gate.hold('write');
    for (let n = 1; n <= 8; n++) log.append([part]);
    expect(() => log.append([Buffer.alloc(1000)])).toThrow(
      expect.objectContaining({ code: 'OVERLOADED', retryAfterMs: expect.any(Number) }),
    );
    gate.release();
    await listener.durable(8);
    expect(log.append([Buffer.alloc(1000)])).toBe(9);
    await listener.durable(9);
  });
});
