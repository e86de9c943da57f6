import { ColumnMemory } from '../vectors/column-memory.ts';
import { bitAt } from '../vectors/column-vector.ts';
import { grown } from '../vectors/growing-array.ts';
import type { StateChanges } from './change-set.ts';
import type { ColumnWords } from './column-words.ts';
import { finishHash, mixWord } from './key-index.ts';
import { gatherRows } from './row-codec.ts';
import {
  actionWord,
  type ColumnLayout,
  committedAtWord,
  lsnWord,
  tickWord,
  versionWord,
} from './row-layout.ts';
import { RowImages, type RowPage } from './row-pages.ts';
import type { SecondaryIndex } from './secondary-index.ts';
import type { StateTable } from './state-table.ts';

/** What is stamped on every row a tick writes. */
export interface Stamp {
  readonly lsn: number;
  readonly committedAtMs: number;
  /** Null outside tick order. */
  readonly tick: number | null;
}

const firstTouch = -1;
/** Memory for the columns of a tick's changes, before any tick has shown what it takes. */
const memoryBytesInitial = 4096;

/**
 * The writes of one tick to one table: changes rows in place, remembers how they were, takes back
 * an action or the whole tick, and in the end tells what changed.
 *
 * A row's image is saved before its first write in the tick; an action that may have to be taken
 * back (`beginAction(true)`) saves one before every further write. Images hold references of their
 * own to pooled values. A deleted row keeps its slot and key until `finish`, so that the same key
 * inserted again in the tick is the same change.
 */
export class TableChanges {
  readonly table: StateTable;
  readonly #before: RowImages;
  readonly #undo: RowImages;
  readonly #after: RowImages;
  /** Slots in order of first write; image i of `#before` belongs to entry i. */
  #slots = new Int32Array(64);
  #count = 0;
  /** Writes of the action at hand: slot, and index in `#undo` or `firstTouch`. */
  readonly #undoSlots: number[] = [];
  readonly #undoImages: number[] = [];
  #undoable = false;
  #stamp: Stamp = { lsn: 0, committedAtMs: 0, tick: null };
  #action = 0;
  /** Where the columns of a tick's changes lie; used again by the next one. */
  readonly #memory = new ColumnMemory(memoryBytesInitial);
  /** References to give back when the next tick ends. */
  readonly #released: number[] = [];

  constructor(table: StateTable) {
    this.table = table;
    this.#before = new RowImages(table.layout.wordsPerRow);
    this.#undo = new RowImages(table.layout.wordsPerRow);
    this.#after = new RowImages(table.layout.wordsPerRow);
  }

  beginTick(stamp: Stamp): void {
    this.#stamp = stamp;
    this.#count = 0;
    this.#before.truncate(0);
  }

  /** `undoable`: the action may be taken back after its first write. */
  beginAction(action: number, undoable: boolean): void {
    this.#action = action;
    this.#undoable = undoable;
  }

  /** Forgets how the action's rows were; its writes stand, as far as the tick does. */
  keepAction(): void {
    this.#dropUndoFrom(0);
  }

  /** How many writes of the action at hand could be taken back. */
  get undoDepth(): number {
    return this.#undoSlots.length;
  }

  /** Takes back the action's writes down to `depth`, last first. */
  undoTo(depth: number): void {
    while (this.#undoSlots.length > depth) {
      const slot = this.#undoSlots.pop() as number;
      const image = this.#undoImages.pop() as number;
      if (image === firstTouch) {
        this.#restoreFirst(slot);
      } else {
        this.#restore(slot, this.#undo.page, this.#undo.offset(image));
        this.#undo.truncate(image);
      }
    }
  }

