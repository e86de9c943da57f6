import { utf8 } from '../../model/utf8.ts';
import { hashBytes } from '../../state/byte-pool.ts';
import type { ColumnVector } from '../../vectors/column-vector.ts';
import type { CapturedChunk, PartRows } from '../checkpoint/checkpoint-part.ts';
import { assertBinaryBytes, binaryOf, partColumn } from '../checkpoint/part-columns.ts';
import type { TextNumbers } from './text-numbers.ts';

/** The column of a dictionary's texts in a checkpoint, in the order of their numbers. */
const textColumn = partColumn('text', 'string');

/**
 * Numbers distinct byte strings from 0 in the order they are first seen. Looks bytes up where they
 * lie in a column's data, so that a string seen before is neither decoded nor copied. All bytes
 * lie in one array; a text is decoded when it is first asked for, and kept with the newest others.
 * For sources whose rows only come: no number is ever free again.
 */
export class ByteDictionary implements PartRows, TextNumbers {
  readonly columns = [textColumn];
  #size = 0;
  #data = new Uint8Array(64);
  /** `ends[id + 1]` is the end of `id`, `ends[id]` its start. */
  #ends = new Uint32Array(16);
  #hashes = new Uint32Array(8);
  #slots = new Uint32Array(16);
  readonly #texts = new Map<number, string>();
  #lastText: string | null = null;
  #lastId = 0;

  get size(): number {
    return this.#size;
  }

  id(data: Uint8Array, start: number, end: number): number {
    const hash = hashOf(data, start, end);
    const known = this.#find(data, start, end, hash);
    return known >= 0 ? known : this.#add(data, start, end, hash);
  }

  /** -1 for a text that has no number. */
  find(text: string): number {
    const bytes = encoder.encode(text);
    return this.#find(bytes, 0, bytes.length, hashOf(bytes, 0, bytes.length));
  }

  /** As `id`, remembering the last text: a tick has one session, and the next tick often the same. */
  idOfText(text: string): number {
    if (text !== this.#lastText) {
      const bytes = encoder.encode(text);
      this.#lastId = this.id(bytes, 0, bytes.length);
      this.#lastText = text;
    }
    return this.#lastId;
  }

  text(id: number): string {
    let text = this.#texts.get(id);
    if (text === undefined) {
      text = utf8.decode(this.bytes(id));
      if (this.#texts.size >= textsDecodedMax) this.#texts.clear();
      this.#texts.set(id, text);
    }
    return text;
  }

  bytes(id: number): Uint8Array {
    return this.#data.subarray(this.#ends[id], this.#ends[id + 1]);
  }

  compare(left: number, right: number): number {
    return left === right ? 0 : Buffer.compare(this.bytes(left), this.bytes(right));
  }

  /** Every number is held for good. */
  retain(): void {}

  release(): void {}

  get memoryBytes(): number {
    const { length: dataBytes } = this.#data;
    return dataBytes + this.#ends.byteLength + this.#hashes.byteLength + this.#slots.byteLength;
  }

  /** Copies nothing now: bytes stay where they came to lie, also in an array that was outgrown. */
  capture(from: number, to: number): CapturedChunk {
    const ends = this.#ends;
    const start = ends[from] as number;
    const data = this.#data.subarray(start, ends[to]);
    return (memory) => {
      assertBinaryBytes(textColumn, data.length);
      const offsets = memory.int32s(to - from + 1);
      for (let i = 0; i < offsets.length; i++) offsets[i] = (ends[from + i] as number) - start;
      const length = to - from;
      const texts = { column: textColumn, length, offsets, data, validity: null };
      return { length, vectors: [{ layout: 'binary', ...texts }] };
    };
  }

  load(pieces: readonly (readonly ColumnVector[])[]): void {
    for (const { length, offsets, data } of pieces.flat().map(binaryOf)) {
      for (let i = 0; i < length; i++) {
        const start = offsets[i] as number;
        const end = offsets[i + 1] as number;
        this.#add(data, start, end, hashOf(data, start, end));
      }
    }
  }

  #find(data: Uint8Array, start: number, end: number, hash: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot] as number;
      if (entry === 0) return -1;
      if (this.#hashes[entry - 1] === hash && this.#holds(entry - 1, data, start, end)) {
        return entry - 1;
      }
    }
  }

  #holds(id: number, data: Uint8Array, start: number, end: number): boolean {
    const from = this.#ends[id] as number;
    const length = (this.#ends[id + 1] as number) - from;
    if (length !== end - start) return false;
    for (let i = 0; i < length; i++) if (this.#data[from + i] !== data[start + i]) return false;
    return true;
  }

  #add(data: Uint8Array, start: number, end: number, hash: number): number {
    const id = this.#size;
    const from = this.#ends[id] as number;
    const to = from + end - start;
    if (id + 2 > this.#ends.length) this.#ends = grown(this.#ends, id + 2);
    if (id + 1 > this.#hashes.length) this.#hashes = grown(this.#hashes, id + 1);
    if (to > this.#data.length) {
      const larger = new Uint8Array(Math.max(this.#data.length * 2, to));
      larger.set(this.#data);
      this.#data = larger;
    }
    this.#data.set(data.subarray(start, end), from);
    this.#ends[id + 1] = to;
    this.#hashes[id] = hash;
    this.#size += 1;
    if (this.#size * 2 > this.#slots.length) this.#rehash();
    else this.#claim(this.#slots, id);
    return id;
  }

  #rehash(): void {
    const slots = new Uint32Array(this.#slots.length * 2);
    for (let id = 0; id < this.#size; id++) this.#claim(slots, id);
    this.#slots = slots;
  }

  #claim(slots: Uint32Array, id: number): void {
    const mask = slots.length - 1;
    let slot = (this.#hashes[id] as number) & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = id + 1;
  }
}

const encoder = new TextEncoder();

/** Texts kept decoded: those asked for since there were as many. */
const textsDecodedMax = 65_536;

/** Unsigned, as it is kept. */
function hashOf(data: Uint8Array, start: number, end: number): number {
  return hashBytes(data, start, end) >>> 0;
}

function grown(values: Uint32Array, length: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(Math.max(values.length * 2, length));
  larger.set(values);
  return larger;
}
