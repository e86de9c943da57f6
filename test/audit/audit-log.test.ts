import { describe, expect, test } from 'vitest';
import { decodeRecord, encodeRecord } from '../../src/audit/audit-record.ts';
import { servingLimits } from '../../src/serving-limits.ts';
import { FaultyStorage } from '../fault/storage.ts';
import { kept, numbersOf, openAudit, recordOf, refusalOf } from './recorded.ts';

const {
  auditWaitingRecordsMax,
  auditWaitingBytesMax,
  auditRefusalsToldMax,
  auditRefusalWindowMs,
  auditRecordBytesMax,
  auditSegmentBytesMax,
} = servingLimits;

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

describe('a record', () => {
  test('comes back from its bytes as it was', () => {
    const record = recordOf(1, {
      address: '192.0.2.1',
      table: 'unitState',
      columns: ['x', 'y'],
      rowsRead: 12,
      times: 3,
      details: { sql: 'SELECT 1', columns: null, times: 1 },
    });
    expect(decodeRecord(encodeRecord(record))).toEqual(record);
  });

  test('is within its bound whatever clients make up, and says what was cut', () => {
    const long = 'x'.repeat(auditRecordBytesMax);
    const record = recordOf(1, { subject: long, client: long, details: { sql: long } });
    const bytes = encodeRecord(record);
    expect(bytes.byteLength).toBeLessThan(auditRecordBytesMax);
    const { subject, client, details } = decodeRecord(bytes);
    const shown = `${'x'.repeat(servingLimits.auditTextCharsMax)}…`;
    expect([subject, client]).toEqual([shown, shown]);
    expect(details).toMatchObject({ left: expect.stringContaining('too long') });
  });
});

describe('the audit log', () => {
  test('holds what was recorded, in order, once it is settled', async () => {
    const storage = new FaultyStorage();
    const { audit } = await openAudit(storage);
    for (const number of numbers(1, 20)) audit.record(recordOf(number));
    await audit.settled();
    expect(audit.durableLsn).toBe(20);
    expect(audit.waiting).toEqual({ records: 0, bytes: 0 });
    storage.restart('power');
    expect(numbersOf(await kept(storage))).toEqual(numbers(1, 20));
  });

  test('lies in segments of its own bound (auditSegmentBytesMax)', async () => {
    const storage = new FaultyStorage();
    const { audit } = await openAudit(storage);
    const details = { sql: 'x'.repeat(15_000) };
    const count = Math.ceil(auditSegmentBytesMax / 15_000) + 10;
    for (let number = 1; number <= count; number += 100) {
      for (let i = 0; i < 100; i++) audit.record(recordOf(number + i, { details }));
      await audit.settled();
    }
    await audit.close();
    const segments = storage.paths().filter((path) => path.endsWith('.log'));
    expect(segments).toHaveLength(2);
    expect(storage.contentOf(segments[0] as string).length).toBeLessThanOrEqual(
      auditSegmentBytesMax,
    );
  });

  test('goes on behind what it held, though it reads only its last segment at start', async () => {
    const storage = new FaultyStorage();
    const first = await openAudit(storage, 2_000);
    for (const number of numbers(1, 40)) {
      first.audit.record(recordOf(number));
      await first.audit.settled();
    }
    await first.audit.close();
    expect(storage.paths().length).toBeGreaterThan(2);
    const { audit } = await openAudit(storage, 2_000);
    audit.record(recordOf(41));
    await audit.close();
    expect(numbersOf(await kept(storage))).toEqual(numbers(1, 41));
  });

  test('loses no settled record, and keeps the order of the others, wherever power fails', async () => {
    const work = async (storage: FaultyStorage) => {
      let settled = 0;
      try {
        const { audit } = await openAudit(storage, 2_000);
        for (const number of numbers(1, 12)) {
          audit.record(recordOf(number));
          await Promise.race([audit.settled(), storage.whenCrashed]);
          if (storage.crashed) break;
          settled = number;
        }
        await Promise.race([audit.close(), storage.whenCrashed]);
      } catch {}
      return settled;
    };
    const whole = new FaultyStorage();
    await work(whole);
    expect(whole.calls).toBeGreaterThan(20);
    for (let at = 1; at <= whole.calls; at++) {
      const storage = new FaultyStorage({
        seed: at,
        faults: [{ kind: 'crash', moment: 'during', at }],
      });
      const settled = await work(storage);
      storage.restart('power');
      const { audit } = await openAudit(storage, 2_000);
      await audit.close();
      const found = numbersOf(await kept(storage));
      expect(found, `crash at call ${at}`).toEqual(numbers(1, found.length));
      expect(found.length, `crash at call ${at}`).toBeGreaterThanOrEqual(settled);
    }
  });
});

