import type { ColumnMemory } from '../../vectors/column-memory.ts';
import { grown } from '../../vectors/growing-array.ts';

/**
 * One 32-bit part of a key, over the rows of a batch: a number a row, or one number for all rows
 * (what is the same for a whole tick, such as its session, is hashed once).
 */
export type Lane = Uint32Array | number;

/**
 * A set of keys of a fixed number of 32-bit lanes. A key gets the next ordinal when it is first
 * seen and keeps it. Open addressing with linear probing, at most half full; keys lie in one
 * array, so a key costs 4 bytes a lane and 8 to 16 for its slots, and none is a JavaScript object.
 * The ordinal of a key that is removed goes to a key that comes later, so memory follows the most
 * keys there were at a time, not all there have been.
 */
export class LaneTable {
  readonly width: number;
  /** Ordinals that keys have had since whoever keeps the list emptied it; null: nobody does. */
  readonly fresh: number[] | null;
  #size = 0;
  /** Ordinals of keys that were removed, to be given again: the newest, whose key's place holds the next. */
  #free = noOrdinal;
  #freeCount = 0;
  #keys: Uint32Array;
  #slots: Uint32Array;

  constructor(width: number, fresh: number[] | null = null) {
    this.width = width;
    this.fresh = fresh;
    this.#keys = new Uint32Array(width * 8);
    this.#slots = new Uint32Array(16);
  }

  /** Ordinals are below it. */
  get size(): number {
    return this.#size;
  }

  /** Keys held. */
  get count(): number {
    return this.#size - this.#freeCount;
  }

  get memoryBytes(): number {
    return this.#keys.byteLength + this.#slots.byteLength;
  }

  lane(ordinal: number, lane: number): number {
    return this.#keys[ordinal * this.width + lane] as number;
  }

