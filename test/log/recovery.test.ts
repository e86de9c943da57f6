import { describe, expect, test } from 'vitest';
import type { LogRecord } from '../../engine/log/commit-log.ts';
import { type FileLogOptions, openFileLog } from '../../engine/log/open-file-log.ts';
import { recordBytes } from '../../engine/log/record.ts';
import type { LogReport } from '../../engine/log/recover-segments.ts';
import { segmentHeaderBytes } from '../../engine/log/segment.ts';
import { asLsn } from '../../engine/model/position.ts';
import { FaultyStorage } from '../fault/storage.ts';
import { RecordingListener } from './listener.ts';
import { payloadOf, readAll } from './records.ts';

const directory = '/data/log';

interface Opened {
  readonly report: LogReport;
  readonly records: LogRecord[];
  readonly log: Awaited<ReturnType<typeof openFileLog>>;
}

async function open(
  storage: FaultyStorage,
  options: Partial<FileLogOptions> = {},
): Promise<Opened> {
  const records: LogRecord[] = [];
  let report: LogReport | null = null;
  const log = await openFileLog({
    storage,
    directory,
    durability: { mode: 'strict' },
    onRecord: ({ lsn, payload }) => {
      records.push({ lsn, payload: Buffer.from(payload) });
    },
    onReport: (found) => {
      report = found;
    },
    ...options,
  });
  return { log, records, report: report as unknown as LogReport };
}

interface Written {
  readonly storage: FaultyStorage;
  readonly sizes: readonly number[];
}

/** Writes records of these sizes, each a group of its own, and stops without closing. */
async function written(
  sizes: readonly number[],
  { segmentBytesMax = 1_000_000, close = false } = {},
): Promise<Written> {
  const storage = new FaultyStorage();
  const { log } = await open(storage, { segmentBytesMax });
  const listener = new RecordingListener(log);
  for (const [i, bytes] of sizes.entries()) {
    await listener.durable(log.append([payloadOf(i + 1, bytes)]));
  }
  if (close) await log.close();
  storage.restart('process');
  return { storage, sizes };
}

function expectPrefix(
  records: readonly LogRecord[],
  sizes: readonly number[],
  count: number,
): void {
  expect(records.map(({ lsn }) => lsn)).toEqual(Array.from({ length: count }, (_, i) => i + 1));
  for (const [i, { payload }] of records.entries()) {
    expect(payload).toEqual(payloadOf(i + 1, sizes[i] ?? 0));
  }
}

function lastSegment(storage: FaultyStorage): string {
  return storage
    .paths()
    .filter((path) => path.endsWith('.log'))
    .at(-1) as string;
}

