import { describe, expect, test } from 'vitest';
import { limits } from '../../engine/limits.ts';
import type { Durability } from '../../engine/log/commit-log.ts';
import { type FileLogOptions, openFileLog } from '../../engine/log/open-file-log.ts';
import type { Storage, StorageFile } from '../../engine/log/storage.ts';
import { asLsn } from '../../engine/position.ts';
import { FaultyStorage } from '../fault/storage.ts';
import { commitLogConformance } from './commit-log-conformance.ts';
import { RecordingListener } from './listener.ts';
import { ManualTimers } from './manual-timers.ts';
import { payloadOf, readAll } from './records.ts';

const directory = '/data/log';
const strict: Durability = { mode: 'strict' };

for (const durability of [
  strict,
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

async function start(storage: Storage, options: Partial<FileLogOptions> = {}) {
  const timers = new ManualTimers();
  const log = await openFileLog({ storage, directory, durability: strict, timers, ...options });
  return { log, timers, listener: new RecordingListener(log) };
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
    await log.truncateBefore(asLsn(3));
    expect(log.firstLsn).toBe(1);
    await log.truncateBefore(asLsn(4));
    expect(log.firstLsn).toBe(4);
    await log.truncateBefore(asLsn(1000));
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
      await log.truncateBefore(asLsn(15)).catch(() => storage.crash());
      storage.restart('power');
      const again = await start(storage, { replayFrom: asLsn(15) });
      expect((await readAll(again.log, again.log.firstLsn)).at(-1)?.lsn, `seed ${seed}`).toBe(15);
      await again.log.close();
    }
  });

  test('that a slow reader stands in may be dropped: it is told so', async () => {
    const storage = new FaultyStorage();
    const { log, listener } = await start(storage, { segmentBytesMax: 1100 });
    for (let n = 1; n <= 9; n++) await listener.durable(log.append([payloadOf(n, 300)]));
    const reading = log.read(asLsn(1))[Symbol.asyncIterator]();
    await reading.next();
    await log.truncateBefore(asLsn(9));
    const rest = async () => {
      for (let step = await reading.next(); !step.done; step = await reading.next());
    };
    await expect(rest()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('a full disk', () => {
  test('rejects what was appended, keeps what was durable, resumes when there is room', async () => {
    const storage = new FaultyStorage();
    const { log, listener, timers } = await start(storage);
    await listener.durable(log.append([payloadOf(1, 5000)]));
    storage.capacityBytes = 6000;
    for (const n of [2, 3]) expect(log.append([payloadOf(n, 800)])).toBe(n);
    const rejected = await listener.next('rejected');
    expect(rejected).toMatchObject({ lsn: 2, error: { code: 'UNAVAILABLE' } });
    expect(log.durableLsn).toBe(1);
    expect(log.failure).toBeNull();
    expect(log.outOfRoom).not.toBeNull();
    expect(log.pending).toEqual({ records: 0, bytes: 0 });
    expect(() => log.append([payloadOf(2, 1)])).toThrow(
      expect.objectContaining({ code: 'UNAVAILABLE', retryAfterMs: expect.any(Number) }),
    );
    expect((await readAll(log)).length).toBe(1);

    timers.fire();
    storage.capacityBytes = Number.POSITIVE_INFINITY;
    while (log.outOfRoom !== null) {
      await new Promise((next) => setImmediate(next));
      timers.fire();
    }
    expect(listener.events.at(-1)).toEqual({ kind: 'room' });
    expect(log.append([payloadOf(22, 800)])).toBe(2);
    await listener.durable(2);
    await log.close();
    const again = await start(storage);
    expect((await readAll(again.log)).map(({ payload }) => payload)).toEqual([
      payloadOf(1, 5000),
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
    expect(log.outOfRoom).not.toBeNull();
    expect(log.failure).toBeNull();
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
    expect(log.failure).not.toBeNull();
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
    expect(log.failure).toBeNull();
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

  test('`none` syncs only a segment that is full, and at the close', async () => {
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

describe('limits', () => {
  test('more than the pending bound is refused as overload, until some of it is durable', async () => {
    const gate = new GatedStorage(new FaultyStorage());
    const { log, listener } = await start(gate, { durability: { mode: 'none' } });
    const part = Buffer.alloc(limits.logPendingBytesMax / 8 - 64);
    gate.hold();
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

/** Holds writes back, and then only counts them. */
class GatedStorage implements Storage {
  readonly makeDirectory: Storage['makeDirectory'];
  readonly list: Storage['list'];
  readonly rename: Storage['rename'];
  readonly remove: Storage['remove'];
  readonly syncDirectory: Storage['syncDirectory'];
  readonly lock: Storage['lock'];
  readonly #inner: Storage;
  #gate: Promise<void> | null = null;
  #open: () => void = () => {};

  constructor(inner: Storage) {
    this.#inner = inner;
    this.makeDirectory = (path) => inner.makeDirectory(path);
    this.list = (path) => inner.list(path);
    this.rename = (from, to) => inner.rename(from, to);
    this.remove = (path) => inner.remove(path);
    this.syncDirectory = (path) => inner.syncDirectory(path);
    this.lock = (path) => inner.lock(path);
  }

  hold(): void {
    this.#gate = new Promise((open) => {
      this.#open = open;
    });
  }

  release(): void {
    this.#open();
  }

  async create(path: string): Promise<StorageFile> {
    return this.#gated(await this.#inner.create(path));
  }

  async open(path: string): Promise<StorageFile> {
    return this.#gated(await this.#inner.open(path));
  }

  #gated(file: StorageFile): StorageFile {
    return {
      path: file.path,
      size: () => file.size(),
      read: (target, offset) => file.read(target, offset),
      write: async (parts, offset) => {
        if (this.#gate === null) return file.write(parts, offset);
        await this.#gate;
        return parts.reduce((sum, part) => sum + part.byteLength, 0);
      },
      writeThrough: (parts, offset) => file.writeThrough(parts, offset),
      sync: () => file.sync(),
      truncate: (size) => file.truncate(size),
      close: () => file.close(),
    };
  }
}
