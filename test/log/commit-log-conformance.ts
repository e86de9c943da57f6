import { afterEach, describe, expect, test } from 'vitest';
import type { CommitLog } from '../../engine/log/commit-log.ts';
import { limits } from '../../engine/model/limits.ts';
import { asLsn } from '../../engine/model/position.ts';
import { RecordingListener } from './listener.ts';
import { payloadOf, readAll } from './records.ts';

/** One place to keep a log: opening it again finds what was durable. */
export interface LogPlace {
  open(): Promise<CommitLog>;
  remove(): Promise<void>;
}

/** What every implementation of `CommitLog` must do, whatever it writes to. */
export function commitLogConformance(name: string, makePlace: () => Promise<LogPlace>): void {
  describe(`${name} as a commit log`, () => {
    const opened: { place: LogPlace; log: CommitLog | null }[] = [];

    async function start(): Promise<{
      log: CommitLog;
      listener: RecordingListener;
      reopen: () => Promise<{ log: CommitLog; listener: RecordingListener }>;
    }> {
      const entry: { place: LogPlace; log: CommitLog | null } = {
        place: await makePlace(),
        log: null,
      };
      opened.push(entry);
      const open = async () => {
        await entry.log?.close();
        entry.log = await entry.place.open();
        return { log: entry.log, listener: new RecordingListener(entry.log) };
      };
      return { ...(await open()), reopen: open };
    }

    afterEach(async () => {
      for (const { place, log } of opened.splice(0)) {
        await log?.close();
        await place.remove();
      }
    });

    test('a new log is empty and begins with record 1', async () => {
      const { log } = await start();
      expect(log.firstLsn).toBe(1);
      expect(log.durableLsn).toBe(0);
      expect(await readAll(log)).toEqual([]);
    });

    test('append returns LSNs that rise by one, before anything is durable', async () => {
      const { log, listener } = await start();
      const lsns = [1, 2, 3].map((n) => log.append([payloadOf(n, 10)]));
      expect(lsns).toEqual([1, 2, 3]);
      expect(listener.events).toEqual([]);
      expect(log.pending.records).toBe(3);
      await listener.durable(3);
      expect(log.durableLsn).toBe(3);
      expect(log.pending).toEqual({ records: 0, bytes: 0 });
    });

    test('durable records are told in order and each only once', async () => {
      const { log, listener } = await start();
      for (let n = 1; n <= 50; n++) {
        log.append([payloadOf(n, n)]);
        if (n % 7 === 0) await listener.durable(n);
      }
      await listener.durable(50);
      const told = listener.events.map((event) => (event.kind === 'durable' ? event.lsn : -1));
      expect(told).toEqual([...new Set(told)].sort((a, b) => a - b));
      expect(told.at(-1)).toBe(50);
    });

    test('what survives a power failure is never more than what was told durable', async () => {
      const { log, listener, reopen } = await start();
      for (let n = 1; n <= 20; n++) {
        await listener.durable(log.append([payloadOf(n, 900)]));
        expect(log.syncedLsn).toBeLessThanOrEqual(log.durableLsn);
      }
      expect((await reopen()).log.syncedLsn).toBe(20);
    });

    test('a record reads back as its parts, concatenated', async () => {
      const { log, listener } = await start();
      const sizes = [[0], [1], [7, 1], [8, 0, 8], [3, 100_000, 5], [300_000]];
      const expected = sizes.map((parts, n) => {
        const payloads = parts.map((bytes, part) => payloadOf(n * 10 + part, bytes));
        log.append(payloads);
        return Buffer.concat(payloads);
      });
      await listener.durable(sizes.length);
      const records = await readAll(log);
      expect(records.map(({ lsn }) => lsn)).toEqual([1, 2, 3, 4, 5, 6]);
      for (const [i, { payload }] of records.entries()) {
        expect(Buffer.compare(Buffer.from(payload), expected[i] ?? Buffer.alloc(0))).toBe(0);
      }
    });

    test('payloads begin at a multiple of eight in memory', async () => {
      const { log, listener } = await start();
      for (let n = 1; n <= 40; n++) log.append([payloadOf(n, n * 3)]);
      await listener.durable(40);
      for await (const { payload } of log.read(asLsn(1))) expect(payload.byteOffset % 8).toBe(0);
    });

    test('reading begins at any record and stops at what was durable when it was asked', async () => {
      const { log, listener } = await start();
      for (let n = 1; n <= 20; n++) log.append([payloadOf(n, 100)]);
      await listener.durable(20);
      for (const from of [1, 2, 13, 20]) {
        const records = await readAll(log, from);
        expect(records.map(({ lsn }) => lsn)).toEqual(
          Array.from({ length: 21 - from }, (_, i) => from + i),
        );
      }
      expect(await readAll(log, 21)).toEqual([]);
      const reading = log.read(asLsn(19));
      log.append([payloadOf(21, 100)]);
      await listener.durable(21);
      const seen: number[] = [];
      for await (const { lsn } of reading) seen.push(lsn);
      expect(seen).toEqual([19, 20]);
    });

    test('closing waits for what is pending, and opening again goes on where it ended', async () => {
      const { log, listener, reopen } = await start();
      for (let n = 1; n <= 10; n++) log.append([payloadOf(n, 1000)]);
      await log.close();
      expect(listener.durableLsn).toBe(10);
      const again = await reopen();
      expect(again.log.durableLsn).toBe(10);
      expect(again.log.append([payloadOf(11, 5)])).toBe(11);
      await again.listener.durable(11);
      const records = await readAll(again.log);
      expect(records.map(({ payload }) => payload.byteLength)).toEqual([
        ...Array.from({ length: 10 }, () => 1000),
        5,
      ]);
      expect(records[3]?.payload).toEqual(payloadOf(4, 1000));
    });

    test('a record over the limit is refused and takes no LSN', async () => {
      const { log, listener } = await start();
      const part = Buffer.alloc(limits.logRecordBytesMax / 8);
      expect(() => log.append([...Array.from({ length: 8 }, () => part), Buffer.alloc(1)])).toThrow(
        expect.objectContaining({ code: 'LIMIT_EXCEEDED' }),
      );
      expect(log.append([payloadOf(1, 1)])).toBe(1);
      await listener.durable(1);
    });

    test('dropping old records keeps everything from the given one on', async () => {
      const { log, listener } = await start();
      for (let n = 1; n <= 30; n++) log.append([payloadOf(n, 500)]);
      await listener.durable(30);
      await log.truncateBefore(asLsn(20), 0);
      expect(log.firstLsn).toBeLessThanOrEqual(20);
      expect((await readAll(log, 20)).map(({ lsn }) => lsn)).toEqual([
        20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30,
      ]);
    });
  });
}
