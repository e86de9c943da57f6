const segmentBits = 6;
const segmentCount = 1 << segmentBits;
const firstCapacity = 16;

/** Mixes one more word into a hash (Murmur3's round; Appleby, public domain). */
export function mixWord(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  let h = hash ^ Math.imul(k, 0x1b873593);
  h = (h << 13) | (h >>> 19);
  return (Math.imul(h, 5) + 0xe6546b64) | 0;
}

export function finishHash(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/**
 * Hash to slots: open addressing, linear probing, backward-shift deletion. The table is cut into
 * 64 segments by the hash's high bits, each growing on its own, so that growth never stalls a
 * commit for the whole table. Entries are pairs (slot + 1, hash); equality of keys is the caller's.
 */
export class KeyIndex {
  readonly #segments: Int32Array[] = Array.from(
    { length: segmentCount },
    () => new Int32Array(firstCapacity * 2),
  );
  readonly #counts = new Int32Array(segmentCount);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get memoryBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.byteLength, 0);
  }

  /** The first slot under `hash` for which `matches` holds, or -1. */
  find(hash: number, matches: (slot: number) => boolean): number {
    const segment = this.#segments[hash >>> (32 - segmentBits)] as Int32Array;
    const mask = segment.length - 1;
    for (let at = (hash << 1) & mask; ; at = (at + 2) & mask) {
      const entry = segment[at] as number;
      if (entry === 0) return -1;
      if (segment[at + 1] === hash && matches(entry - 1)) return entry - 1;
    }
  }

  /**
   * The first slot under each hash, or -1, into `slots`. A loop so tight that the processor has the
   * memory accesses of many keys under way at once; whether the keys are equal is looked at later.
   */
  firstUnder(hashes: Int32Array, slots: Int32Array): void {
    for (let i = 0; i < hashes.length; i++) {
      const hash = hashes[i] as number;
      const segment = this.#segments[hash >>> (32 - segmentBits)] as Int32Array;
      const mask = segment.length - 1;
      let at = (hash << 1) & mask;
      while (segment[at] !== 0 && segment[at + 1] !== hash) at = (at + 2) & mask;
      slots[i] = (segment[at] as number) - 1;
    }
  }

  /** All entries, in no order; for checks. */
  forEach(visit: (slot: number, hash: number) => void): void {
    for (const segment of this.#segments) {
      for (let at = 0; at < segment.length; at += 2) {
        const entry = segment[at] as number;
        if (entry !== 0) visit(entry - 1, segment[at + 1] as number);
      }
    }
  }

  /** Adds a slot; the caller knows that its key is not there yet. */
  add(hash: number, slot: number): void {
    const index = hash >>> (32 - segmentBits);
    let segment = this.#segments[index] as Int32Array;
    const count = (this.#counts[index] as number) + 1;
    this.#counts[index] = count;
    this.#size++;
    if (count * 4 > segment.length) {
      // More than half full: `length` holds two words an entry.
      const larger = new Int32Array(segment.length * 2);
      for (let at = 0; at < segment.length; at += 2) {
        const entry = segment[at] as number;
        if (entry !== 0) place(larger, entry, segment[at + 1] as number);
      }
      segment = larger;
      this.#segments[index] = larger;
    }
    place(segment, slot + 1, hash);
  }

  /** Removes a slot that is there. */
  remove(hash: number, slot: number): void {
    const index = hash >>> (32 - segmentBits);
    const segment = this.#segments[index] as Int32Array;
    const mask = segment.length - 1;
    let hole = (hash << 1) & mask;
    while (segment[hole] !== slot + 1) {
      if (segment[hole] === 0) throw new RangeError(`slot ${slot} is not under its hash`);
      hole = (hole + 2) & mask;
    }
    for (let next = (hole + 2) & mask; ; next = (next + 2) & mask) {
      const entry = segment[next] as number;
      if (entry === 0) break;
      const home = ((segment[next + 1] as number) << 1) & mask;
      if (((next - home) & mask) >= ((next - hole) & mask)) {
        segment[hole] = entry;
        segment[hole + 1] = segment[next + 1] as number;
        hole = next;
      }
    }
    segment[hole] = 0;
    (this.#counts[index] as number)--;
    this.#size--;
  }
}

function place(segment: Int32Array, entry: number, hash: number): void {
  const mask = segment.length - 1;
  let at = (hash << 1) & mask;
  while (segment[at] !== 0) at = (at + 2) & mask;
  segment[at] = entry;
  segment[at + 1] = hash;
}
