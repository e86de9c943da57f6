import { describe, expect, test } from 'vitest';
import { FaultyStorage } from '../fault/storage.ts';
import { directory, start } from './start-log.ts';

const record = [Buffer.alloc(600, 7)];
const segmentPath = (lsn: number) => `${directory}/${String(lsn).padStart(20, '0')}.log`;

/** A log of three segments with a record each, whose directory has been still for a while. */
async function settledLog(mode: 'strict' | 'none') {
  const storage = new FaultyStorage();
  const failures: Error[] = [];
  const { log, listener, timers } = await start(storage, {
    durability: { mode },
    segmentBytesMax: 1024,
    observer: { onFailure: (error) => failures.push(error) },
  });
  for (const lsn of [1, 2, 3]) {
    log.append(record);
    await listener.durable(lsn);
  }
  timers.nowMs += 1_000;
  await log.checkPresence();
  expect(log.state.name).toBe('open');
  return { storage, log, listener, timers, failures };
}

/** Cuts a file to so many bytes, as `truncate` does. */
function cut(storage: FaultyStorage, lsn: number, bytes: number): void {
  storage.overwrite(segmentPath(lsn), (content) => content.subarray(0, bytes));
}

const damages: [string, (storage: FaultyStorage) => void][] = [
  ['its directory is gone', (storage) => storage.takeAway(directory)],
  ['a directory above is gone', (storage) => storage.takeAway('/data')],
  ['the last segment is gone', (storage) => storage.takeAway(segmentPath(3))],
  ['an old segment is gone', (storage) => storage.takeAway(segmentPath(1))],
  ['another file has the name of the last segment', (storage) => storage.replace(segmentPath(3))],
  ['the last segment is empty', (storage) => cut(storage, 3, 0)],
  ['the last segment has lost its last record', (storage) => cut(storage, 3, 300)],
  ['another file has the name of an old segment', (storage) => storage.replace(segmentPath(1))],
];

describe.each(['strict', 'none'] as const)('in `%s`, of a log', (mode) => {
  test.each(damages)('nothing more is acknowledged once %s', async (_, damage) => {
    const { storage, log, listener, failures } = await settledLog(mode);
    damage(storage);
    log.append([Buffer.alloc(8)]);
    await expect(listener.durable(4)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining(directory),
    });
    expect(() => log.append(record)).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }));
    expect(log.state).toEqual({ name: 'failed', error: failures[0] });
    expect(failures).toHaveLength(1);
    expect(log.durableLsn).toBe(3);
    await log.close();
  });
});

describe('a log', () => {
  test.each(damages)('without commits stops when it looks and %s', async (_, damage) => {
    const { storage, log } = await settledLog('strict');
    damage(storage);
    await log.checkPresence();
    expect(log.state).toMatchObject({ name: 'failed', error: { code: 'UNAVAILABLE' } });
    await log.close();
  });

  test.each([1, 2])('stops when it looks and its segment %i is cut short', async (segment) => {
    const { storage, log } = await settledLog('strict');
    cut(storage, segment, 300);
    // Each look measures one of the segments before the last.
    await log.checkPresence();
    await log.checkPresence();
    const message = expect.stringContaining(`${segmentPath(segment)} is 300 bytes long`);
    expect(log.state).toMatchObject({ name: 'failed', error: { code: 'UNAVAILABLE', message } });
    await log.close();
  });

  test('is looked for by one question a group while no name in its directory changes', async () => {
    const { storage, log, listener, timers } = await settledLog('strict');
    log.append([Buffer.alloc(8)]);
    await listener.durable(4);
    timers.nowMs += 1_000;
    await log.checkPresence();
    const before = storage.looks;
    log.append([Buffer.alloc(8)]);
    await listener.durable(5);
    expect(storage.looks - before).toBe(1);
    await log.close();
  });

  test('does not miss what it drops itself', async () => {
    const { log, listener } = await settledLog('strict');
    const dropping = log.truncateBefore(3 as never, 0);
    for (const lsn of [4, 5, 6, 7]) {
      log.append(record);
      await listener.durable(lsn);
    }
    expect((await dropping).segments).toBeGreaterThan(0);
    await log.checkPresence();
    expect(log.state.name).toBe('open');
    await log.close();
  });
});
