import { plainColumn } from '../model/plain-column.ts';
import type { ColumnDefinition } from '../model/types.ts';
import type { ColumnMemory } from '../vectors/column-memory.ts';
import type { ColumnBatch, ColumnVector, FixedVector } from '../vectors/column-vector.ts';
import { gatherRows } from './row-codec.ts';
import { actionWord, committedAtWord, lsnWord, tickWord, versionWord } from './row-layout.ts';
import { newPage, pageRowBits, pageRows, type RowPage, RowPages } from './row-pages.ts';
import type { StateTable } from './state-table.ts';

/** The rows of one page as they were at the capture's position. */
export interface CapturedPage {
  /** System columns (`rowSystemColumns`), then the declared ones; one row a live row. */
  readonly rows: ColumnBatch;
}

/** What a row of a checkpoint has beside its declared columns. `_slot` counts within the page. */
export const rowSystemColumns: readonly ColumnDefinition[] = [
  plainColumn('_slot', 'u32'),
  plainColumn('_version', 'u32'),
  plainColumn('_action', 'u32'),
  plainColumn('_tick', 'u32'),
  plainColumn('_lsn', 'f64'),
  plainColumn('_committedAt', 'f64'),
];

/**
 * A table as it was at one position, read page by page while ticks go on. Before a row is written
 * for the first time after that position, and its page has not been taken yet, its words are
 * saved aside; `take` puts them back over a copy of the page. So a commit pays for the rows it
 * writes, never for a page, and memory is bounded by the rows written meanwhile.
 */
export class RowCapture {
  readonly #table: StateTable;
  readonly #lsn: number;
  /** By page: 1 where it is still to be taken. */
  readonly #waiting: Uint8Array;
  /** Rows saved: in pages, since what grows in one piece would be copied while a commit waits. */
  readonly #images: RowPages;
  /** By page, once a row of it is saved: by row, its image plus one; 0 where it has none. */
  readonly #saved: (Int32Array | undefined)[] = [];
  /** A page put together of live rows and images; null before the first. */
  #together: RowPage | null = null;
  readonly #rows = new Uint32Array(pageRows);

  /** Attaches itself to the table; `pages` are those that will be taken. */
  constructor(table: StateTable, lsn: number, pages: readonly number[]) {
    this.#table = table;
    this.#lsn = lsn;
    this.#waiting = new Uint8Array((pages.at(-1) ?? -1) + 1);
    for (const page of pages) this.#waiting[page] = 1;
    this.#images = new RowPages(table.layout.wordsPerRow);
    table.capture = this;
  }

