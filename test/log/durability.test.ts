import { describe, expect, test } from 'vitest';
import type { Durability } from '../../engine/log/commit-log.ts';
import { asLsn } from '../../engine/model/position.ts';
import { FaultyStorage } from '../fault/storage.ts';
import { GatedStorage } from './gated-storage.ts';
import { payloadOf, readAll } from './records.ts';
import { start } from './start-log.ts';

describe('a full disk', () => {
  test('rejects what was appended, keeps what was durable, resumes when there is room', async () => {
    const storage = new FaultyStorage();
    const { log, listener, timers } = await start(storage);
    await listener.durable(log.append([payloadOf(1, 50_000)]));
    storage.capacityBytes = 51_000;
    for (const n of [2, 3]) expect(log.append([payloadOf(n, 800)])).toBe(n);
    const rejected = await listener.next('rejected');
    expect(rejected).toMatchObject({ lsn: 2, error: { code: 'UNAVAILABLE' } });
    expect(log.durableLsn).toBe(1);
    expect(log.state.name).toBe('full');
    expect(log.pending).toEqual({ records: 0, bytes: 0 });
    expect(() => log.append([payloadOf(2, 1)])).toThrow(
      expect.objectContaining({ code: 'UNAVAILABLE', retryAfterMs: expect.any(Number) }),
    );
    expect((await readAll(log)).length).toBe(1);

    timers.fire();
    storage.capacityBytes = Number.POSITIVE_INFINITY;
    while (log.state.name === 'full') {
      await new Promise((next) => setImmediate(next));
      timers.fire();
    }
    expect(listener.events.at(-1)).toEqual({ kind: 'room' });
    expect(log.append([payloadOf(22, 800)])).toBe(2);
    await listener.durable(2);
    await log.close();
    const again = await start(storage);
    expect((await readAll(again.log)).map(({ payload }) => payload)).toEqual([
      payloadOf(1, 50_000),
      payloadOf(22, 800),
    ]);
  });

  test('is not over while there is room for next to nothing', async () => {
    const storage = new FaultyStorage({ capacityBytes: 600_000 });
    const { log, listener, timers } = await start(storage);
    await listener.durable(log.append([payloadOf(1, 5000)]));
    log.append([Buffer.alloc(700_000)]);
    await listener.next('rejected');
    timers.fire();
    while (timers.waiting === 0) await new Promise((next) => setImmediate(next));
    expect(log.state.name).toBe('full');
  });

  test('at the beginning of a segment leaves no trace of that segment', async () => {
    for (const call of ['create', 'write', 'sync', 'syncDirectory'] as const) {
      const storage = new FaultyStorage();
      const { log, listener, timers } = await start(storage, { segmentBytesMax: 1000 });
      await listener.durable(log.append([payloadOf(1, 800)]));
      storage.inject({ kind: 'error', code: 'ENOSPC', call });
      log.append([payloadOf(2, 300)]);
      expect(await listener.next('rejected')).toMatchObject({ lsn: 2 });
      expect(storage.paths().length).toBe(1);
      timers.fire();
      await listener.next('room');
      await listener.durable(log.append([payloadOf(2, 10)]));
      await log.close();
      const again = await start(storage);
      expect((await readAll(again.log)).length).toBe(2);
    }
  });

  test('in `interval` takes back nothing that was acknowledged', async () => {
    const storage = new FaultyStorage();
    const { log, listener, timers } = await start(storage, {
      durability: { mode: 'interval', syncEveryMs: 10 },
    });
    await listener.durable(log.append([payloadOf(1, 5000)]));
    storage.capacityBytes = 6000;
    log.append([payloadOf(2, 3000)]);
    await listener.next('rejected');
    expect(log.durableLsn).toBe(1);
    storage.crash();
    storage.restart('power');
    expect(timers.waiting).toBe(1);
    const again = await start(storage);
    expect(await readAll(again.log)).toEqual([{ lsn: 1, payload: payloadOf(1, 5000) }]);
  });

  test('that cannot be undone stops the log for good', async () => {
    const storage = new FaultyStorage();
    const { log, listener } = await start(storage);
    storage.inject({ kind: 'error', code: 'ENOSPC', call: 'writeThrough' });
    storage.inject({ kind: 'error', code: 'EIO', call: 'truncate' });
    log.append([payloadOf(1, 100)]);
    await listener.next('failure');
    expect(listener.events.map(({ kind }) => kind)).toEqual(['failure']);
    expect(log.state.name).toBe('failed');
  });
});

