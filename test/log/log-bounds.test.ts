import { describe, expect, test, vi } from 'vitest';
import { recordBytes } from '../../engine/log/record.ts';
import { segmentHeaderBytes } from '../../engine/log/segment.ts';
import { limits } from '../../engine/model/limits.ts';
import { FaultyStorage } from '../fault/storage.ts';
import { GatedStorage } from './gated-storage.ts';
import { start } from './start-log.ts';

vi.mock('../../engine/model/limits.ts', async (original) => {
  const { limits } = await original<typeof import('../../engine/model/limits.ts')>();
  const small = {
    logRecordBytesMax: 4_000,
    logPendingBytesMax: 10_000,
    logSegmentBytesMax: 64 + 6_400,
  };
  return { limits: { ...limits, ...small } };
});

/** A payload whose record has so many bytes in all. */
function ofRecord(bytes: number): readonly Buffer[] {
  return [Buffer.alloc(bytes - recordBytes(0))];
}

describe('at its bounds the log', () => {
  test('takes a record of so many bytes, and none of one more', async () => {
    const { log, listener } = await start(new FaultyStorage());
    expect(log.append([Buffer.alloc(1_000), Buffer.alloc(limits.logRecordBytesMax - 1_000)])).toBe(
      1,
    );
    expect(() => log.append([Buffer.alloc(limits.logRecordBytesMax + 1)])).toThrow(
      expect.objectContaining({ code: 'LIMIT_EXCEEDED' }),
    );
    await listener.durable(1);
  });

  test('lets so many bytes wait for the disk, and not one record more', async () => {
    const gate = new GatedStorage(new FaultyStorage());
    const { log, listener } = await start(gate, { durability: { mode: 'none' } });
    gate.hold('write');
    for (const bytes of [4_000, 4_000]) log.append(ofRecord(bytes));
    const rest = limits.logPendingBytesMax - 8_000;
    expect(() => log.append(ofRecord(rest + 8))).toThrow(
      expect.objectContaining({ code: 'OVERLOADED', retryAfterMs: 100 }),
    );
    expect(log.append(ofRecord(rest))).toBe(3);
    expect(log.pending.bytes).toBe(limits.logPendingBytesMax);
    expect(() => log.append([])).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
    gate.release();
    await listener.durable(3);
    expect(log.append([])).toBe(4);
    await listener.durable(4);
  });

  test.each([
    ['one segment', 0, 1],
    ['two, for a record that is longer by the least there is', 8, 2],
  ])('writes what fits into a segment to %s', async (_, more, segments) => {
    const storage = new FaultyStorage();
    const { log, listener } = await start(storage);
    const half = (limits.logSegmentBytesMax - segmentHeaderBytes) / 2;
    for (const bytes of [half, half / 2, half / 2 + more]) {
      await listener.durable(log.append(ofRecord(bytes)));
    }
    expect(storage.paths()).toHaveLength(segments);
  });
});
