import { describe, expect, test } from 'vitest';
import { type LogReading, readLog } from '../../engine/log/read-log.ts';
import type { TornTail } from '../../engine/log/torn-tail.ts';
import { asLsn } from '../../engine/model/position.ts';
import { FaultyStorage } from '../fault/storage.ts';
import { payloadOf } from './records.ts';
import { directory, start } from './start-log.ts';

const records = 12;

/** Records in several segments; the process is killed. */
async function killed(): Promise<FaultyStorage> {
  const storage = new FaultyStorage();
  const { log, listener } = await start(storage, { segmentBytesMax: 2_000 });
  for (let lsn = 1; lsn <= records; lsn++) {
    await listener.durable(log.append([payloadOf(lsn, 400)]));
  }
  storage.restart('process');
  return storage;
}

function contents(storage: FaultyStorage): [string, Buffer][] {
  return storage.paths().map((path) => [path, storage.contentOf(path)]);
}

async function read(
  storage: FaultyStorage,
  from = 1,
): Promise<{ reading: LogReading; lsns: number[] }> {
  const lsns: number[] = [];
  const onRecord = ({ lsn }: { lsn: number }) => void lsns.push(lsn);
  const reading = await readLog({ storage, directory, replayFrom: asLsn(from), onRecord });
  return { reading, lsns };
}

/** Takes the end off the last record. */
function tear(storage: FaultyStorage): void {
  const last = storage
    .paths()
    .filter((path) => path.endsWith('.log'))
    .at(-1) as string;
  storage.overwrite(last, (bytes) => {
    let end = bytes.length;
    while (bytes[end - 1] === 0) end--;
    return bytes.subarray(0, end - 20);
  });
}

describe('reading a log', () => {
  test('hands over its records, says what is torn, and changes no byte', async () => {
    const storage = await killed();
    tear(storage);
    // What a crash left of a segment that was being begun.
    const begun = await storage.create(`${directory}/00000000000000000099.log.new`);
    await begun.close();
    const before = contents(storage);
    expect(before.length).toBeGreaterThan(3);
    for (const from of [1, 6]) {
      const { reading, lsns } = await read(storage, from);
      expect(lsns).toEqual(Array.from({ length: records - from }, (_, i) => from + i));
      expect(reading.lastLsn).toBe(records - 1);
      expect(reading.torn?.bytes).toBeGreaterThan(300);
    }
    expect(contents(storage)).toEqual(before);
    // The start that follows finds it all, and is the one that mends it.
    let cut: TornTail | null = null;
    const { log } = await start(storage, { onReport: ({ torn }) => (cut = torn) });
    expect(cut).toEqual((await tornBefore(before)).torn);
    await log.close();
    expect((await read(storage)).reading).toEqual({
      firstLsn: 1,
      lastLsn: records - 1,
      chain: expect.any(Uint8Array),
      torn: null,
    });
  });

  test('is refused where another process holds it, and holds it meanwhile', async () => {
    const storage = await killed();
    const lock = await storage.lock(directory);
    await expect(read(storage)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await lock.release();
    const onRecord = async () => {
      await expect(start(storage)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    };
    await readLog({ storage, directory, replayFrom: asLsn(1), onRecord });
    await (await start(storage)).log.close();
  });

  test('is refused where it is damaged, and where it lacks what is asked for', async () => {
    const storage = await killed();
    await expect(read(storage, records + 2)).rejects.toThrow(/the log holds 1 to 12/);
    const [first] = storage.paths().filter((path) => path.endsWith('.log'));
    storage.flipBit(first as string, 200, 3);
    const before = contents(storage);
    await expect(read(storage)).rejects.toThrow(/the log is damaged.*record 1:/s);
    expect(contents(storage)).toEqual(before);
  });
});

/** What a reading of these very files says. */
async function tornBefore(files: readonly [string, Buffer][]): Promise<LogReading> {
  const storage = new FaultyStorage();
  await storage.makeDirectory(directory);
  for (const [path, bytes] of files) {
    const file = await storage.create(path);
    await file.write([bytes], 0);
    await file.close();
  }
  return (await read(storage)).reading;
}
