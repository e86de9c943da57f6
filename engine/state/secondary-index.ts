import { grown } from '../vectors/growing-array.ts';
import { finishHash, KeyIndex, mixWord } from './key-index.ts';
import { type ColumnLayout, type RowLayout, wordsIn } from './row-layout.ts';
import type { RowPages } from './row-pages.ts';

/**
 * Rows by the words of some columns: a hash of heads and a doubly linked list through the slots,
 * so that adding and removing is constant and costs two words a row. Rows with a null among the
 * index's columns are in it too (null is the zero word and a cleared validity bit; the group holds
 * both, readers filter).
 */
export class SecondaryIndex {
  readonly name: string;
  readonly columns: readonly ColumnLayout[];
  readonly words: readonly number[];
  readonly #pages: RowPages;
  readonly #heads = new KeyIndex();
  #next = new Int32Array(1024);
  #previous = new Int32Array(1024);

  constructor(name: string, columnNames: readonly string[], layout: RowLayout, pages: RowPages) {
    this.name = name;
    this.columns = columnNames.map((column) => {
      const found = layout.columns.find((candidate) => candidate.column.name === column);
      if (!found) throw new RangeError(`a valid index has the column "${column}"`);
      return found;
    });
    this.words = this.columns.flatMap(wordsIn);
    this.#pages = pages;
  }

  get memoryBytes(): number {
    return this.#heads.memoryBytes + this.#next.byteLength * 2;
  }

  add(slot: number): void {
    if (slot >= this.#next.length) this.#grow(slot);
    const hash = this.#hashOfRow(slot);
    const head = this.#heads.find(hash, (other) => this.#sameGroup(other, slot));
    if (head === -1) {
      this.#heads.add(hash, slot);
      this.#next[slot] = -1;
      this.#previous[slot] = -1;
      return;
    }
    // Second place: the head's entry in the hash stays as it is.
    const second = this.#next[head] as number;
    this.#next[head] = slot;
    this.#previous[slot] = head;
    this.#next[slot] = second;
    if (second !== -1) this.#previous[second] = slot;
  }

  /** The row must still hold the words under which it was added. */
  remove(slot: number): void {
    const previous = this.#previous[slot] as number;
    const next = this.#next[slot] as number;
    if (previous !== -1) {
      this.#next[previous] = next;
      if (next !== -1) this.#previous[next] = previous;
      return;
    }
    const hash = this.#hashOfRow(slot);
    this.#heads.remove(hash, slot);
    if (next !== -1) {
      this.#previous[next] = -1;
      this.#heads.add(hash, next);
    }
  }

  /**
   * Slots whose index words equal `probe` (in the order of `words`). Rows may be written between
   * two slots, as long as `written` tells which: those are not yielded from then on, and all others
   * are, once, since they keep their order in the list.
   */
  *slots(
    probe: readonly number[],
    written: (slot: number) => boolean = () => false,
  ): IterableIterator<number> {
    let hash = 0;
    for (const word of probe) hash = mixWord(hash, word);
    const matches = (slot: number) => {
      const page = this.#pages.page(slot).u32;
      const offset = this.#pages.offset(slot);
      return this.words.every((word, i) => page[offset + word] === probe[i]);
    };
    /** The way back to a slot that stands where it stood: all that were yielded and not written. */
    const passed: number[] = [];
    for (;;) {
      while (passed.length > 0 && written(passed.at(-1) as number)) passed.pop();
      const last = passed.at(-1);
      let slot =
        last === undefined
          ? this.#heads.find(finishHash(hash), matches)
          : (this.#next[last] as number);
      while (slot !== -1 && written(slot)) slot = this.#next[slot] as number;
      if (slot === -1) return;
      yield slot;
      passed.push(slot);
    }
  }

  /** The slots at which lists begin; for checks, as is the rest up to `headOf`. */
  get heads(): KeyIndex {
    return this.#heads;
  }

  /** The slot after this one in its list, or -1. */
  nextOf(slot: number): number {
    return this.#next[slot] as number;
  }

  /** The slot before this one in its list, or -1. */
  previousOf(slot: number): number {
    return this.#previous[slot] as number;
  }

  /** Where the list begins that a row with this slot's words is looked for in, or -1. */
  headOf(slot: number): number {
    return this.#heads.find(this.#hashOfRow(slot), (other) => this.#sameGroup(other, slot));
  }

  #hashOfRow(slot: number): number {
    const page = this.#pages.page(slot).u32;
    const offset = this.#pages.offset(slot);
    let hash = 0;
    for (const word of this.words) hash = mixWord(hash, page[offset + word] as number);
    return finishHash(hash);
  }

  #sameGroup(left: number, right: number): boolean {
    const leftPage = this.#pages.page(left).u32;
    const rightPage = this.#pages.page(right).u32;
    const leftOffset = this.#pages.offset(left);
    const rightOffset = this.#pages.offset(right);
    for (const word of this.words) {
      if (leftPage[leftOffset + word] !== rightPage[rightOffset + word]) return false;
    }
    return true;
  }

  #grow(slot: number): void {
    this.#next = grown(this.#next, slot + 1);
    this.#previous = grown(this.#previous, slot + 1);
  }
}