describe('opening a log again', () => {
  test('hands over every record, in order, in one pass, and reports them', async () => {
    const { storage, sizes } = await written([100, 0, 5000, 7], { segmentBytesMax: 3000 });
    const { records, report, log } = await open(storage);
    expectPrefix(records, sizes, 4);
    expect(report).toMatchObject({
      records: 4,
      firstLsn: 1,
      lastLsn: 4,
      torn: null,
      sealed: false,
      dropped: null,
    });
    expect(report.segments).toBeGreaterThan(1);
    expect(log.durableLsn).toBe(4);
  });

  test('knows a log that was closed in order, and goes on behind its seal', async () => {
    const { storage, sizes } = await written([40, 50], { close: true });
    const first = await open(storage);
    expect(first.report).toMatchObject({ sealed: true, lastLsn: 2, torn: null });
    const listener = new RecordingListener(first.log);
    await listener.durable(first.log.append([payloadOf(3, 60)]));
    storage.restart('power');
    const second = await open(storage);
    expect(second.report.sealed).toBe(false);
    expectPrefix(second.records, [...sizes, 60], 3);
  });

  test('reads no segment wholly before `replayFrom`, and hands over nothing before it', async () => {
    const sizes = Array.from({ length: 20 }, () => 400);
    const { storage } = await written(sizes, { segmentBytesMax: 1500 });
    const { records, report, log } = await open(storage, { replayFrom: asLsn(14) });
    expect(records.map(({ lsn }) => lsn)).toEqual([14, 15, 16, 17, 18, 19, 20]);
    expect(report.records).toBeLessThan(12);
    expect((await readAll(log)).length).toBe(20);
  });

  test('refuses a `replayFrom` that is not in the log', async () => {
    const { storage } = await written([10, 10]);
    await expect(open(storage, { replayFrom: asLsn(4) })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      details: { replayFrom: 4, firstLsn: 1, lastLsn: 2 },
    });
    expect((await open(storage, { replayFrom: asLsn(3) })).records).toEqual([]);
  });

  test('waits for an `onRecord` that takes its time', async () => {
    const { storage } = await written([10, 10, 10]);
    const steps: string[] = [];
    await open(storage, {
      onRecord: async ({ lsn }) => {
        steps.push(`begin ${lsn}`);
        await Promise.resolve();
        steps.push(`end ${lsn}`);
      },
    });
    expect(steps).toEqual(['begin 1', 'end 1', 'begin 2', 'end 2', 'begin 3', 'end 3']);
  });

  test('frees the directory when it fails', async () => {
    const { storage } = await written([10]);
    await expect(open(storage, { replayFrom: asLsn(9) })).rejects.toThrow();
    expect((await open(storage)).report.lastLsn).toBe(1);
  });

  test('is refused while the log is open', async () => {
    const { storage } = await written([10]);
    await open(storage);
    await expect(open(storage)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('a torn tail', () => {
  test('is cut off and reported, wherever in the last record the write stopped', async () => {
    const sizes = [30, 100, 77];
    const lastBytes = recordBytes(77);
    for (let kept = 0; kept < lastBytes; kept++) {
      const { storage } = await written(sizes);
      storage.overwrite(lastSegment(storage), (bytes) => {
        const end = segmentHeaderBytes + recordBytes(30) + recordBytes(100);
        return bytes.subarray(0, end + kept);
      });
      const { records, report, log } = await open(storage);
      expectPrefix(records, sizes, 2);
      expect(report.torn?.bytes ?? 0).toBeLessThanOrEqual(kept);
      // A record's first few bytes may all be zero by chance, its first eight not.
      if (kept >= 8) {
        expect(report.torn).toMatchObject({
          segment: '00000000000000000001.log',
          offset: segmentHeaderBytes + recordBytes(30) + recordBytes(100),
        });
      }
      const listener = new RecordingListener(log);
      await listener.durable(log.append([payloadOf(3, 9)]));
      await log.close();
      expectPrefix((await open(storage)).records, [30, 100, 9], 3);
    }
  });

  test('may lack any sector of a group, and nothing of the group is left half', async () => {
    // Three records in one unacknowledged group; the first is lost, the others are whole.
    const { storage } = await written([30]);
    const { log } = await open(storage);
    for (const n of [2, 3, 4]) log.append([payloadOf(n, 600)]);
    await log.close();
    storage.overwrite(lastSegment(storage), (bytes) => {
      const second = segmentHeaderBytes + recordBytes(30);
      bytes.fill(0, second, second + 512);
      return bytes.subarray(0, second + 3 * recordBytes(600));
    });
    const { records, report } = await open(storage);
    expectPrefix(records, [30], 1);
    expect(report.torn?.bytes).toBeGreaterThan(1200);
  });
});

describe('damage', () => {
  test('of any one bit is refused, or cut off where only the last group can tell', async () => {
    const sizes = [20, 33, 8, 50, 41, 64];
    const { storage: sound } = await written(sizes, { segmentBytesMax: 300 });
    const paths = sound.paths();
    expect(paths.length).toBeGreaterThan(2);
    for (const path of paths) {
      const content = sound.contentOf(path);
      for (let offset = 0; offset < content.length; offset++) {
        const { storage } = await copyOf(sound);
        storage.flipBit(path, offset, offset % 8);
        const outcome = await open(storage).catch((error) => error);
        if (outcome instanceof Error) {
          expect(outcome).toMatchObject({ code: 'UNAVAILABLE' });
          expect(outcome.message).toMatch(/--truncate-at \d+/);
        } else {
          const count = outcome.records.length;
          expect(count).toBeGreaterThanOrEqual(sizes.length - 1);
          expectPrefix(outcome.records, sizes, count);
        }
      }
    }
  });

  test('of a sealed log is always refused, even in its last record', async () => {
    const { storage: sound } = await written([20, 33], { close: true });
    const path = lastSegment(sound);
    const end = segmentHeaderBytes + recordBytes(20) + recordBytes(33);
    for (let offset = 0; offset < end; offset++) {
      const { storage } = await copyOf(sound);
      storage.flipBit(path, offset, 3);
      await expect(open(storage)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    }
  });

  test('is refused with its segment, offset and record, and the two mends', async () => {
    const { storage } = await written([20, 33, 8]);
    const offset = segmentHeaderBytes + recordBytes(20);
    storage.flipBit(lastSegment(storage), offset + 41, 0);
    const error = await open(storage).catch((refused) => refused);
    expect(error).toMatchObject({
      code: 'UNAVAILABLE',
      details: { segment: '00000000000000000001.log', offset, lsn: 2 },
    });
    expect(error.message).toContain('00000000000000000001.log at offset 128, record 2');
    expect(error.message).toContain('Restore a backup');
    expect(error.message).toContain('--truncate-at 2');
    expect(storage.contentOf(lastSegment(storage)).length).toBeGreaterThan(offset);
  });

  test('is a segment that is missing', async () => {
    const { storage } = await written(
      Array.from({ length: 9 }, () => 100),
      {
        segmentBytesMax: 400,
      },
    );
    const [, second] = storage.paths();
    await storage.remove(second as string);
    await expect(open(storage)).rejects.toMatchObject({ details: { lsn: 3, offset: 0 } });
  });

  test('is a segment of another log, though each of its records is whole', async () => {
    const sizes = Array.from({ length: 9 }, () => 100);
    const { storage } = await written(sizes, { segmentBytesMax: 400 });
    const { storage: other } = await written([...sizes].fill(101), { segmentBytesMax: 400 });
    const path = storage.paths()[1] as string;
    storage.overwrite(path, () => other.contentOf(path));
    await expect(open(storage)).rejects.toThrow(/does not follow/);
  });
});

describe('--truncate-at', () => {
  test('drops the damaged record and all behind it, and keeps their bytes aside', async () => {
    const sizes = Array.from({ length: 12 }, () => 100);
    const { storage } = await written(sizes, { segmentBytesMax: 600 });
    const path = storage.paths()[1] as string;
    const offset = segmentHeaderBytes + recordBytes(100);
    storage.flipBit(path, offset + 50, 2);
    const cutBytes = storage.contentOf(path).subarray(offset);

    const { records, report, log } = await open(storage, { truncateAt: asLsn(5) });
    expectPrefix(records, sizes, 4);
    expect(report.lastLsn).toBe(4);
    expect(report.dropped?.fromLsn).toBe(5);
    const aside = storage.paths().filter((kept) => kept.endsWith('.dropped'));
    expect(aside.map((kept) => kept.split('/').at(-1)).sort()).toEqual(
      [...(report.dropped?.files ?? [])].sort(),
    );
    expect(aside.some((kept) => storage.contentOf(kept).equals(cutBytes))).toBe(true);

    const listener = new RecordingListener(log);
    await listener.durable(log.append([payloadOf(5, 70)]));
    await log.close();
    expectPrefix((await open(storage)).records, [100, 100, 100, 100, 70], 5);
  });

  test('cuts before a segment whose header is damaged, and before the first one too', async () => {
    const sizes = Array.from({ length: 9 }, () => 100);
    for (const [index, lsn] of [
      [1, 3],
      [0, 1],
    ] as const) {
      const { storage } = await written(sizes, { segmentBytesMax: 400 });
      storage.flipBit(storage.paths()[index] as string, 20, 1);
      const { records, log } = await open(storage, { truncateAt: asLsn(lsn) });
      expectPrefix(records, sizes, lsn - 1);
      const listener = new RecordingListener(log);
      await listener.durable(log.append([payloadOf(lsn, 100)]));
      await log.close();
      expectPrefix((await open(storage)).records, sizes, lsn);
    }
  });

  test('cuts nothing from a sound log, so that it may be left in place', async () => {
    const { storage, sizes } = await written([10, 20, 30]);
    const { records, report } = await open(storage, { truncateAt: asLsn(2) });
    expectPrefix(records, sizes, 3);
    expect(report.dropped).toBeNull();
  });

  test('cuts nothing when it names another record than the damaged one', async () => {
    const { storage } = await written([10, 20, 30]);
    storage.flipBit(lastSegment(storage), segmentHeaderBytes + recordBytes(10) + 44, 1);
    const before = storage.contentOf(lastSegment(storage));
    for (const wrong of [1, 3]) {
      await expect(open(storage, { truncateAt: asLsn(wrong) })).rejects.toThrow(
        `(${wrong} was asked: nothing was cut.)`,
      );
    }
    expect(storage.contentOf(lastSegment(storage)).equals(before)).toBe(true);
  });

  test('does not cut what lies before the record where recovery begins', async () => {
    const { storage } = await written(
      Array.from({ length: 9 }, () => 100),
      {
        segmentBytesMax: 600,
      },
    );
    storage.flipBit(storage.paths()[0] as string, segmentHeaderBytes + 50, 1);
    const asked = open(storage, { replayFrom: asLsn(3), truncateAt: asLsn(1) });
    await expect(asked).rejects.toThrow(/Restore a backup\.$/);
  });
});

/** A storage of its own with the durable files of `source`. */
async function copyOf(source: FaultyStorage): Promise<{ storage: FaultyStorage }> {
  const storage = new FaultyStorage();
  await storage.makeDirectory(directory);
  for (const path of source.paths()) {
    await (await storage.create(path)).close();
    await storage.syncDirectory(directory);
    storage.overwrite(path, () => source.contentOf(path));
  }
  return { storage };
}
