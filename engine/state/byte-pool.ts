import { grown } from '../vectors/growing-array.ts';
import { finishHash } from './key-index.ts';

/** The id of "no value"; a pool never gives it to bytes, the empty string included. */
export const noBytes = 0;

const chunkBytes = 1 << 20;
const compactWhenGarbageBytes = 8 << 20;

/** The pool's own memory. Arrays are indexed by id, `buckets` by hash. */
export interface PoolTables {
  readonly chunks: readonly Uint8Array[];
  readonly chunkOf: Int32Array;
  readonly offsetOf: Int32Array;
  readonly lengthOf: Int32Array;
  readonly hashOf: Int32Array;
  readonly references: Uint32Array;
  readonly buckets: Int32Array;
  readonly freeIds: readonly number[];
  /** Ids are below it; 0 is none. */
  readonly idCount: number;
  readonly liveBytes: number;
  readonly arenaBytes: number;
}

/**
 * Interns byte strings as 32-bit ids, so that rows hold words only and equal strings are equal
 * words. Bytes live outside the JavaScript heap, in chunks; a string longer than a chunk gets one
 * of its own. References are counted: `intern` and `retain` add one, `release` takes one; at zero
 * the id is free for reuse.
 *
 * Lookup is by open addressing with linear probing and backward-shift deletion (Knuth, TAOCP 6.4,
 * algorithm R), at most half full.
 */
export class BytePool {
  readonly #firstChunkBytes: number;
  #chunks: Uint8Array[] = [];
  #chunkUsed = 0;
  #currentChunk = -1;
  #chunkOf = new Int32Array(1024);
  #offsetOf = new Int32Array(1024);
  #lengthOf = new Int32Array(1024);
  #hashOf = new Int32Array(1024);
  #references = new Uint32Array(1024);
  #buckets = new Int32Array(2048);
  #freeIds: number[] = [];
  #idCount = 1;
  #liveCount = 0;
  #liveBytes = 0;
  #arenaBytes = 0;

  /** A pool with a smaller first chunk doubles what it has, up to a whole chunk at a time. */
  constructor(firstChunkBytes = chunkBytes) {
    this.#firstChunkBytes = firstChunkBytes;
  }

  /** Distinct strings held. */
  get size(): number {
    return this.#liveCount;
  }

  /** Bytes of memory held, tables included. */
  get memoryBytes(): number {
    return this.#arenaBytes + this.#chunkOf.length * 20 + this.#buckets.length * 4;
  }

  /** How it lies in memory now; for checks. */
  get tables(): PoolTables {
    return {
      chunks: this.#chunks,
      chunkOf: this.#chunkOf,
      offsetOf: this.#offsetOf,
      lengthOf: this.#lengthOf,
      hashOf: this.#hashOf,
      references: this.#references,
      buckets: this.#buckets,
      freeIds: this.#freeIds,
      idCount: this.#idCount,
      liveBytes: this.#liveBytes,
      arenaBytes: this.#arenaBytes,
    };
  }

