export interface Hitter<T> {
  readonly key: string;
  /** Never below the true weight; above it by what was inherited from a key that made room. */
  readonly weight: number;
  /** What was gathered of the key since it came in. */
  readonly value: T;
}

interface Slot<T> {
  key: string;
  weight: number;
  value: T;
  /** The slot's place in the heap. */
  at: number;
}

/**
 * The heaviest keys of a stream, in bounded memory: Space-Saving (Metwally, Agrawal, El Abbadi:
 * "Efficient Computation of Frequent and Top-k Elements in Data Streams", 2005) over a binary heap.
 * A new key that finds no room takes the place of the lightest and inherits its weight. So every
 * key with more than `1 / capacity` of all weight is here, and a touch costs at most
 * `2 log2(capacity)` comparisons, whatever the stream.
 */
export class HeavyHitters<T> {
  readonly #capacity: number;
  readonly #slots = new Map<string, Slot<T>>();
  /** The lightest first. */
  readonly #heap: Slot<T>[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** Adds to the key's weight; `make` gives its value when it comes in, or comes back. */
  touch(key: string, weight: number, make: () => T): T {
    let slot = this.#slots.get(key);
    if (slot === undefined) slot = this.#admit(key, make());
    slot.weight += weight;
    this.#sink(slot);
    return slot.value;
  }

  find(key: string): T | undefined {
    return this.#slots.get(key)?.value;
  }

  /** In no particular order. */
  hitters(): readonly Hitter<T>[] {
    return this.#heap;
  }

  #admit(key: string, value: T): Slot<T> {
    if (this.#heap.length < this.#capacity) {
      const slot: Slot<T> = { key, weight: 0, value, at: this.#heap.length };
      this.#heap.push(slot);
      this.#slots.set(key, slot);
      this.#rise(slot);
      return slot;
    }
    const lightest = this.#heap[0];
    if (lightest === undefined) throw new RangeError('heavy hitters need room for one key');
    this.#slots.delete(lightest.key);
    lightest.key = key;
    lightest.value = value;
    this.#slots.set(key, lightest);
    return lightest;
  }

  #rise(slot: Slot<T>): void {
    while (slot.at > 0) {
      const parent = this.#heap[(slot.at - 1) >> 1];
      if (parent === undefined || parent.weight <= slot.weight) break;
      const at = parent.at;
      this.#put(parent, slot.at);
      slot.at = at;
    }
    this.#put(slot, slot.at);
  }

  #sink(slot: Slot<T>): void {
    for (;;) {
      const left = this.#heap[2 * slot.at + 1];
      if (left === undefined) break;
      const right = this.#heap[2 * slot.at + 2];
      const child = right !== undefined && right.weight < left.weight ? right : left;
      if (child.weight >= slot.weight) break;
      const at = child.at;
      this.#put(child, slot.at);
      slot.at = at;
    }
    this.#put(slot, slot.at);
  }

  #put(slot: Slot<T>, at: number): void {
    this.#heap[at] = slot;
    slot.at = at;
  }
}