  /** Called before the first write of a row in a tick. */
  beforeWrite(slot: number, page: RowPage, offset: number): void {
    const pageIndex = slot >>> pageRowBits;
    if (this.#waiting[pageIndex] !== 1) return;
    if ((page.f64[(offset + lsnWord) >> 1] as number) > this.#lsn) return;
    let saved = this.#saved[pageIndex];
    if (!saved) {
      saved = new Int32Array(pageRows);
      this.#saved[pageIndex] = saved;
    }
    const row = slot & (pageRows - 1);
    // A slot that was freed and taken again since then has been saved before.
    if (saved[row] !== 0) return;
    saved[row] = this.#save(page, offset) + 1;
    for (const { word } of this.#table.layout.pooled) {
      this.#table.pool.retain(page.u32[offset + word] as number);
    }
  }

  /** The page's rows at the position, in `memory`. Each page is taken once. */
  gather(pageIndex: number, memory: ColumnMemory): CapturedPage {
    const { layout, pages, pool } = this.#table;
    const words = layout.wordsPerRow;
    const live = pages.pages[pageIndex] as RowPage;
    const saved = this.#saved[pageIndex];
    const isWhole = !saved && isDense(live, words, this.#lsn);
    const page = isWhole ? live : this.#putTogether(live, saved);
    const count = this.#moveTogether(page);
    const { length, vectors } = gatherRows(layout, page, count, pool, memory);
    const rows = memory.copyOf(this.#rows.subarray(0, count));
    const captured = [...systemVectors(page, rows, words, memory), ...vectors];
    this.#waiting[pageIndex] = 0;
    if (saved) this.#release(saved);
    this.#saved[pageIndex] = undefined;
    return { rows: { length, vectors: captured } };
  }

  /** Detaches from the table, giving back what was saved. */
  end(): void {
    this.#table.capture = null;
    for (const saved of this.#saved) if (saved) this.#release(saved);
    this.#saved.length = 0;
    this.#waiting.fill(0);
  }

  /** Adds to `held`, by id, the references to pooled values of saved rows. */
  countHeld(held: Uint32Array): void {
    const { pooled } = this.#table.layout;
    const images = this.#images;
    for (const saved of this.#saved) {
      for (const place of saved ?? []) {
        if (place === 0) continue;
        const { u32 } = images.page(place - 1);
        const offset = images.offset(place - 1);
        for (const { word } of pooled) {
          const id = u32[offset + word] as number;
          held[id] = (held[id] as number) + 1;
        }
      }
    }
  }

  /** Copies a row's words aside; returns the image's index. */
  #save(page: RowPage, offset: number): number {
    const images = this.#images;
    const image = images.allocate();
    copyRow(page, offset, images.page(image), images.offset(image), images.wordsPerRow);
    return image;
  }

  /** The page with the saved rows as they were. */
  #putTogether(live: RowPage, saved: Int32Array | undefined): RowPage {
    const words = this.#table.layout.wordsPerRow;
    this.#together ??= newPage(pageRows, words);
    const together = this.#together;
    together.u32.set(live.u32);
    for (let row = 0; saved && row < pageRows; row++) {
      const image = (saved[row] as number) - 1;
      if (image === -1) continue;
      const images = this.#images;
      copyRow(images.page(image), images.offset(image), together, row * words, words);
    }
    return together;
  }

  /** Moves the rows to take to the page's begin (a live page has them there) and notes which they are. */
  #moveTogether(page: RowPage): number {
    const words = this.#table.layout.wordsPerRow;
    let count = 0;
    for (let row = 0, at = 0; row < pageRows; row++, at += words) {
      if (!isThere(page, at, this.#lsn)) continue;
      if (count !== row) page.u32.copyWithin(count * words, at, at + words);
      this.#rows[count++] = row;
    }
    return count;
  }

  #release(saved: Int32Array): void {
    const { pool, layout } = this.#table;
    if (layout.pooled.length === 0) return;
    const images = this.#images;
    for (const place of saved) {
      if (place === 0) continue;
      const { u32 } = images.page(place - 1);
      const offset = images.offset(place - 1);
      for (const { word } of layout.pooled) pool.release(u32[offset + word] as number);
    }
  }
}

function copyRow(from: RowPage, at: number, to: RowPage, target: number, words: number): void {
  const source = from.u32;
  const copy = to.u32;
  for (let i = 0; i < words; i++) copy[target + i] = source[at + i] as number;
}

/** The row at `offset` lives, and was written up to the position. */
function isThere(page: RowPage, offset: number, lsn: number): boolean {
  if (page.u32[offset + versionWord] === 0) return false;
  return (page.f64[(offset + lsnWord) >> 1] as number) <= lsn;
}

/** The rows to take lie side by side from the page's begin: they need not be moved together. */
function isDense(page: RowPage, words: number, lsn: number): boolean {
  let row = 0;
  while (row < pageRows && isThere(page, row * words, lsn)) row++;
  for (; row < pageRows; row++) if (isThere(page, row * words, lsn)) return false;
  return true;
}

function systemVectors(
  page: RowPage,
  slots: Uint32Array,
  words: number,
  memory: ColumnMemory,
): ColumnVector[] {
  const { length } = slots;
  const integers = [versionWord, actionWord, tickWord].map((word) => {
    const values = memory.uint32s(length);
    for (let i = 0, at = word; i < length; i++, at += words) values[i] = page.u32[at] as number;
    return values;
  });
  const floats = [lsnWord, committedAtWord].map((word) => {
    const values = memory.fixed(Float64Array, length);
    for (let i = 0, at = word; i < length; i++, at += words)
      values[i] = page.f64[at >> 1] as number;
    return values;
  });
  const values = [slots, ...integers, ...floats];
  return rowSystemColumns.map((column, i): FixedVector => {
    return {
      column,
      layout: 'fixed',
      length,
      validity: null,
      values: values[i] as FixedVector['values'],
    };
  });
}
