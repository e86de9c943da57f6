import type { StorageFile } from '../disk/storage.ts';
import { limits } from '../model/limits.ts';
import type { Lsn } from '../model/position.ts';
import { chainHolds, crcHolds, recordBytes, recordField, recordHeaderBytes } from './record.ts';
import { RecordReader } from './record-reader.ts';
import { type Segment, segmentHeaderBytes } from './segment.ts';

/**
 * Where a scan stopped. `sealed`: at the seal of a clean close. `bad`: at something that is no valid
 * record, be it zeros, a torn write or damage. `foreign`: at a whole record that does not follow
 * from those before it, which no crash leaves behind.
 */
export interface SegmentScan {
  readonly stop: 'end' | 'sealed' | 'bad' | 'foreign';
  /** Where the last valid record ends. */
  readonly end: number;
  readonly nextLsn: Lsn;
  /** The highest LSN that some record of the segment calls durable; 0 where none does. */
  readonly syncedTo: Lsn;
}

/**
 * Reads and checks a segment's records in order, hands each to `onRecord`, and fills the segment's
 * index. `chain` is the chain before the segment and is advanced in place.
 */
export async function scanSegment(
  file: StorageFile,
  segment: Segment,
  size: number,
  chain: Uint8Array,
  onRecord: (lsn: Lsn, payload: Uint8Array) => void | Promise<void>,
): Promise<SegmentScan> {
  const reader = new RecordReader(file, segment.salt, segmentHeaderBytes, size);
  let nextLsn = segment.firstLsn as number;
  let syncedTo = 0;
  const stopped = (stop: SegmentScan['stop']): SegmentScan => ({
    stop,
    end: reader.offset,
    nextLsn: nextLsn as Lsn,
    syncedTo: syncedTo as Lsn,
  });
  try {
    for (;;) {
      const step = reader.step();
      if (step === 'more') {
        await reader.fill();
        continue;
      }
      if (step !== 'record') return stopped(step);
      if (reader.syncedTo === reader.lsn) {
        const follows =
          reader.lsn === nextLsn - 1 &&
          reader.lsn >= segment.firstLsn &&
          recordField.chain(reader.bytes, reader.at).equals(chain);
        if (!follows) return stopped('foreign');
        syncedTo = reader.lsn;
        return stopped('sealed');
      }
      if (
        reader.lsn !== nextLsn ||
        !chainHolds(reader.bytes, reader.at, reader.payloadBytes, chain)
      ) {
        return stopped('foreign');
      }
      segment.noteRecord(nextLsn, reader.offset);
      nextLsn++;
      syncedTo = reader.syncedTo;
      const handled = onRecord(reader.lsn, reader.payload);
      if (handled) await handled;
    }
  } finally {
    await reader.close();
  }
}

export interface Remains {
  /** Bytes from the start up to the last that is not zero. */
  readonly bytes: number;
  /** A valid record that calls `expected` durable, where there is one. */
  readonly proof: { readonly lsn: Lsn; readonly offset: number } | null;
}

const pieceBytes = 4 * 1024 * 1024;

/**
 * Examines what follows the last valid record: the rest of a write that a crash cut short, or
 * damage? It is damage when some whole record behind it says that the record `expected` here was
 * durable when that one was written. Records of the unfinished write itself never say so, in
 * whatever order their sectors reached the disk.
 */
export async function examineRemains(
  file: StorageFile,
  salt: number,
  from: number,
  to: number,
  expected: Lsn,
): Promise<Remains> {
  const lsnMax = expected + (to - from) / recordHeaderBytes;
  // Pieces overlap by a header, so that each place is seen with the whole header behind it.
  const buffer = Buffer.allocUnsafeSlow(Math.min(pieceBytes, to - from) + recordHeaderBytes);
  let bytes = 0;
  for (let start = from; start < to; start += pieceBytes) {
    const held = await file.read(buffer.subarray(0, Math.min(buffer.length, to - start)), start);
    for (let at = 0; at < Math.min(held, pieceBytes); at += 8) {
      if (isZero(buffer, at, Math.min(at + 8, held))) continue;
      bytes = start + Math.min(at + 8, held) - from;
      if (at + recordHeaderBytes > held) continue;
      const lsn = recordField.lsn(buffer, at);
      const syncedTo = recordField.syncedTo(buffer, at);
      if (syncedTo < expected || lsn < syncedTo || lsn > lsnMax) continue;
      const offset = start + at;
      const payloadBytes = recordField.payloadBytes(buffer, at);
      if (payloadBytes > limits.logRecordBytesMax) continue;
      const length = recordBytes(payloadBytes);
      if (length > to - offset) continue;
      const record = Buffer.allocUnsafe(length);
      await file.read(record, offset);
      if (crcHolds(record, 0, length, salt)) return { bytes, proof: { lsn: lsn as Lsn, offset } };
    }
  }
  return { bytes, proof: null };
}

function isZero(bytes: Buffer, from: number, to: number): boolean {
  if (to - from === 8) return bytes.readInt32LE(from) === 0 && bytes.readInt32LE(from + 4) === 0;
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return false;
  return true;
}
