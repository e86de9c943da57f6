import { createHash, hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Lsn } from '../model/position.ts';
import { aligned } from '../vectors/aligned.ts';
import type { RecordMemory, RecordSlab } from './record-memory.ts';

/**
 * One record on disk, little-endian, a multiple of eight bytes so that the payload begins at one:
 *
 *     0      4        8          16     24       40         40 + length
 *     ┌──────┬────────┬──────────┬──────┬────────┬─────────┬─────────┐
 *     │ crc  │ length │ syncedTo │ lsn  │ chain  │ payload │ zeros   │
 *     └──────┴────────┴──────────┴──────┴────────┴─────────┴─────────┘
 *            └──────────────── under the crc ──────────────────────┘
 *                                └─ under the chain (with the chain before) ─┘
 *
 * - `crc` is CRC-32 begun from the segment's salt, a random number in its header. What a client
 *   wrote into a payload, or what lay on the disk before, can therefore never pass for a record.
 * - `syncedTo` is the last LSN known to be durable when this record was written. It tells a torn
 *   tail from damage: a bad record that a later, valid one calls durable was durable once.
 * - `chain` is the first half of SHA-256 over this record's LSN, the chain of the record before,
 *   and the payload.
 *
 * A record whose `syncedTo` is its own `lsn` is a seal: written last on a clean close, it has no
 * payload, repeats LSN and chain of the last record, and calls it durable.
 */
export const recordHeaderBytes = 40;
export const chainBytes = 16;

const lengthAt = 4;
const syncedAt = 8;
const lsnAt = 16;
const chainAt = 24;

/** Up to here a record is copied together to be hashed and written in one piece. */
const copiedBytesMax = 64 * 1024;

const zeros = new Uint8Array(8);

/** Bytes of a record with such a payload. */
export function recordBytes(payloadBytes: number): number {
  return recordHeaderBytes + aligned(payloadBytes);
}

/** A record ready to be stamped and written. */
export interface EncodedRecord {
  readonly lsn: Lsn;
  /** Header and padding included. */
  readonly bytes: number;
  readonly chain: Uint8Array;
  /** To be written one after the other; the first begins with the header. */
  readonly parts: readonly Uint8Array[];
  /** What to give back once it is written; null: its memory is its own. */
  readonly slab: RecordSlab | null;
}

/** A payload given in parts, as a record. Its header wants `stampRecord` before it is written. */
export function encodeRecord(
  lsn: Lsn,
  chainBefore: Uint8Array,
  parts: readonly Uint8Array[],
  payloadBytes: number,
  memory: RecordMemory,
): EncodedRecord {
  const bytes = recordBytes(payloadBytes);
  const space = bytes <= copiedBytesMax ? memory.reserve(bytes) : null;
  const head = space?.bytes ?? Buffer.allocUnsafe(recordHeaderBytes);
  head.writeUInt32LE(payloadBytes, lengthAt);
  writeLsn(head, lsn, lsnAt);
  head.set(chainBefore, chainAt);
  if (space) {
    let at = recordHeaderBytes;
    for (const part of parts) {
      head.set(part, at);
      at += part.byteLength;
    }
    const chain = shortHash(head.subarray(lsnAt, at));
    head.fill(0, at);
    head.set(chain, chainAt);
    return { lsn, bytes, chain, parts: [head], slab: space.slab };
  }
  const hasher = createHash('sha256').update(head.subarray(lsnAt));
  for (const part of parts) hasher.update(part);
  const chain = hasher.digest().subarray(0, chainBytes);
  head.set(chain, chainAt);
  const padding = zeros.subarray(0, aligned(payloadBytes) - payloadBytes);
  return { lsn, bytes, chain, parts: [head, ...parts, padding], slab: null };
}

/** The seal that follows the record with this LSN and chain. */
export function encodeSeal(lastLsn: Lsn, chain: Uint8Array): EncodedRecord {
  const head = Buffer.alloc(recordHeaderBytes);
  writeLsn(head, lastLsn, lsnAt);
  head.set(chain, chainAt);
  return { lsn: lastLsn, bytes: recordHeaderBytes, chain, parts: [head], slab: null };
}

/** Completes a record's header when its segment and what is durable by then are known. */
export function stampRecord(record: EncodedRecord, salt: number, syncedTo: Lsn): void {
  const head = record.parts[0] as Buffer;
  writeLsn(head, syncedTo, syncedAt);
  let crc = crc32(head.subarray(lengthAt), salt);
  for (let i = 1; i < record.parts.length; i++) crc = crc32(record.parts[i] ?? zeros, crc);
  head.writeUInt32LE(crc, 0);
}

/** Reads fields of the record that begins at `at`. */
export const recordField = {
  payloadBytes: (bytes: Buffer, at: number): number => bytes.readUInt32LE(at + lengthAt),
  syncedTo: (bytes: Buffer, at: number): number => readLsn(bytes, at + syncedAt),
  lsn: (bytes: Buffer, at: number): number => readLsn(bytes, at + lsnAt),
  chain: (bytes: Buffer, at: number): Buffer =>
    bytes.subarray(at + chainAt, at + chainAt + chainBytes),
};

/** `length` is the whole record's. */
export function crcHolds(bytes: Buffer, at: number, length: number, salt: number): boolean {
  return crc32(bytes.subarray(at + lengthAt, at + length), salt) === bytes.readUInt32LE(at);
}

/**
 * Checks the record at `at` against the chain before it and, where it holds, advances `chain` in
 * place. Overwrites the record's own chain in `bytes`, so that what is hashed lies in one piece.
 */
export function chainHolds(
  bytes: Buffer,
  at: number,
  payloadBytes: number,
  chain: Uint8Array,
): boolean {
  const start = at + chainAt;
  const stored = chainScratch;
  bytes.copy(stored, 0, start, start + chainBytes);
  bytes.set(chain, start);
  const actual = shortHash(bytes.subarray(at + lsnAt, at + recordHeaderBytes + payloadBytes));
  if (!stored.equals(actual)) return false;
  chain.set(actual);
  return true;
}

const chainScratch = Buffer.alloc(chainBytes);

function shortHash(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer').subarray(0, chainBytes);
}

function writeLsn(bytes: Buffer, lsn: number, at: number): void {
  bytes.writeUInt32LE(lsn % 0x1_0000_0000, at);
  bytes.writeUInt32LE(Math.floor(lsn / 0x1_0000_0000), at + 4);
}

function readLsn(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 0x1_0000_0000;
}