  /** The id of these bytes with one more reference; copies them when they are new. */
  intern(source: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(source, start, end);
    const id = this.#find(source, start, end, hash);
    if (id === noBytes) return this.#insert(source, start, end, hash);
    (this.#references[id] as number)++;
    return id;
  }

  /** The id of these bytes, `noBytes` where the pool has none. */
  find(source: Uint8Array, start: number, end: number): number {
    return this.#find(source, start, end, hashBytes(source, start, end));
  }

  retain(id: number): void {
    if (id !== noBytes) (this.#references[id] as number)++;
  }

  release(id: number): void {
    if (id === noBytes) return;
    const left = (this.#references[id] as number) - 1;
    this.#references[id] = left;
    if (left === 0) this.#remove(id);
  }

  byteLength(id: number): number {
    return this.#lengthOf[id] as number;
  }

  /** Copies the string's bytes into `target` at `offset`. */
  copyTo(id: number, target: Uint8Array, offset: number): void {
    const length = this.#lengthOf[id] as number;
    const chunk = this.#chunks[this.#chunkOf[id] as number] as Uint8Array;
    const from = this.#offsetOf[id] as number;
    if (length < 24) {
      for (let i = 0; i < length; i++) target[offset + i] = chunk[from + i] as number;
    } else {
      target.set(chunk.subarray(from, from + length), offset);
    }
  }

  /** The string's bytes, to be read at once: a view of the pool's memory. */
  bytes(id: number): Uint8Array {
    const from = this.#offsetOf[id] as number;
    const chunk = this.#chunks[this.#chunkOf[id] as number] as Uint8Array;
    return chunk.subarray(from, from + (this.#lengthOf[id] as number));
  }

  /** Byte order of two strings, which for UTF-8 is code point order. */
  compare(left: number, right: number): number {
    return left === right ? 0 : Buffer.compare(this.bytes(left), this.bytes(right));
  }

  #find(source: Uint8Array, start: number, end: number, hash: number): number {
    const mask = this.#buckets.length - 1;
    for (let bucket = hash & mask; ; bucket = (bucket + 1) & mask) {
      const id = this.#buckets[bucket] as number;
      if (id === noBytes) return noBytes;
      if (this.#hashOf[id] === hash && this.#equals(id, source, start, end)) return id;
    }
  }

  #equals(id: number, source: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    if (this.#lengthOf[id] !== length) return false;
    const chunk = this.#chunks[this.#chunkOf[id] as number] as Uint8Array;
    const from = this.#offsetOf[id] as number;
    for (let i = 0; i < length; i++) if (chunk[from + i] !== source[start + i]) return false;
    return true;
  }

  #insert(source: Uint8Array, start: number, end: number, hash: number): number {
    if ((this.#liveCount + 1) * 2 > this.#buckets.length) this.#rehash();
    const length = end - start;
    const id = this.#freeIds.pop() ?? this.#newId();
    this.#place(id, source.subarray(start, end));
    this.#hashOf[id] = hash;
    this.#references[id] = 1;
    this.#liveCount++;
    this.#liveBytes += length;
    this.#enter(id, hash);
    return id;
  }

  #newId(): number {
    if (this.#idCount === this.#chunkOf.length) {
      this.#chunkOf = grown(this.#chunkOf);
      this.#offsetOf = grown(this.#offsetOf);
      this.#lengthOf = grown(this.#lengthOf);
      this.#hashOf = grown(this.#hashOf);
      this.#references = grown(this.#references);
    }
    return this.#idCount++;
  }

  #place(id: number, bytes: Uint8Array): void {
    let current = this.#chunks[this.#currentChunk];
    if (!current || this.#chunkUsed + bytes.length > current.length) {
      const room = Math.min(Math.max(this.#arenaBytes, this.#firstChunkBytes), chunkBytes);
      current = new Uint8Array(Math.max(room, bytes.length));
      this.#currentChunk = this.#chunks.push(current) - 1;
      this.#chunkUsed = 0;
      this.#arenaBytes += current.length;
    }
    current.set(bytes, this.#chunkUsed);
    this.#chunkOf[id] = this.#currentChunk;
    this.#offsetOf[id] = this.#chunkUsed;
    this.#lengthOf[id] = bytes.length;
    this.#chunkUsed += bytes.length;
  }

  #enter(id: number, hash: number): void {
    const mask = this.#buckets.length - 1;
    let bucket = hash & mask;
    while (this.#buckets[bucket] !== 0) bucket = (bucket + 1) & mask;
    this.#buckets[bucket] = id;
  }

  #rehash(): void {
    const old = this.#buckets;
    this.#buckets = new Int32Array(old.length * 2);
    for (const id of old) if (id !== 0) this.#enter(id, this.#hashOf[id] as number);
  }

  #remove(id: number): void {
    const mask = this.#buckets.length - 1;
    let hole = (this.#hashOf[id] as number) & mask;
    while (this.#buckets[hole] !== id) {
      if (this.#buckets[hole] === 0) throw new RangeError(`string ${id} is not under its hash`);
      hole = (hole + 1) & mask;
    }
    // Close the hole: every later entry of the run moves up unless its home lies after the hole.
    for (let next = (hole + 1) & mask; ; next = (next + 1) & mask) {
      const other = this.#buckets[next] as number;
      if (other === 0) break;
      const home = (this.#hashOf[other] as number) & mask;
      if (((next - home) & mask) >= ((next - hole) & mask)) {
        this.#buckets[hole] = other;
        hole = next;
      }
    }
    this.#buckets[hole] = 0;
    this.#freeIds.push(id);
    this.#liveCount--;
    this.#liveBytes -= this.#lengthOf[id] as number;
    const garbageBytes = this.#arenaBytes - this.#liveBytes;
    if (garbageBytes > compactWhenGarbageBytes && garbageBytes > this.#liveBytes * 2)
      this.#compact();
  }

  /** Moves all live bytes into fresh chunks; ids stay. */
  #compact(): void {
    const old = this.#chunks;
    this.#chunks = [];
    this.#currentChunk = -1;
    this.#arenaBytes = 0;
    for (let id = 1; id < this.#idCount; id++) {
      if (this.#references[id] === 0) continue;
      const chunk = old[this.#chunkOf[id] as number] as Uint8Array;
      const from = this.#offsetOf[id] as number;
      this.#place(id, chunk.subarray(from, from + (this.#lengthOf[id] as number)));
    }
  }
}

/** FNV-1a over four bytes at a time, then Murmur3's finaliser (Appleby, public domain). */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 ^ (end - start);
  let i = start;
  for (; i + 4 <= end; i += 4) {
    const word =
      (bytes[i] as number) |
      ((bytes[i + 1] as number) << 8) |
      ((bytes[i + 2] as number) << 16) |
      ((bytes[i + 3] as number) << 24);
    hash = Math.imul(hash ^ word, 0x01000193);
    hash ^= hash >>> 15;
  }
  for (; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  return finishHash(hash);
}