  /**
   * Writes the ordinal of every row's key to `ordinals`; unknown keys are added in row order.
   * `lanes` has `width` members.
   *
   * The rows of a tick repeat few keys, so keys that differ in one or two lanes are first looked
   * up in a small direct-mapped memory of this call, which costs a tenth of a hash and a probe.
   */
  locate(lanes: readonly Lane[], length: number, ordinals: Uint32Array): void {
    if (length === 0) return;
    const varying = lanes.filter((lane) => typeof lane !== 'number');
    const [a, b] = varying;
    if (!a) {
      ordinals.fill(this.#find(lanes, 0), 0, length);
      return;
    }
    if (length < memoRowsMin || varying.length > 2) {
      for (let row = 0; row < length; row++) ordinals[row] = this.#find(lanes, row);
      return;
    }
    const call = nextMemoCall();
    for (let row = 0; row < length; row++) {
      const left = a[row] as number;
      const right = b ? (b[row] as number) : 0;
      const at = (left ^ Math.imul(right, 0x9e37_79b1)) & memoMask;
      if (memoCalls[at] !== call || memoLeft[at] !== left || memoRight[at] !== right) {
        memoCalls[at] = call;
        memoLeft[at] = left;
        memoRight[at] = right;
        memoOrdinals[at] = this.#find(lanes, row);
      }
      ordinals[row] = memoOrdinals[at] as number;
    }
  }

  /**
   * Closes the hole by moving up what probed past it (Knuth, TAOCP 6.4, algorithm R). Not for a
   * table that checkpoints capture: the key's lanes may be written again at once.
   */
  remove(ordinal: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hole = this.#hashOf(ordinal) & mask;
    while (slots[hole] !== ordinal + 1) {
      if (slots[hole] === 0) throw new RangeError(`key ${ordinal} is not under its hash`);
      hole = (hole + 1) & mask;
    }
    for (let next = (hole + 1) & mask; slots[next] !== 0; next = (next + 1) & mask) {
      const entry = slots[next] as number;
      const home = this.#hashOf(entry - 1) & mask;
      if (((next - home) & mask) < ((next - hole) & mask)) continue;
      slots[hole] = entry;
      hole = next;
    }
    slots[hole] = 0;
    this.#keys[ordinal * this.width] = this.#free;
    this.#free = ordinal;
    this.#freeCount += 1;
  }

  /**
   * A lane of the keys from…to, made when it is asked for. Nothing is copied before: a key stays
   * as it came, and where the array had to grow, the one that is held here stays as it was.
   */
  capture(from: number, to: number): (lane: number, memory: ColumnMemory) => Uint32Array {
    const keys = this.#keys;
    const { width } = this;
    return (lane, memory) => {
      const values = memory.uint32s(to - from);
      let at = from * width + lane;
      for (let i = 0; i < values.length; i++, at += width) values[i] = keys[at] as number;
      return values;
    };
  }

  /** Only into an empty table: all keys in ordinal order, in pieces, each an array a lane. */
  load(pieces: readonly (readonly Uint32Array[])[]): void {
    const { width } = this;
    this.#size = pieces.reduce((size, [lane]) => size + (lane?.length ?? 0), 0);
    const keys = new Uint32Array(Math.max(this.#size, 8) * width);
    let first = 0;
    for (const lanes of pieces) {
      for (const [lane, values] of lanes.entries()) {
        let at = first * width + lane;
        for (let i = 0; i < values.length; i++, at += width) keys[at] = values[i] as number;
      }
      first += lanes[0]?.length ?? 0;
    }
    this.#keys = keys;
    let slots = 16;
    while (slots < this.#size * 2) slots *= 2;
    this.#rehash(slots);
  }

  #find(lanes: readonly Lane[], row: number): number {
    const { width } = this;
    const keys = this.#keys;
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hash = 0;
    for (let lane = 0; lane < width; lane++) hash = mix(hash, valueAt(lanes[lane] as Lane, row));
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot] as number;
      if (entry === 0) break;
      const base = (entry - 1) * width;
      let lane = 0;
      while (lane < width && keys[base + lane] === valueAt(lanes[lane] as Lane, row)) lane += 1;
      if (lane === width) return entry - 1;
    }
    const ordinal = this.#add(hash);
    for (let lane = 0; lane < width; lane++) {
      this.#keys[ordinal * width + lane] = valueAt(lanes[lane] as Lane, row);
    }
    return ordinal;
  }

  /** Makes room for one more key and takes its slot; the caller writes its lanes. */
  #add(hash: number): number {
    if ((this.count + 1) * 2 > this.#slots.length) this.#rehash(this.#slots.length * 2);
    const ordinal = this.#nextOrdinal();
    if ((ordinal + 1) * this.width > this.#keys.length) this.#keys = grown(this.#keys, this.width);
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = ordinal + 1;
    this.fresh?.push(ordinal);
    return ordinal;
  }

  #nextOrdinal(): number {
    const ordinal = this.#free;
    if (ordinal === noOrdinal) return this.#size++;
    this.#free = this.lane(ordinal, 0);
    this.#freeCount -= 1;
    return ordinal;
  }

  #rehash(slotCount: number): void {
    const slots = new Uint32Array(slotCount);
    const mask = slotCount - 1;
    const free = new Set<number>();
    for (let next = this.#free; next !== noOrdinal; next = this.lane(next, 0)) free.add(next);
    for (let ordinal = 0; ordinal < this.#size; ordinal++) {
      if (free.has(ordinal)) continue;
      let slot = this.#hashOf(ordinal) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = ordinal + 1;
    }
    this.#slots = slots;
  }

  #hashOf(ordinal: number): number {
    const { width } = this;
    let hash = 0;
    for (let lane = 0; lane < width; lane++) {
      hash = mix(hash, this.#keys[ordinal * width + lane] as number);
    }
    return hash;
  }
}

/** The lane of some rows of a batch, picked from the lane of all its rows. */
export function pickLane(lane: Uint32Array, rows: readonly number[]): Uint32Array {
  const picked = new Uint32Array(rows.length);
  for (let i = 0; i < picked.length; i++) picked[i] = lane[rows[i] as number] as number;
  return picked;
}

const noOrdinal = 0xffff_ffff;

function valueAt(lane: Lane, row: number): number {
  return typeof lane === 'number' ? lane : (lane[row] as number);
}

/** A multiplication spreads low bits upwards, the shift brings them back into the slot's mask. */
function mix(hash: number, lane: number): number {
  const product = Math.imul(hash ^ lane, 0x9e37_79b1);
  return (product ^ (product >>> 15)) >>> 0;
}

/** Below this many rows the memory below does not pay. */
const memoRowsMin = 16;
const memoMask = 4095;

// One memory for all tables: an entry holds only for the call that wrote it.
const memoCalls = new Uint32Array(memoMask + 1);
const memoLeft = new Uint32Array(memoMask + 1);
const memoRight = new Uint32Array(memoMask + 1);
const memoOrdinals = new Uint32Array(memoMask + 1);
let memoCall = 0;

function nextMemoCall(): number {
  memoCall += 1;
  if (memoCall === 2 ** 32) {
    memoCalls.fill(0);
    memoCall = 1;
  }
  return memoCall;
}
