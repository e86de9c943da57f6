import type { BinaryVector } from '../vectors/column-vector.ts';
import { KeyIndex } from './key-index.ts';
import { KeyedHash } from './keyed-hash.ts';
import { VerdictBlock, verdictBlockEntries } from './verdict-block.ts';

/** What an action that is answered once was answered first. */
export interface FirstVerdict {
  /** The position of the tick that settled it. */
  readonly lsn: number;
  readonly committedAtMs: number;
  /** 0 accepted, else 1 + the conflict's index in `conflictCodes`. */
  readonly verdict: number;
  /** 64 bits that stand for the action's content. */
  readonly contentLow: number;
  readonly contentHigh: number;
}

/** Where the ids of a tick were found. */
export interface VerdictLookup {
  readonly hashes: Int32Array;
  /** The number of each id's entry; -1: it is not known. */
  readonly numbers: Float64Array;
}

/** Entries past and to come that are told apart: far more than there ever are at a time. */
const slotMask = 0x3fff_ffff;

/**
 * The first verdicts of a title's actions that are answered once, by `actionId`, in the order in
 * which they were given; the oldest are forgotten first. Entries are numbered from 0 on and lie in
 * blocks of equal size, outside the JavaScript heap, which never change once they are written.
 *
 * Ids are kept whole and compared byte by byte, so no two ids are ever taken for one. The hash only
 * leads to where an id would be; it is keyed by the process, so that nobody can choose ids that
 * meet, and nothing that anybody is told depends on it. With a million ids of 36 bytes (78 MB) one
 * is found in 0.2 to 0.3 µs of processor time, and remembered, the oldest forgotten, in 0.6 µs.
 */
export class FirstVerdicts {
  readonly #index = new KeyIndex();
  readonly #hash = new KeyedHash();
  /** The block of the oldest entry, and those after it. */
  readonly #blocks: VerdictBlock[] = [];
  /** Number of the oldest entry. */
  #first = 0;
  /** Number of the next entry. */
  #end = 0;

  get size(): number {
    return this.#end - this.#first;
  }

  /** Number of the oldest entry. */
  get first(): number {
    return this.#first;
  }

  /** Number of the next entry. */
  get end(): number {
    return this.#end;
  }

  get memoryBytes(): number {
    if (this.#end === 0) return 0;
    return this.#blocks.reduce((sum, block) => sum + block.memoryBytes, this.#index.memoryBytes);
  }

  find(ids: BinaryVector): VerdictLookup {
    const { offsets, data, length } = ids;
    const hashes = new Int32Array(length);
    const numbers = new Float64Array(length).fill(-1);
    const words = new DataView(data.buffer, data.byteOffset, data.byteLength);
    for (let row = 0; row < length; row++) {
      hashes[row] = this.#hash.of(words, offsets[row] as number, offsets[row + 1] as number);
    }
    if (this.size === 0) return { hashes, numbers };
    const slots = new Int32Array(length);
    this.#index.firstUnder(hashes, slots);
    for (let row = 0; row < length; row++) {
      let slot = slots[row] as number;
      if (slot === -1) continue;
      const start = offsets[row] as number;
      const end = offsets[row + 1] as number;
      const isOfId = (candidate: number) =>
        this.#holds(this.#numberOf(candidate), data, start, end);
      // Another id under the same hash stands before it, which chance brings about once in 2^32.
      if (!isOfId(slot)) slot = this.#index.find(hashes[row] as number, isOfId);
      if (slot !== -1) numbers[row] = this.#numberOf(slot);
    }
    return { hashes, numbers };
  }

  at(number: number): FirstVerdict {
    return this.#block(number).at(number & (verdictBlockEntries - 1));
  }

  /** The id of an entry, as a text. */
  idAt(number: number): string {
    return this.#block(number).idAt(number & (verdictBlockEntries - 1));
  }

  /** Adds the id of a row that was not found. */
  add(ids: BinaryVector, row: number, hash: number, entry: FirstVerdict): void {
    const number = this.#end;
    if ((number & (verdictBlockEntries - 1)) === 0) this.#blocks.push(new VerdictBlock());
    const { offsets, data } = ids;
    this.#block(number).push(data, offsets[row] as number, offsets[row + 1] as number, entry);
    this.#index.add(hash, number & slotMask);
    this.#end++;
  }

  /** Forgets the oldest until no more than `count` are left. */
  keepNewest(count: number): void {
    while (this.size > count) this.#forgetOldest();
  }

  /** Forgets the oldest that were committed before `timeMs`, at most `count` of them. */
  forgetBefore(timeMs: number, count: number): void {
    for (let left = count; left > 0 && this.size > 0; left--) {
      if (this.at(this.#first).committedAtMs >= timeMs) return;
      this.#forgetOldest();
    }
  }

  /** The blocks with their numbers, oldest first; entries that are added later may show in the last. */
  blocks(): { readonly number: number; readonly entries: number; readonly block: VerdictBlock }[] {
    const firstBlock = Math.floor(this.#first / verdictBlockEntries);
    return this.#blocks.map((block, i) => {
      return { number: firstBlock + i, entries: block.length, block };
    });
  }

  /** Begins, while it is empty, with an entry of a number that may lie within a block. */
  resume(first: number): void {
    this.#first = first;
    this.#end = Math.floor(first / verdictBlockEntries) * verdictBlockEntries;
  }

  /** Takes over a block whole: the next after those it has. */
  restore(block: VerdictBlock): void {
    const start = this.#end;
    this.#blocks.push(block);
    this.#end = start + block.length;
    for (let number = Math.max(start, this.#first); number < this.#end; number++) {
      this.#index.add(this.#hashAt(number), number & slotMask);
    }
  }

  #forgetOldest(): void {
    const number = this.#first;
    this.#index.remove(this.#hashAt(number), number & slotMask);
    this.#first++;
    if ((this.#first & (verdictBlockEntries - 1)) === 0) this.#blocks.shift();
  }

  #hashAt(number: number): number {
    const block = this.#block(number);
    const row = number & (verdictBlockEntries - 1);
    return this.#hash.of(
      block.words,
      block.offsets[row] as number,
      block.offsets[row + 1] as number,
    );
  }

  #holds(number: number, data: Uint8Array, start: number, end: number): boolean {
    const row = number & (verdictBlockEntries - 1);
    return this.#block(number).holds(row, data, start, end);
  }

  #numberOf(slot: number): number {
    return this.#first + ((slot - this.#first) & slotMask);
  }

  #block(number: number): VerdictBlock {
    const at =
      Math.floor(number / verdictBlockEntries) - Math.floor(this.#first / verdictBlockEntries);
    return this.#blocks[at] as VerdictBlock;
  }
}
