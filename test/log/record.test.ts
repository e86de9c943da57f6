import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  chainBytes,
  chainHolds,
  encodeRecord,
  encodeSeal,
  recordBytes,
  stampRecord,
} from '../../engine/log/record.ts';
import { RecordMemory } from '../../engine/log/record-memory.ts';
import { RecordReader } from '../../engine/log/record-reader.ts';
import { asLsn } from '../../engine/model/position.ts';
import { FaultyStorage } from '../fault/storage.ts';

const memory = new RecordMemory();
const payloadParts = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 4 });
const lsns = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }).map(asLsn);
const salts = fc.integer({ min: 0, max: 0xffff_ffff });
const chains = fc.uint8Array({ minLength: chainBytes, maxLength: chainBytes });

async function readerOf(bytes: Uint8Array, salt: number): Promise<RecordReader> {
  const storage = new FaultyStorage();
  await storage.makeDirectory('/log');
  const file = await storage.create('/log/f');
  if (bytes.byteLength > 0) await file.write([bytes], 0);
  return new RecordReader(file, salt, 0, bytes.byteLength);
}

async function nextStep(reader: RecordReader): Promise<string> {
  for (;;) {
    const step = reader.step();
    if (step !== 'more') return step;
    await reader.fill();
  }
}

function encoded(lsn: number, chain: Uint8Array, parts: Uint8Array[], salt: number): Buffer {
  const payloadBytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
  const record = encodeRecord(asLsn(lsn), chain, parts, payloadBytes, memory);
  stampRecord(record, salt, asLsn(lsn - 1));
  return Buffer.concat(record.parts);
}

describe('a record', () => {
  test('reads back as it was encoded, at any LSN, salt and chain', async () => {
    await fc.assert(
      fc.asyncProperty(lsns, salts, chains, payloadParts, async (lsn, salt, chain, parts) => {
        const bytes = encoded(lsn, chain, parts, salt);
        const reader = await readerOf(bytes, salt);
        expect(await nextStep(reader)).toBe('record');
        expect(reader.lsn).toBe(lsn);
        expect(reader.syncedTo).toBe(lsn - 1);
        expect(Buffer.from(reader.payload)).toEqual(Buffer.concat(parts));
        expect(bytes.length).toBe(recordBytes(reader.payload.byteLength));
        expect(bytes.length % 8).toBe(0);
        expect(chainHolds(reader.bytes, reader.at, reader.payloadBytes, chain.slice())).toBe(true);
        expect(await nextStep(reader)).toBe('end');
      }),
    );
  });

  test('is not valid with any one bit changed, its padding included', async () => {
    await fc.assert(
      fc.asyncProperty(salts, payloadParts, fc.nat(), async (salt, parts, where) => {
        const bytes = encoded(7, new Uint8Array(chainBytes), parts, salt);
        const bit = where % (bytes.length * 8);
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(await nextStep(await readerOf(bytes, salt))).toBe('bad');
      }),
    );
  });

  test('is not valid in a segment with another salt', async () => {
    await fc.assert(
      fc.asyncProperty(salts, salts, payloadParts, async (salt, other, parts) => {
        fc.pre(salt !== other);
        const bytes = encoded(1, new Uint8Array(chainBytes), parts, salt);
        expect(await nextStep(await readerOf(bytes, other))).toBe('bad');
      }),
    );
  });

  test('does not follow from another chain than its own', async () => {
    await fc.assert(
      fc.asyncProperty(chains, chains, payloadParts, async (chain, other, parts) => {
        fc.pre(Buffer.compare(chain, other) !== 0);
        const reader = await readerOf(encoded(1, chain, parts, 5), 5);
        expect(await nextStep(reader)).toBe('record');
        expect(chainHolds(reader.bytes, reader.at, reader.payloadBytes, other.slice())).toBe(false);
      }),
    );
  });

  test('has one chain whether it is copied together or written in parts', () => {
    const chain = new Uint8Array(chainBytes).fill(3);
    for (const bytes of [10, 64 * 1024, 200_003]) {
      const payload = Buffer.alloc(bytes, 9);
      const whole = encodeRecord(asLsn(5), chain, [payload], bytes, memory);
      const split = encodeRecord(
        asLsn(5),
        chain,
        [payload.subarray(0, 3), payload.subarray(3)],
        bytes,
        memory,
      );
      stampRecord(whole, 77, asLsn(1));
      stampRecord(split, 77, asLsn(1));
      expect(Buffer.concat(whole.parts).equals(Buffer.concat(split.parts))).toBe(true);
    }
  });

  test('is told from a seal, which calls itself durable', async () => {
    const seal = encodeSeal(asLsn(4), new Uint8Array(chainBytes).fill(1));
    stampRecord(seal, 1, asLsn(4));
    const reader = await readerOf(Buffer.concat(seal.parts), 1);
    expect(await nextStep(reader)).toBe('record');
    expect(reader.lsn).toBe(reader.syncedTo);
  });

  test('larger than a window, and cut by the end of one, reads back whole', async () => {
    const sizes = [5_000_000, 10, 3_900_000, 100_000, 1_500_000, 9_000_000, 8, 4_194_264, 24];
    let chain: Uint8Array = new Uint8Array(chainBytes);
    const pieces: Buffer[] = [];
    for (const [i, bytes] of sizes.entries()) {
      const record = encodeRecord(asLsn(i + 1), chain, [Buffer.alloc(bytes, i + 1)], bytes, memory);
      stampRecord(record, 3, asLsn(i));
      chain = record.chain;
      pieces.push(...record.parts.map((part) => Buffer.from(part)));
    }
    const reader = await readerOf(Buffer.concat(pieces), 3);
    for (const [i, bytes] of sizes.entries()) {
      expect(await nextStep(reader)).toBe('record');
      expect(reader.lsn).toBe(i + 1);
      expect(reader.payload.byteLength).toBe(bytes);
      expect(reader.payload.byteOffset % 8).toBe(0);
      expect(reader.payload.every((byte) => byte === i + 1)).toBe(true);
    }
    expect(await nextStep(reader)).toBe('end');
  });
});
