import { crc32 } from 'node:zlib';
import type { Lsn } from '../model/position.ts';
import { chainBytes } from './record.ts';

/**
 * A segment is a file of records, named by its first LSN. It begins with a header, little-endian:
 *
 *     0       8         12      16         24      40     44    60   64
 *     ┌───────┬─────────┬───────┬──────────┬───────┬──────┬─────┬────┐
 *     │ magic │ version │ shard │ firstLsn │ chain │ salt │ 0   │ crc│
 *     └───────┴─────────┴───────┴──────────┴───────┴──────┴─────┴────┘
 *
 * `chain` is that of the last record before the segment, `crc` covers all before it. A segment gets
 * its name only when its header is durable, and the next one begins only when everything in this
 * one is durable: whatever is unreadable in an earlier segment, or in a header, is damage and never
 * the trace of a crash.
 */
export const segmentHeaderBytes = 64;

const magic = Buffer.from('TICKLOG\0', 'latin1');
const version = 1;
const crcAt = segmentHeaderBytes - 4;

/** How much of a segment lies between two entries of its index. */
const indexStrideBytes = 1024 * 1024;

export interface SegmentHeader {
  readonly firstLsn: Lsn;
  readonly chain: Uint8Array;
  readonly salt: number;
}

/** A segment as the open log knows it. */
export class Segment {
  readonly path: string;
  readonly firstLsn: Lsn;
  readonly salt: number;
  /** Where its records end. */
  end: number;
  /** Places of some records, one a stride, ascending; grows as the segment is scanned or written. */
  readonly #indexLsns: number[] = [];
  readonly #indexOffsets: number[] = [];

  constructor(path: string, header: SegmentHeader, end: number) {
    this.path = path;
    this.firstLsn = header.firstLsn;
    this.salt = header.salt;
    this.end = end;
  }

  /** To be told of records in order. */
  noteRecord(lsn: number, offset: number): void {
    const last = this.#indexOffsets.at(-1);
    if (last !== undefined && offset - last < indexStrideBytes) return;
    this.#indexLsns.push(lsn);
    this.#indexOffsets.push(offset);
  }

  /** The offset of some record at or before `lsn`, at most about a stride before. */
  offsetNear(lsn: number): number {
    let low = 0;
    let high = this.#indexLsns.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#indexLsns[middle] ?? 0) <= lsn) low = middle + 1;
      else high = middle;
    }
    return this.#indexOffsets[low - 1] ?? segmentHeaderBytes;
  }
}

export function segmentName(firstLsn: Lsn): string {
  return `${String(firstLsn).padStart(20, '0')}.log`;
}

/** The first LSN that a file's name states, null where it is no segment's name. */
export function firstLsnOfName(name: string): Lsn | null {
  const match = /^(\d{20})\.log$/.exec(name);
  const lsn = match ? Number(match[1]) : Number.NaN;
  return Number.isSafeInteger(lsn) ? (lsn as Lsn) : null;
}

/** `shard` is 0 while a title has one log. */
export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(segmentHeaderBytes);
  bytes.set(magic, 0);
  bytes.writeUInt32LE(version, 8);
  bytes.writeUInt32LE(0, 12);
  bytes.writeBigUInt64LE(BigInt(header.firstLsn), 16);
  bytes.set(header.chain, 24);
  bytes.writeUInt32LE(header.salt, 24 + chainBytes);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, crcAt)), crcAt);
  return bytes;
}

/** The header, or what is wrong with it. */
export function decodeSegmentHeader(bytes: Buffer): SegmentHeader | string {
  if (bytes.byteLength < segmentHeaderBytes) return 'its header is cut short';
  if (crc32(bytes.subarray(0, crcAt)) !== bytes.readUInt32LE(crcAt)) {
    return 'the checksum of its header does not hold';
  }
  if (!bytes.subarray(0, magic.byteLength).equals(magic)) return 'it is not a segment of a log';
  const found = bytes.readUInt32LE(8);
  if (found !== version) return `it is of format version ${found}, this program reads ${version}`;
  return {
    firstLsn: Number(bytes.readBigUInt64LE(16)) as Lsn,
    chain: Uint8Array.from(bytes.subarray(24, 24 + chainBytes)),
    salt: bytes.readUInt32LE(24 + chainBytes),
  };
}
