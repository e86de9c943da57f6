import type { StorageFile } from '../disk/storage.ts';
import { limits } from '../model/limits.ts';
import type { Lsn } from '../model/position.ts';
import { aligned } from '../vectors/aligned.ts';
import { crcHolds, recordBytes, recordField, recordHeaderBytes } from './record.ts';

/** Bytes of one read, less where the whole part to read is smaller. */
const windowBytesMax = 4 * 1024 * 1024;
/** Room before a window for the part of a record that the window before it ended with. */
const carryBytesMax = 1024 * 1024;

/**
 * `record`: the fields hold the next record. `more`: await `fill` and step again. `end`: nothing is
 * left. `bad`: what stands at `offset` is no valid record.
 */
export type Step = 'record' | 'more' | 'end' | 'bad';

/**
 * Reads the records of one file in order, in large pieces, the next piece while this one is in use.
 * Stepping is synchronous, so that millions of small records cost no promise each.
 *
 *     buffer:  ┌─── carry ───┬────────── window ───────────┐
 *              │     [carried][read from the file          ]
 *              └─────────────┴─────────────────────────────┘
 *
 * Records stand in the file at multiples of eight, and so they do in memory: an Arrow body inside a
 * payload can be read where it lies. `payload` is valid until the next `fill`.
 */
export class RecordReader {
  lsn = 0 as Lsn;
  syncedTo = 0 as Lsn;
  /** Where in the file the record (or what is bad) begins. */
  offset: number;
  /** Where in the file the next record begins. */
  nextOffset: number;

  readonly #file: StorageFile;
  readonly #salt: number;
  readonly #to: number;
  readonly #windowBytes: number;
  readonly #carryBytes: number;
  #buffer: Buffer;
  #spare: Buffer | null = null;
  /** The valid part of the buffer, and the file's offset at its beginning. */
  #start = 0;
  #filled = 0;
  #base: number;
  #ahead: { readonly from: number; readonly bytes: Promise<number> } | null = null;
  #payloadBytes = 0;
  /** Bytes from the next record's start that must be in the buffer to go on. */
  #wanted = recordHeaderBytes;

  /** `from` must be a record's place, `to` where reading ends. */
  constructor(file: StorageFile, salt: number, from: number, to: number) {
    this.#file = file;
    this.#salt = salt;
    this.#to = to;
    this.#windowBytes = Math.min(windowBytesMax, aligned(to - from));
    this.#carryBytes = Math.min(carryBytesMax, this.#windowBytes);
    this.#base = from;
    this.offset = from;
    this.nextOffset = from;
    this.#buffer = Buffer.alloc(0);
  }

  get payload(): Uint8Array {
    const start = this.#at(this.offset) + recordHeaderBytes;
    return this.#buffer.subarray(start, start + this.#payloadBytes);
  }

  /** The buffer that holds the record, for checks that want it whole, with the record's place. */
  get bytes(): Buffer {
    return this.#buffer;
  }

  get at(): number {
    return this.#at(this.offset);
  }

  get payloadBytes(): number {
    return this.#payloadBytes;
  }

  step(): Step {
    const start = this.nextOffset;
    this.offset = start;
    const left = this.#to - start;
    if (left === 0) return 'end';
    if (left < recordHeaderBytes) return 'bad';
    const at = this.#at(start);
    const held = this.#filled - at;
    if (held < recordHeaderBytes) return this.#more(recordHeaderBytes);
    const payloadBytes = recordField.payloadBytes(this.#buffer, at);
    if (payloadBytes > limits.logRecordBytesMax) return 'bad';
    const length = recordBytes(payloadBytes);
    if (length > left) return 'bad';
    if (held < length) return this.#more(length);
    if (!crcHolds(this.#buffer, at, length, this.#salt)) return 'bad';
    this.#payloadBytes = payloadBytes;
    this.lsn = recordField.lsn(this.#buffer, at) as Lsn;
    this.syncedTo = recordField.syncedTo(this.#buffer, at) as Lsn;
    this.nextOffset = start + length;
    return 'record';
  }

  /** Brings what `step` asked for into the buffer. */
  async fill(): Promise<void> {
    const keptFrom = this.#at(this.nextOffset);
    const kept = this.#filled - keptFrom;
    const readFrom = this.nextOffset + kept;
    if (kept > this.#carryBytes || this.#wanted > kept + this.#windowBytes) {
      await this.#fillLarge(keptFrom, kept, readFrom);
      return;
    }
    const ahead = this.#ahead?.from === readFrom ? this.#ahead : this.#readAhead(readFrom);
    const bytes = await ahead.bytes;
    this.#ahead = null;
    const next = this.#spare as Buffer;
    this.#buffer.copy(next, this.#carryBytes - kept, keptFrom, this.#filled);
    this.#spare = this.#buffer.byteLength === next.byteLength ? this.#buffer : null;
    this.#useBuffer(next, this.#carryBytes - kept, this.#carryBytes + bytes);
    const after = readFrom + bytes;
    if (after < this.#to) this.#readAhead(after);
  }

  /** To be called before the file is closed. */
  async close(): Promise<void> {
    await this.#ahead?.bytes.catch(() => {});
    this.#ahead = null;
  }

  /** A record larger than a window gets a buffer of its own size. */
  async #fillLarge(keptFrom: number, kept: number, readFrom: number): Promise<void> {
    await this.close();
    const large = Buffer.allocUnsafeSlow(Math.max(this.#wanted, kept));
    this.#buffer.copy(large, 0, keptFrom, this.#filled);
    const bytes = await this.#file.read(large.subarray(kept), readFrom);
    this.#require(kept + bytes);
    this.#useBuffer(large, 0, kept + bytes);
  }

  #readAhead(from: number): { readonly from: number; readonly bytes: Promise<number> } {
    this.#spare ??= Buffer.allocUnsafeSlow(this.#carryBytes + this.#windowBytes);
    const bytes = Math.min(this.#windowBytes, this.#to - from);
    const target = this.#spare.subarray(this.#carryBytes, this.#carryBytes + bytes);
    const read = this.#file.read(target, from).then((got) => this.#require(got, bytes));
    // Where reading stops before this piece, nobody asks for its outcome.
    read.catch(() => {});
    this.#ahead = { from, bytes: read };
    return this.#ahead;
  }

  #useBuffer(buffer: Buffer, start: number, filled: number): void {
    this.#buffer = buffer;
    this.#start = start;
    this.#filled = filled;
    this.#base = this.nextOffset;
  }

  #at(offset: number): number {
    return this.#start + (offset - this.#base);
  }

  #more(wanted: number): Step {
    this.#wanted = wanted;
    return 'more';
  }

  #require(got: number, wanted = this.#wanted): number {
    if (got < wanted) throw new Error(`${this.#file.path} grew shorter while it was read`);
    return got;
  }
}
