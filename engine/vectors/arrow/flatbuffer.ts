import { utf8 } from '../../model/utf8.ts';
import { ArrowDamage } from './arrow-damage.ts';

/**
 * Reads flatbuffers that lie in a body from outside, one at a time, with every offset and length
 * checked: the readers that flatbuffers generates believe them, and a flipped bit in a length makes
 * them loop for minutes. Throws `ArrowDamage` for what does not lie within the flatbuffer.
 *
 * Tables and vectors are their places in the body, plain numbers, so that reading makes no
 * garbage; 0 stands for one that is not there (no table begins at the body's first byte).
 *
 * Layout: https://flatbuffers.dev/internals
 */
export class Flatbuffer {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  #start = 0;
  #end = 0;
  /** Tables that may still be read of this flatbuffer: offsets may lead to one again and again. */
  #tablesLeft = 0;

  constructor(body: Uint8Array) {
    this.#bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    this.#view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  }

  /** Turns to the flatbuffer from `start` to `end` of the body; gives its root table. */
  root(start: number, end: number): number {
    this.#start = start;
    this.#end = end;
    this.#tablesLeft = (end - start) >>> 2;
    return this.#follow(start);
  }

  /** FNV-1a of the words from `start` to `end`; up to three bytes at the end are left out. */
  hash(start: number, end: number): number {
    let hash = 0x811c9dc5 ^ (end - start);
    for (let at = start; at + 4 <= end; at += 4) {
      hash = Math.imul(hash ^ this.#view.getInt32(at, true), 0x01000193);
    }
    return hash;
  }

  /** Whether the bytes from `start` to `end` are the given ones. */
  equals(start: number, end: number, bytes: Uint8Array): boolean {
    return this.#bytes.compare(bytes, 0, bytes.length, start, end) === 0;
  }

  copy(start: number, end: number): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(start, end));
  }

  has(table: number, slot: number): boolean {
    return this.#field(table, slot, 1) !== 0;
  }

  uint8(table: number, slot: number): number {
    const at = this.#field(table, slot, 1);
    return at === 0 ? 0 : this.#view.getUint8(at);
  }

  int16(table: number, slot: number): number {
    const at = this.#field(table, slot, 2);
    return at === 0 ? 0 : this.#view.getInt16(at, true);
  }

  int32(table: number, slot: number): number {
    const at = this.#field(table, slot, 4);
    return at === 0 ? 0 : this.#view.getInt32(at, true);
  }

  /** See `wideAt`. */
  wide(table: number, slot: number): number {
    const at = this.#field(table, slot, 8);
    return at === 0 ? 0 : this.wideAt(at);
  }

  table(table: number, slot: number): number {
    const at = this.#field(table, slot, 4);
    return at === 0 ? 0 : this.#follow(at);
  }

  /** A vector all of whose elements lie within the flatbuffer. */
  vector(table: number, slot: number, elementBytes: number): number {
    const field = this.#field(table, slot, 4);
    if (field === 0) return 0;
    const at = field + this.#view.getUint32(field, true);
    this.#require(at, 4);
    this.#require(at, 4 + this.#view.getUint32(at, true) * elementBytes);
    return at;
  }

  lengthOf(vector: number): number {
    return vector === 0 ? 0 : this.#view.getUint32(vector, true);
  }

  /** Element `index`, which must be below the length, of a vector of tables. */
  tableIn(vector: number, index: number): number {
    return this.#follow(vector + 4 + index * 4);
  }

  text(table: number, slot: number): string | null {
    const vector = this.vector(table, slot, 1);
    if (vector === 0) return null;
    const start = vector + 4;
    return utf8.decode(this.#bytes.subarray(start, start + this.lengthOf(vector)));
  }

  /**
   * The 64-bit number at a place within a checked vector. Exact as far as a double is; whoever
   * takes it checks it against a bound that is exact.
   */
  wideAt(at: number): number {
    return this.#view.getInt32(at + 4, true) * 0x1_0000_0000 + this.#view.getUint32(at, true);
  }

  /** Where the field's value lies, `bytes` long; 0 where the table does not have it. */
  #field(table: number, slot: number, bytes: number): number {
    const vtable = table - this.#view.getInt32(table, true);
    this.#require(vtable, 4);
    const vtableBytes = this.#view.getUint16(vtable, true);
    this.#require(vtable, vtableBytes);
    if ((vtableBytes & 1) !== 0) throw new ArrowDamage('a message has half a field');
    const entry = 4 + slot * 2;
    if (entry >= vtableBytes) return 0;
    const offset = this.#view.getUint16(vtable + entry, true);
    if (offset === 0) return 0;
    this.#require(table, offset + bytes);
    return table + offset;
  }

  /** The table that the offset at `at` leads to. */
  #follow(at: number): number {
    this.#require(at, 4);
    const table = at + this.#view.getUint32(at, true);
    this.#require(table, 4);
    if (--this.#tablesLeft < 0) throw new ArrowDamage('more tables than the buffer can hold');
    return table;
  }

  #require(at: number, bytes: number): void {
    if (at < this.#start || at + bytes > this.#end) {
      throw new ArrowDamage('a message points beyond itself');
    }
  }
}
