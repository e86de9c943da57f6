import { describe, expect, test } from 'vitest';
import { type AuditProof, verifyAudit } from '../../src/audit/verify-audit.ts';
import { FaultyStorage } from '../fault/storage.ts';
import { directory, openAudit, recordOf } from './recorded.ts';

const records = 40;

/** A log of several segments, closed in order. */
async function closed(): Promise<FaultyStorage> {
  const storage = new FaultyStorage();
  const { audit } = await openAudit(storage, 2_000);
  for (let number = 1; number <= records; number++) {
    audit.record(recordOf(number));
    await audit.settled();
  }
  await audit.close();
  return storage;
}

function segmentsOf(storage: FaultyStorage): string[] {
  return storage.paths().filter((path) => path.endsWith('.log'));
}

function firstOf(path: string): number {
  return Number(/(\d{20})\.log$/.exec(path)?.[1]);
}

function verify(storage: FaultyStorage): Promise<AuditProof> {
  return verifyAudit({ directory, storage });
}

/** Where the records of a segment begin, and how long the first is. */
const headerBytes = 64;
const recordHeaderBytes = 40;

describe('an audit log that nobody touched', () => {
  test('is whole: how many records, of which time, and the hash over all of them', async () => {
    const storage = await closed();
    const proof = await verify(storage);
    expect(proof).toMatchObject({ kind: 'whole', records, first: 1, last: records });
    expect(proof).toMatchObject({
      from: new Date(1_001).toISOString(),
      to: new Date(1_000 + records).toISOString(),
      chain: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(await verify(storage)).toEqual(proof);
  });

  test('is whole behind what its retention dropped', async () => {
    const storage = await closed();
    const [first = '', second = ''] = segmentsOf(storage);
    storage.takeAway(first);
    const held = firstOf(second);
    expect(await verify(storage)).toMatchObject({
      kind: 'whole',
      first: held,
      records: records - held + 1,
    });
  });

  test('is whole while it is written, up to what is durable', async () => {
    const storage = new FaultyStorage();
    const { audit } = await openAudit(storage, 2_000);
    for (let number = 1; number <= records; number++) audit.record(recordOf(number));
    await audit.settled();
    const durableLsn = audit.durableLsn;
    expect(await verifyAudit({ directory, storage, durableLsn })).toMatchObject({
      kind: 'whole',
      last: records,
    });
    const ahead = await verifyAudit({ directory, storage, durableLsn: durableLsn + 1 });
    expect(ahead).toMatchObject({ kind: 'broken', record: records + 1 });
    await audit.close();
  });
});

describe('names the first broken record where', () => {
  test('a byte was changed, whichever it is', async () => {
    const original = await closed();
    const segments = segmentsOf(original);
    for (const path of segments) {
      const { length } = original.contentOf(path);
      for (let offset = headerBytes; offset < length; offset += 97) {
        const storage = await closed();
        if (
          storage
            .contentOf(path)
            .subarray(offset)
            .every((byte) => byte === 0)
        )
          break;
        storage.flipBit(path, offset, 3);
        const proof = await verify(storage);
        expect(proof, `${path} at ${offset}`).toMatchObject({ kind: 'broken' });
        if (proof.kind !== 'broken') continue;
        expect(proof.record).toBeGreaterThanOrEqual(firstOf(path));
        expect(proof.record).toBeLessThanOrEqual(records + 1);
      }
    }
  });

  test('a record was cut out', async () => {
    const storage = await closed();
    const path = segmentsOf(storage)[1] as string;
    storage.overwrite(path, (bytes) => {
      const length = recordHeaderBytes + Math.ceil(bytes.readUInt32LE(headerBytes + 4) / 8) * 8;
      return Buffer.concat([bytes.subarray(0, headerBytes), bytes.subarray(headerBytes + length)]);
    });
    expect(await verify(storage)).toMatchObject({
      kind: 'broken',
      record: firstOf(path),
      segment: expect.stringContaining(String(firstOf(path))),
    });
  });

  test('a segment is gone', async () => {
    const storage = await closed();
    const path = segmentsOf(storage)[1] as string;
    storage.takeAway(path);
    expect(await verify(storage)).toMatchObject({ kind: 'broken', record: firstOf(path) });
  });

  test('two segments were swapped', async () => {
    const storage = await closed();
    const [, left = '', right = ''] = segmentsOf(storage);
    const [was, other] = [storage.contentOf(left), storage.contentOf(right)];
    storage.overwrite(left, () => other);
    storage.overwrite(right, () => was);
    expect(await verify(storage)).toMatchObject({ kind: 'broken', record: firstOf(left) });
  });

  test('the end was cut off, or written anew: told by what an earlier proof said of a record', async () => {
    const storage = await closed();
    const before = await verify(storage);
    if (before.kind !== 'whole') throw new Error(before.reason);
    const expected = { record: before.last, chain: before.chain };
    const again = () => verifyAudit({ directory, storage, expected });
    expect(await again()).toEqual(before);
    const path = segmentsOf(storage).at(-1) as string;
    // Half of the segment's first record is left.
    storage.overwrite(path, (bytes) => bytes.subarray(0, headerBytes + recordHeaderBytes + 20));
    const cut = await verify(storage);
    expect(cut).toMatchObject({ kind: 'whole', last: firstOf(path) - 1 });
    expect(cut.kind === 'whole' && cut.unfinishedBytes).toBeGreaterThan(0);
    expect(await again()).toMatchObject({ kind: 'broken', record: firstOf(path) });

    const { audit } = await openAudit(storage, 2_000);
    for (let number = firstOf(path); number <= records; number++) {
      audit.record(recordOf(number, { subject: 'somebody else' }));
    }
    await audit.close();
    expect(await verify(storage)).toMatchObject({ kind: 'whole', last: records });
    expect(await again()).toMatchObject({ kind: 'broken', record: records });
  });

  test('something else wrote the log', async () => {
    const storage = new FaultyStorage();
    const { openFileLog } = await import('../../engine/index.ts');
    const log = await openFileLog({ directory, durability: { mode: 'strict' }, storage });
    log.append([Buffer.from('{"tick":1}')]);
    await log.close();
    expect(await verify(storage)).toMatchObject({ kind: 'broken', record: 1 });
  });
});