describe('a failed sync', () => {
  test('stops the log from acknowledging anything more, for good', async () => {
    const storage = new FaultyStorage();
    const { log, listener } = await start(storage);
    await listener.durable(log.append([payloadOf(1, 100)]));
    storage.inject({ kind: 'error', code: 'EIO', call: 'writeThrough' });
    log.append([payloadOf(2, 100)]);
    log.append([payloadOf(3, 100)]);
    const told = await listener.next('failure');
    expect(told).toMatchObject({ error: { code: 'UNAVAILABLE' } });
    expect(() => log.append([payloadOf(4, 100)])).toThrow(
      expect.objectContaining({ code: 'UNAVAILABLE' }),
    );
    expect(log.durableLsn).toBe(1);
    const calls = storage.calls;
    await log.close();
    // Closing closes; it writes and syncs nothing.
    expect(storage.calls).toBe(calls + 1);
    expect(listener.events.map(({ kind }) => kind)).toEqual(['durable', 'failure']);
  });

  test('of `interval` stops it too, a write that is under way included', async () => {
    const storage = new FaultyStorage();
    const { log, listener, timers } = await start(storage, {
      durability: { mode: 'interval', syncEveryMs: 10 },
    });
    await listener.durable(log.append([payloadOf(1, 100)]));
    storage.inject({ kind: 'error', code: 'ENOSPC', call: 'sync' });
    timers.fire();
    await listener.next('failure');
    expect(() => log.append([payloadOf(2, 100)])).toThrow();
    await log.close();
  });

  test('in the background keeps a write that ends after it from being acknowledged', async () => {
    let writes = 0;
    const storage = new FaultyStorage({
      onCall: (call) => {
        if (call === 'write' && ++writes === 4) timers.fire();
      },
    });
    const { log, listener, timers } = await start(storage, {
      durability: { mode: 'interval', syncEveryMs: 10 },
    });
    await listener.durable(log.append([payloadOf(1, 100)]));
    // Header, record 1, and record 2 in four pieces: the sync begins and fails among these.
    for (const bytes of [8, 8, 8]) storage.inject({ kind: 'short', call: 'write', bytes });
    storage.inject({ kind: 'error', code: 'EIO', call: 'sync' });
    log.append([payloadOf(2, 100)]);
    await listener.next('failure');
    await log.close();
    expect(writes).toBe(6);
    expect(listener.durableLsn).toBe(1);
  });

  test('of `none` at the close is told by the close', async () => {
    const storage = new FaultyStorage();
    const { log, listener } = await start(storage, { durability: { mode: 'none' } });
    await listener.durable(log.append([payloadOf(1, 100)]));
    storage.inject({ kind: 'error', code: 'EIO', call: 'sync' });
    await expect(log.close()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(start(storage)).resolves.toBeDefined();
  });

  test('leaves nothing that a later start believes without writing it again', async () => {
    // The pages of a failed sync look clean: only what is written again reaches the disk.
    for (let seed = 1; seed <= 40; seed++) {
      const storage = new FaultyStorage({ seed });
      const durability: Durability = { mode: 'interval', syncEveryMs: 10 };
      const { log, listener, timers } = await start(storage, { durability });
      for (let n = 1; n <= 5; n++) log.append([payloadOf(n, 700)]);
      await listener.durable(5);
      storage.inject({ kind: 'error', code: 'EIO', call: 'sync' });
      timers.fire();
      await listener.next('failure');
      storage.restart('process');
      const second = await start(storage);
      const seen = await readAll(second.log);
      await second.listener.durable(second.log.append([payloadOf(6, 10)]));
      storage.restart('power');
      const third = await start(storage);
      expect((await readAll(third.log)).slice(0, seen.length), `seed ${seed}`).toEqual(seen);
    }
  });
});

describe('the durability modes', () => {
  test('`strict` acknowledges only what a power failure spares', async () => {
    const storage = new FaultyStorage();
    const { log, listener } = await start(storage);
    await listener.durable(log.append([payloadOf(1, 3000)]));
    storage.restart('power');
    expect((await readAll((await start(storage)).log)).length).toBe(1);
  });

  test('`interval` acknowledges what was written, and syncs it when its time comes', async () => {
    const storage = new FaultyStorage();
    const synced: number[] = [];
    const { log, listener, timers } = await start(storage, {
      durability: { mode: 'interval', syncEveryMs: 10 },
      observer: { onSync: (seconds) => synced.push(seconds) },
    });
    await listener.durable(log.append([payloadOf(1, 3000)]));
    expect(synced).toEqual([]);
    expect(timers.waiting).toBe(1);
    await listener.durable(log.append([payloadOf(2, 3000)]));
    expect(timers.waiting).toBe(1);
    timers.fire();
    while (synced.length === 0) await new Promise((next) => setImmediate(next));
    await listener.durable(log.append([payloadOf(3, 3000)]));
    expect(timers.waiting).toBe(1);
    storage.restart('power');
    expect((await readAll((await start(storage)).log)).length).toBeGreaterThanOrEqual(2);
  });

  test('`interval` begins a sync at half the interval, sooner for what came during one', async () => {
    const storage = new GatedStorage(new FaultyStorage());
    const { log, listener, timers } = await start(storage, {
      durability: { mode: 'interval', syncEveryMs: 60_000 },
    });
    await listener.durable(log.append([payloadOf(1, 100)]));
    expect(timers.delays).toEqual([30_000]);
    storage.hold('sync');
    timers.fire();
    await listener.durable(log.append([payloadOf(2, 100)]));
    expect(timers.delays.length).toBe(1);
    timers.nowMs = 1_000;
    storage.release();
    while (timers.delays.length < 2) await new Promise((next) => setImmediate(next));
    expect(timers.delays[1]).toBe(29_000);
    await log.close();
  });

  test('`interval` acknowledges nothing that would stretch what can be lost beyond it', async () => {
    let writes = 0;
    const onCall = (call: string) => {
      if (call === 'write') writes++;
    };
    const storage = new GatedStorage(new FaultyStorage({ onCall }));
    const { log, listener, timers } = await start(storage, {
      durability: { mode: 'interval', syncEveryMs: 20 },
    });
    await listener.durable(log.append([payloadOf(1, 100)]));
    storage.hold('sync');
    timers.fire();
    timers.nowMs = 20;
    await listener.durable(log.append([payloadOf(2, 100)]));
    timers.nowMs = 21;
    const before = writes;
    log.append([payloadOf(3, 100)]);
    while (writes === before) await new Promise((next) => setImmediate(next));
    for (let turn = 0; turn < 20; turn++) await new Promise((next) => setImmediate(next));
    expect(log.durableLsn).toBe(2);
    storage.release();
    await listener.durable(3);
    expect(log.syncedLsn).toBeGreaterThanOrEqual(1);
    await log.close();
  });

  test('`interval` begins the sync itself when its timer comes too late', async () => {
    const storage = new FaultyStorage();
    const { log, listener, timers } = await start(storage, {
      durability: { mode: 'interval', syncEveryMs: 20 },
    });
    await listener.durable(log.append([payloadOf(1, 100)]));
    timers.nowMs = 21;
    await listener.durable(log.append([payloadOf(2, 100)]));
    expect(log.syncedLsn).toBe(1);
    await log.close();
  });

  test('a sync that fails while an acknowledgement waits for it stops the log', async () => {
    const storage = new FaultyStorage();
    const { log, listener, timers } = await start(storage, {
      durability: { mode: 'interval', syncEveryMs: 20 },
    });
    await listener.durable(log.append([payloadOf(1, 100)]));
    timers.nowMs = 21;
    storage.inject({ kind: 'error', code: 'EIO', call: 'sync' });
    log.append([payloadOf(2, 100)]);
    await listener.next('failure');
    expect(listener.durableLsn).toBe(1);
    await log.close();
  });

  test('`interval` syncs a full segment whatever its timer does meanwhile', async () => {
    let fireAt = Number.POSITIVE_INFINITY;
    const storage = new FaultyStorage({
      onCall: (_call, _path, number) => {
        if (number >= fireAt) timers.fire();
      },
    });
    const { log, listener, timers } = await start(storage, {
      durability: { mode: 'interval', syncEveryMs: 10 },
      segmentBytesMax: 1000,
    });
    for (let n = 1; n <= 40; n++) {
      fireAt = storage.calls + (n % 12);
      await listener.durable(log.append([payloadOf(n, 800)]));
    }
    await log.close();
    expect(log.state.name).toBe('closed');
    expect((await readAll((await start(storage)).log)).length).toBe(40);
  });

  test('`interval` and `none` lose nothing when only the process dies', async () => {
    for (const durability of [{ mode: 'interval', syncEveryMs: 10 }, { mode: 'none' }] as const) {
      const storage = new FaultyStorage();
      const { log, listener } = await start(storage, { durability });
      for (let n = 1; n <= 9; n++) await listener.durable(log.append([payloadOf(n, 700)]));
      storage.restart('process');
      expect((await readAll((await start(storage, { durability })).log)).length).toBe(9);
    }
  });

  test('a record is synced when somebody asks for it, once for all who ask', async () => {
    for (const durability of [
      { mode: 'interval', syncEveryMs: 60_000 },
      { mode: 'none' },
    ] as const) {
      const inner = new FaultyStorage();
      const storage = new GatedStorage(inner);
      let syncs = 0;
      const onSync = () => syncs++;
      const { log, listener } = await start(storage, { durability, observer: { onSync } });
      for (let n = 1; n <= 3; n++) await listener.durable(log.append([payloadOf(n, 700)]));
      expect(log.syncedLsn).toBe(0);
      storage.hold('sync');
      const asked = [log.syncTo(asLsn(2)), log.syncTo(asLsn(3))];
      await listener.durable(log.append([payloadOf(4, 700)]));
      storage.release();
      await Promise.all(asked);
      expect([log.syncedLsn, syncs]).toEqual([3, 1]);
      await expect(log.syncTo(asLsn(5))).rejects.toThrow(RangeError);
      inner.restart('power');
      expect((await readAll((await start(inner)).log)).length).toBeGreaterThanOrEqual(3);
    }
  });

  test('a segment that is full while a sync is under way waits for it', async () => {
    const storage = new GatedStorage(new FaultyStorage());
    const { log, listener } = await start(storage, {
      durability: { mode: 'none' },
      segmentBytesMax: 2000,
    });
    await listener.durable(log.append([payloadOf(1, 700)]));
    storage.hold('sync');
    const synced = log.syncTo(asLsn(1));
    for (let n = 2; n <= 5; n++) log.append([payloadOf(n, 700)]);
    const closed = log.close();
    for (let turn = 0; turn < 20; turn++) await new Promise((next) => setImmediate(next));
    expect(log.durableLsn).toBeLessThan(5);
    storage.release();
    await Promise.all([synced, listener.durable(5), closed]);
    expect([log.state.name, log.syncedLsn]).toEqual(['closed', 5]);
  });

  test('a sync that somebody asked for and that fails stops the log, and is told to them', async () => {
    const storage = new FaultyStorage();
    const { log, listener } = await start(storage, { durability: { mode: 'none' } });
    await listener.durable(log.append([payloadOf(1, 100)]));
    storage.inject({ kind: 'error', code: 'EIO', call: 'sync' });
    await expect(log.syncTo(asLsn(1))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await listener.next('failure');
    expect(() => log.append([payloadOf(2, 100)])).toThrow(
      expect.objectContaining({ code: 'UNAVAILABLE' }),
    );
    await log.close();
  });

  test('`none` syncs unasked only a segment that is full, and at the close', async () => {
    const storage = new FaultyStorage();
    let syncs = 0;
    const { log, listener, timers } = await start(storage, {
      durability: { mode: 'none' },
      segmentBytesMax: 2000,
      observer: { onSync: () => syncs++ },
    });
    for (let n = 1; n <= 4; n++) await listener.durable(log.append([payloadOf(n, 700)]));
    expect(timers.waiting).toBe(0);
    expect(syncs).toBe(1);
    await log.close();
    expect(syncs).toBe(2);
  });
});
