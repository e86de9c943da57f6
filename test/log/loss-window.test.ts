import { describe, expect, test } from 'vitest';
import type { Durability } from '../../engine/log/commit-log.ts';
import { FaultyStorage } from '../fault/storage.ts';
import { payloadOf } from './records.ts';
import { start } from './start-log.ts';
import { SteppedTimers } from './stepped-timers.ts';

const intervalMs = 20;

/**
 * Appends a record every two milliseconds, each once the one before is acknowledged, and cuts the
 * power after the last. The span of the acknowledgements that were lost: null where none was.
 */
async function lostSpanMs(
  durability: Durability,
  records: number,
  seed: number,
): Promise<number | null> {
  const storage = new FaultyStorage({ seed });
  const timers = new SteppedTimers();
  const { log, listener } = await start(storage, { durability, timers });
  for (let n = 1; n <= records; n++) {
    timers.moveTo(2 * n);
    await listener.durable(log.append([payloadOf(n, 600)]));
  }
  storage.restart('power');
  const { log: found } = await start(storage);
  const present = found.durableLsn;
  await found.close();
  expect(present).toBeLessThanOrEqual(records);
  return present === records ? null : 2 * (records - (present + 1));
}

async function spansOf(durability: Durability): Promise<(number | null)[]> {
  const spans: (number | null)[] = [];
  for (let records = 1; records <= 60; records++) {
    for (const seed of [1, 2, 3]) spans.push(await lostSpanMs(durability, records, records * seed));
  }
  return spans;
}

describe('acknowledgements that a power failure takes', () => {
  test('are none in `strict`', async () => {
    expect(new Set(await spansOf({ mode: 'strict' }))).toEqual(new Set([null]));
  });

  test('span at most the interval in `interval`, and reach far into it', async () => {
    const spans = await spansOf({ mode: 'interval', syncEveryMs: intervalMs });
    const longest = Math.max(...spans.map((span) => span ?? 0));
    expect(longest).toBeLessThanOrEqual(intervalMs);
    // Else the syncs were not waited for, or nothing was lost at all.
    expect(longest).toBeGreaterThanOrEqual(intervalMs / 4);
  });

  test('may be all of them in `none`', async () => {
    const spans = await spansOf({ mode: 'none' });
    expect(Math.max(...spans.map((span) => span ?? 0))).toBeGreaterThan(5 * intervalMs);
  });
});
