import { type StorageFile, writeFully } from '../disk/storage.ts';
import type { Lsn } from '../model/position.ts';
import { shortened } from './log-presence.ts';
import { type EncodedRecord, encodeSeal, stampRecord } from './record.ts';
import { type Segment, segmentHeaderBytes } from './segment.ts';

/**
 * A write through to the disk takes a third less where the file has its blocks already, since no
 * change of the file's layout must be synced with it. So a group that reaches the end of the blocks
 * is followed by zeros, in the same write. Where that would be more than one group in sixteen, the
 * zeros cost more than they save. Figures in README.md.
 */
const paddingBytes = 512 * 1024;
const paddedGroupBytesMax = 32 * 1024;

/** What must be free for a full disk to count as having room again. */
const roomProbeBytes = 1024 * 1024;

const zeros = Buffer.alloc(roomProbeBytes);

/** Writes to the end of the last segment. Its calls must not overlap, but for `sync`. */
export class SegmentWriter {
  readonly segment: Segment;
  readonly #file: StorageFile;
  readonly #how: 'write' | 'writeThrough';
  readonly #bytesMax: number;
  /** Up to here the file has blocks. */
  #allocatedTo: number;

  /** `writeThrough`: what is written is durable when `write` returns. */
  constructor(
    segment: Segment,
    file: StorageFile,
    how: 'write' | 'writeThrough',
    bytesMax: number,
  ) {
    this.segment = segment;
    this.#file = file;
    this.#how = how;
    this.#bytesMax = bytesMax;
    this.#allocatedTo = segment.end;
  }

  get file(): StorageFile {
    return this.#file;
  }

  /** A segment holds at least one record, however large. */
  hasRoomFor(bytes: number): boolean {
    const { end } = this.segment;
    return end === segmentHeaderBytes || end + bytes <= this.#bytesMax;
  }

  /**
   * Throws `UNAVAILABLE` where the file is shorter than what was written to it. It is asked before
   * each write, since a write behind a file's end makes the file long again with a hole in it, and
   * after it. A file cut between the two is as long as it should be at the second question only
   * where the write reached the end of the file's blocks.
   */
  requireWhole(): void {
    const bytes = this.#file.sizeNow();
    if (bytes < this.#allocatedTo) throw shortened(this.#file.path, bytes, this.#allocatedTo);
  }

  /** `syncedTo` is what was durable before. */
  async write(group: readonly EncodedRecord[], syncedTo: Lsn): Promise<void> {
    const { segment } = this;
    this.requireWhole();
    const parts: Uint8Array[] = [];
    let end = segment.end;
    for (const record of group) {
      stampRecord(record, segment.salt, syncedTo);
      parts.push(...record.parts);
      end += record.bytes;
    }
    const padding = this.#paddingAfter(end);
    if (padding > 0) parts.push(zeros.subarray(0, padding));
    await writeFully(this.#file, this.#how, parts, segment.end);
    for (const record of group) {
      segment.noteRecord(record.lsn, segment.end);
      segment.end += record.bytes;
    }
    this.#allocatedTo = Math.max(this.#allocatedTo, end + padding);
    this.requireWhole();
  }

  sync(): Promise<void> {
    return this.#file.sync();
  }

  /** Takes back what a failed `write` left behind the last record. */
  async undo(): Promise<void> {
    this.#allocatedTo = this.segment.end;
    await this.#file.truncate(this.segment.end);
    await this.#file.sync();
  }

  /** Whether there is room to go on, by taking some. */
  async findRoom(): Promise<void> {
    const { end } = this.segment;
    await writeFully(this.#file, 'writeThrough', [zeros.subarray(0, roomProbeBytes)], end);
    this.#allocatedTo = end + roomProbeBytes;
  }

  /** Marks the end as whole. Everything written must be durable. */
  async seal(lastLsn: Lsn, chain: Uint8Array): Promise<void> {
    const { segment } = this;
    if (this.#allocatedTo > segment.end) await this.#file.truncate(segment.end);
    if (segment.end > segmentHeaderBytes) {
      const record = encodeSeal(lastLsn, chain);
      stampRecord(record, segment.salt, lastLsn);
      await writeFully(this.#file, 'write', record.parts, segment.end);
    }
    await this.#file.sync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #paddingAfter(end: number): number {
    const small = end - this.segment.end <= paddedGroupBytesMax;
    if (this.#how === 'write' || !small || end <= this.#allocatedTo) return 0;
    return Math.max(0, Math.min(paddingBytes, this.#bytesMax - end));
  }
}