  /** Takes back the whole tick. */
  undoTick(): void {
    this.#dropUndoFrom(0);
    while (this.#count > 0) this.#restoreFirst(this.#slots[this.#count - 1] as number);
  }

  /**
   * Writes the columns of row `row` into a slot and raises its version. The slot's row must be
   * alive. `layouts[i]` is the place of `columns[i]`.
   */
  update(
    slot: number,
    layouts: readonly ColumnLayout[],
    columns: readonly ColumnWords[],
    row: number,
    touched: readonly SecondaryIndex[],
  ): void {
    const page = this.table.pages.page(slot);
    const offset = this.table.pages.offset(slot);
    this.#save(slot, page, offset);
    for (const index of touched) index.remove(slot);
    for (let i = 0; i < layouts.length; i++) {
      this.#setColumn(page, offset, layouts[i] as ColumnLayout, columns[i] as ColumnWords, row);
    }
    for (const index of touched) index.add(slot);
    this.#stampRow(page, offset, (page.u32[offset + versionWord] as number) + 1);
  }

  /**
   * Writes one word pair or word of a row through `write`, and raises the version; for values that
   * are computed from the row itself.
   */
  rewrite(
    slot: number,
    touched: readonly SecondaryIndex[],
    write: (page: RowPage, offset: number) => void,
  ): void {
    const page = this.table.pages.page(slot);
    const offset = this.table.pages.offset(slot);
    this.#save(slot, page, offset);
    for (const index of touched) index.remove(slot);
    write(page, offset);
    for (const index of touched) index.add(slot);
    this.#stampRow(page, offset, (page.u32[offset + versionWord] as number) + 1);
  }

  /**
   * Inserts a row under a key that has none. `slot`: what `find` gave (-1, or a row deleted in
   * this tick). Columns that are not given are null or zero.
   */
  insert(
    slot: number,
    hash: number,
    keys: Uint32Array,
    keyStart: number,
    layouts: readonly ColumnLayout[],
    columns: readonly ColumnWords[],
    row: number,
  ): number {
    const { table } = this;
    const fresh = slot === -1;
    const target = fresh ? table.pages.allocate() : slot;
    const page = table.pages.page(target);
    const offset = table.pages.offset(target);
    this.#save(target, page, offset);
    if (!fresh) this.#clearColumns(page, offset);
    this.#setKey(page, offset, keys, keyStart, fresh);
    if (fresh) table.keys.add(hash, target);
    for (let i = 0; i < layouts.length; i++) {
      this.#setColumn(page, offset, layouts[i] as ColumnLayout, columns[i] as ColumnWords, row);
    }
    this.#stampRow(page, offset, 1);
    for (const index of table.indexes) index.add(target);
    table.rowCount++;
    return target;
  }

  delete(slot: number): void {
    const page = this.table.pages.page(slot);
    const offset = this.table.pages.offset(slot);
    this.#save(slot, page, offset);
    for (const index of this.table.indexes) index.remove(slot);
    this.#stampRow(page, offset, 0);
    this.table.rowCount--;
  }

  /**
   * Ends the tick: frees deleted rows, gives the changes, or null when nothing changed. Their
   * columns hold until the next tick of the table ends: who needs them longer copies them.
   */
  finish(): StateChanges | null {
    const { table } = this;
    const after = this.#after;
    const memory = this.#memory;
    after.truncate(0);
    memory.reset();
    const kinds = memory.bytes(this.#count);
    const versions = memory.uint32s(this.#count);
    const images = this.#before.page;
    const freed: number[] = [];
    for (let i = 0; i < this.#count; i++) {
      const slot = this.#slots[i] as number;
      const page = table.pages.page(slot);
      const offset = table.pages.offset(slot);
      const imageOffset = this.#before.offset(i);
      const version = page.u32[offset + versionWord] as number;
      const versionBefore = images.u32[imageOffset + versionWord] as number;
      if (version === 0) freed.push(slot);
      if (version === 0 && versionBefore === 0) continue;
      const at = version === 0 ? after.push(images, imageOffset) : after.push(page, offset);
      // Rows that came and went leave no gap: later images move up.
      if (at !== i) this.#before.move(i, at);
      kinds[at] = version === 0 ? 3 : versionBefore === 0 ? 1 : 2;
      versions[at] = version === 0 ? versionBefore + 1 : version;
    }
    const { length } = after;
    if (length === 0) {
      this.#release(freed, 0);
      return null;
    }
    const changes: StateChanges = {
      table: table.table,
      length,
      kinds: kinds.subarray(0, length),
      versions: versions.subarray(0, length),
      after: gatherRows(table.layout, after.page, length, table.pool, memory),
      before: () => gatherRows(table.layout, images, length, table.pool, memory),
    };
    this.#release(freed, length);
    return changes;
  }

  /** Between ticks: adds to `held`, by id, the references to pooled values held for `before()`. */
  countHeld(held: Uint32Array): void {
    for (const id of this.#released) held[id] = (held[id] as number) + 1;
  }

  /**
   * Drops the references that the first `images` images and vanished rows hold. `before()` may
   * still be asked until the next tick begins, so they are noted here and released one tick later.
   */
  #release(freed: readonly number[], imageCount: number): void {
    const { pages, keys, pool, layout } = this.table;
    for (const id of this.#released) pool.release(id);
    this.#released.length = 0;
    for (const slot of freed) {
      const page = pages.page(slot);
      const offset = pages.offset(slot);
      keys.remove(this.#hashOfRow(page, offset), slot);
      for (const { word } of layout.pooled) this.#released.push(page.u32[offset + word] as number);
      pages.free(slot);
    }
    const images = this.#before.page.u32;
    for (let i = 0; i < imageCount; i++) {
      const offset = this.#before.offset(i);
      for (const { word } of layout.pooled) this.#released.push(images[offset + word] as number);
    }
    this.#count = 0;
  }

  #save(slot: number, page: RowPage, offset: number): void {
    const first = page.f64[(offset + lsnWord) >> 1] !== this.#stamp.lsn;
    if (!first && !this.#undoable) return;
    if (first) {
      this.table.capture?.beforeWrite(slot, page, offset);
      this.table.reads.wrote(slot);
      this.table.pages.touch(slot, this.#stamp.lsn);
      if (this.#count === this.#slots.length) this.#slots = grown(this.#slots);
      this.#slots[this.#count] = slot;
      this.#before.push(page, offset);
      this.#count++;
      if (this.#undoable) {
        this.#undoSlots.push(slot);
        this.#undoImages.push(firstTouch);
      }
    } else {
      this.#undoSlots.push(slot);
      this.#undoImages.push(this.#undo.push(page, offset));
    }
    for (const { word } of this.table.layout.pooled) {
      this.table.pool.retain(page.u32[offset + word] as number);
    }
  }

  /** Restores the newest entry of the tick, which must be this slot's. */
  #restoreFirst(slot: number): void {
    const entry = --this.#count;
    if (this.#slots[entry] !== slot) throw new RangeError('changes are taken back last first');
    const imageOffset = this.#before.offset(entry);
    const existed = this.#before.page.u32[imageOffset + versionWord] !== 0;
    if (!existed) {
      // The slot was taken for this row: its key leaves with it.
      const page = this.table.pages.page(slot);
      const offset = this.table.pages.offset(slot);
      this.table.keys.remove(this.#hashOfRow(page, offset), slot);
    }
    this.#restore(slot, this.#before.page, imageOffset);
    this.#before.truncate(entry);
    if (!existed) this.table.pages.free(slot);
  }

  /** Puts an image back; its references to pooled values pass to the row. */
  #restore(slot: number, images: RowPage, imageOffset: number): void {
    const { table } = this;
    const page = table.pages.page(slot);
    const offset = table.pages.offset(slot);
    const alive = page.u32[offset + versionWord] !== 0;
    if (alive) for (const index of table.indexes) index.remove(slot);
    for (const { word } of table.layout.pooled) {
      table.pool.release(page.u32[offset + word] as number);
    }
    const words = table.layout.wordsPerRow;
    page.u32.set(images.u32.subarray(imageOffset, imageOffset + words), offset);
    const restored = page.u32[offset + versionWord] !== 0;
    if (restored) for (const index of table.indexes) index.add(slot);
    table.rowCount += Number(restored) - Number(alive);
  }

  #dropUndoFrom(depth: number): void {
    for (let i = depth; i < this.#undoImages.length; i++) {
      const image = this.#undoImages[i] as number;
      if (image === firstTouch) continue;
      const base = this.#undo.offset(image);
      for (const { word } of this.table.layout.pooled) {
        this.table.pool.release(this.#undo.page.u32[base + word] as number);
      }
    }
    this.#undoSlots.length = depth;
    this.#undoImages.length = depth;
    this.#undo.truncate(0);
  }

  #stampRow(page: RowPage, offset: number, version: number): void {
    page.f64[(offset + lsnWord) >> 1] = this.#stamp.lsn;
    page.f64[(offset + committedAtWord) >> 1] = this.#stamp.committedAtMs;
    page.u32[offset + versionWord] = version;
    page.u32[offset + actionWord] = this.#action;
    page.u32[offset + tickWord] = this.#stamp.tick === null ? 0 : this.#stamp.tick + 1;
  }

  #setColumn(
    page: RowPage,
    offset: number,
    layout: ColumnLayout,
    column: ColumnWords,
    row: number,
  ): void {
    const at = offset + layout.word;
    const present = column.validity === null || bitAt(column.validity, row);
    if (layout.kind === 'pool') {
      const id = present ? (column.words[row] as number) : 0;
      this.table.pool.retain(id);
      this.table.pool.release(page.u32[at] as number);
      page.u32[at] = id;
    } else if (column.width === 2) {
      page.u32[at] = present ? (column.words[row * 2] as number) : 0;
      page.u32[at + 1] = present ? (column.words[row * 2 + 1] as number) : 0;
    } else if (column.width === 1) {
      page.u32[at] = present ? (column.words[row] as number) : 0;
    } else {
      for (let i = 0; i < column.width; i++) {
        page.u32[at + i] = present ? (column.words[row * column.width + i] as number) : 0;
      }
    }
    if (layout.validityBit >= 0) {
      const word = offset + this.table.layout.validityWord + (layout.validityBit >>> 5);
      const bit = 1 << (layout.validityBit & 31);
      const old = page.u32[word] as number;
      page.u32[word] = present ? old | bit : old & ~bit;
    }
  }

  /** A row that is inserted again in the tick in which it was deleted keeps only its key. */
  #clearColumns(page: RowPage, offset: number): void {
    const { layout, pool } = this.table;
    for (const { word } of layout.pooled) {
      if (!layout.keyWords.includes(word)) pool.release(page.u32[offset + word] as number);
    }
    const { keyWords, wordsPerRow, validityWord } = layout;
    for (let word = validityWord; word < wordsPerRow; word++) {
      if (!keyWords.includes(word)) page.u32[offset + word] = 0;
    }
  }

  #setKey(page: RowPage, offset: number, keys: Uint32Array, start: number, retain: boolean): void {
    const { keyWords, key } = this.table.layout;
    for (let i = 0; i < keyWords.length; i++) {
      page.u32[offset + (keyWords[i] as number)] = keys[start + i] as number;
    }
    if (!retain) return;
    for (const part of key) {
      if (part.kind === 'pool') this.table.pool.retain(page.u32[offset + part.word] as number);
    }
  }

  #hashOfRow(page: RowPage, offset: number): number {
    let hash = 0;
    for (const word of this.table.layout.keyWords) {
      hash = mixWord(hash, page.u32[offset + word] as number);
    }
    return finishHash(hash);
  }
}