describe('a full disk', () => {
  test('has records wait in memory; with room again each is written once, in order', async () => {
    const storage = new FaultyStorage();
    const { audit, timers, told } = await openAudit(storage);
    audit.record(recordOf(1));
    await audit.settled();
    storage.capacityBytes = 0;
    // More than the blocks that the file has already.
    const details = { sql: 'x'.repeat(5_000) };
    for (const number of numbers(2, 300)) audit.record(recordOf(number, { details }));
    await expect.poll(() => audit.state).toBe('waiting');
    const before = audit.waiting.records;
    for (const number of numbers(301, 400)) audit.record(recordOf(number));
    expect(audit.waiting.records).toBe(before + 100);
    expect(() => audit.admit()).not.toThrow();
    expect(audit.trouble).toContain('full');
    expect(told.of('error')).toEqual([expect.stringContaining('wait in memory')]);

    storage.capacityBytes = Number.POSITIVE_INFINITY;
    timers.fire();
    await audit.settled();
    expect([audit.state, audit.trouble]).toEqual(['ok', null]);
    await audit.close();
    expect(numbersOf(await kept(storage))).toEqual(numbers(1, 400));
  });

  test('past the bound refuses what would be recorded, before it is done, and takes it with room again', async () => {
    const storage = new FaultyStorage();
    const { audit, timers } = await openAudit(storage);
    storage.capacityBytes = 0;
    for (const number of numbers(1, auditWaitingRecordsMax)) {
      audit.admit();
      audit.record(recordOf(number));
    }
    expect(audit.state).toBe('refusing');
    expect(() => audit.admit()).toThrow(
      expect.objectContaining({ code: 'UNAVAILABLE', retryAfterMs: expect.any(Number) }),
    );
    // What was admitted before is recorded still.
    audit.record(recordOf(auditWaitingRecordsMax + 1));

    await expect.poll(() => audit.trouble).not.toBeNull();
    storage.capacityBytes = Number.POSITIVE_INFINITY;
    timers.fire();
    await audit.settled();
    expect(() => audit.admit()).not.toThrow();
    await audit.close();
    expect(numbersOf(await kept(storage))).toEqual(numbers(1, auditWaitingRecordsMax + 1));
  });

  test('counts refusals past the bound without keeping each, and tells the count later', async () => {
    const storage = new FaultyStorage();
    const { audit, timers } = await openAudit(storage);
    storage.capacityBytes = 0;
    for (const number of numbers(1, auditWaitingRecordsMax)) audit.record(recordOf(number));
    for (const number of numbers(1, 5_000)) audit.record(refusalOf(number));
    expect(audit.waiting.records).toBe(auditWaitingRecordsMax);
    await expect.poll(() => audit.trouble).not.toBeNull();
    storage.capacityBytes = Number.POSITIVE_INFINITY;
    timers.fire();
    await audit.settled();
    timers.fire();
    await audit.close();
    const refused = (await kept(storage)).filter(({ outcome }) => outcome === 'refused');
    expect(refused).toEqual([refusalOf(5_000, { times: 5_000 })]);
  });

  test('is waited for within a bound of bytes, too (auditWaitingBytesMax)', async () => {
    const storage = new FaultyStorage();
    const { audit } = await openAudit(storage);
    storage.capacityBytes = 0;
    const details = { sql: 'x'.repeat(15_000) };
    let records = 0;
    while (audit.state !== 'refusing') audit.record(recordOf(++records, { details }));
    expect(records).toBeLessThan(auditWaitingRecordsMax);
    expect(audit.waiting.bytes).toBeGreaterThanOrEqual(auditWaitingBytesMax);
    expect(audit.waiting.bytes).toBeLessThan(auditWaitingBytesMax + 16_000);
    expect(() => audit.admit()).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }));
  });

  test('at the end of the server leaves what waits in its own log', async () => {
    const storage = new FaultyStorage();
    const { audit, told } = await openAudit(storage);
    storage.capacityBytes = 0;
    audit.record(recordOf(7));
    await expect.poll(() => audit.trouble).not.toBeNull();
    await audit.close();
    const [line] = told.lines.filter(({ text }) => text.includes('could not be kept'));
    expect(line).toMatchObject({ level: 'error', details: { audit: { requestId: 'request-7' } } });
  });
});

test('a failed sync is final: nothing more counts as durable, records wait, then all is refused', async () => {
  const storage = new FaultyStorage();
  const { audit, told } = await openAudit(storage);
  audit.record(recordOf(1));
  await audit.settled();
  storage.inject({ kind: 'error', call: 'writeThrough', code: 'EIO' });
  audit.record(recordOf(2));
  await expect(audit.settled()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  audit.record(recordOf(3));
  await expect(audit.settled()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect([audit.state, audit.durableLsn, audit.waiting.records]).toEqual(['waiting', 1, 2]);
  expect(told.of('fatal')).toEqual([expect.stringContaining('the audit log stopped')]);
  for (const number of numbers(4, auditWaitingRecordsMax + 1)) audit.record(recordOf(number));
  expect(() => audit.admit()).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }));
});

describe('the same refusal over and over', () => {
  test('is one record at once, and one with their number when the window ends', async () => {
    const storage = new FaultyStorage();
    const { audit, timers } = await openAudit(storage);
    // Another request each time: that makes it no other refusal.
    for (const number of numbers(1, 1_000)) audit.record(refusalOf(number));
    audit.record(refusalOf(1, { subject: 'another' }));
    expect(timers.delays).toEqual([auditRefusalWindowMs]);
    timers.fire();
    for (const number of numbers(1, 2)) audit.record(refusalOf(number));
    await audit.close();
    expect(await kept(storage)).toEqual([
      refusalOf(1),
      refusalOf(1, { subject: 'another' }),
      refusalOf(1_000, { times: 999 }),
      refusalOf(1),
      refusalOf(2),
    ]);
  });

  test('from ever new places is one record for the rest, with their number', async () => {
    const storage = new FaultyStorage();
    const { audit } = await openAudit(storage);
    for (const number of numbers(1, auditRefusalsToldMax + 50)) {
      audit.record(refusalOf(number, { address: `192.0.2.${number}` }));
    }
    await audit.close();
    const records = await kept(storage);
    expect(records).toHaveLength(auditRefusalsToldMax + 1);
    expect(records.at(-1)).toMatchObject({
      action: 'refusal.others',
      outcome: 'refused',
      times: 50,
    });
  });
});
