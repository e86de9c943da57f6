import type { ColumnDefinition, ScalarKind } from '../manifest/types.ts';
import type { ColumnMemory } from '../tick/column-memory.ts';
import type { ColumnBatch, ColumnVector, FixedVector } from '../tick/column-vector.ts';
import { gatherRows } from './row-codec.ts';
import { actionWord, committedAtWord, lsnWord, tickWord, versionWord } from './row-layout.ts';
import { pageRowBits, pageRows, RowImages, type RowPage } from './row-pages.ts';
import type { StateTable } from './state-table.ts';

/** The rows of one page as they were at the capture's position. */
export interface CapturedPage {
  /** System columns (`rowSystemColumns`), then the declared ones; one row a live row. */
  readonly rows: ColumnBatch;
}

function systemColumn(name: string, kind: ScalarKind): ColumnDefinition {
  return { name, kind, optional: false, list: false, values: [] };
}

/** What a row of a checkpoint has beside its declared columns. `_slot` counts within the page. */
export const rowSystemColumns: readonly ColumnDefinition[] = [
  systemColumn('_slot', 'u32'),
  systemColumn('_version', 'u32'),
  systemColumn('_action', 'u32'),
  systemColumn('_tick', 'u32'),
  systemColumn('_lsn', 'f64'),
  systemColumn('_committedAt', 'f64'),
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
  readonly #waiting: Set<number>;
  readonly #images: RowImages;
  /** The page being taken, where its rows have to be put together: of images and live rows. */
  readonly #together: RowImages;
  readonly #slots = new Uint32Array(pageRows);
  /** Image by slot, by page. */
  readonly #saved = new Map<number, Map<number, number>>();

  /** Attaches itself to the table; `pages` are those that will be taken. */
  constructor(table: StateTable, lsn: number, pages: readonly number[]) {
    this.#table = table;
    this.#lsn = lsn;
    this.#waiting = new Set(pages);
    this.#images = new RowImages(table.layout.wordsPerRow);
    this.#together = new RowImages(table.layout.wordsPerRow);
    table.capture = this;
  }

  /** Called before the first write of a row in a tick. */
  beforeWrite(slot: number, page: RowPage, offset: number): void {
    const pageIndex = slot >>> pageRowBits;
    if (!this.#waiting.has(pageIndex)) return;
    if ((page.f64[(offset + lsnWord) >> 1] as number) > this.#lsn) return;
    let images = this.#saved.get(pageIndex);
    if (!images) {
      images = new Map();
      this.#saved.set(pageIndex, images);
    }
    // A slot that was freed and taken again since then has been saved before.
    if (images.has(slot)) return;
    images.set(slot, this.#images.push(page, offset));
    for (const { word } of this.#table.layout.pooled) {
      this.#table.pool.retain(page.u32[offset + word] as number);
    }
  }

  /** The page's rows at the position, in `memory`. Each page is taken once. */
  take(pageIndex: number, memory: ColumnMemory): CapturedPage {
    const { layout, pages, pool } = this.#table;
    const words = layout.wordsPerRow;
    const saved = this.#saved.get(pageIndex);
    const live = pages.pages[pageIndex] as RowPage;
    const together = saved || !isDense(live, words, this.#lsn) ? this.#together : null;
    together?.truncate(0);
    let count = 0;
    for (let row = 0; row < pageRows; row++) {
      const image = saved?.get((pageIndex << pageRowBits) | row);
      const source = image === undefined ? live : this.#images.page;
      const offset = image === undefined ? row * words : this.#images.offset(image);
      if (!isThere(source, offset, this.#lsn)) continue;
      together?.push(source, offset);
      this.#slots[count++] = row;
    }
    const rows = together?.page ?? live;
    const { length, vectors } = gatherRows(layout, rows, count, pool, memory);
    const slots = memory.uint32s(this.#slots.subarray(0, count));
    const captured = [...systemVectors(rows, slots, words, memory), ...vectors];
    this.#waiting.delete(pageIndex);
    this.#saved.delete(pageIndex);
    for (const image of saved?.values() ?? []) {
      const offset = this.#images.offset(image);
      for (const { word } of layout.pooled)
        pool.release(this.#images.page.u32[offset + word] as number);
    }
    return { rows: { length, vectors: captured } };
  }

  /** Detaches from the table, giving back what was saved. */
  end(): void {
    this.#table.capture = null;
    for (const saved of this.#saved.values()) {
      for (const image of saved.values()) {
        const offset = this.#images.offset(image);
        for (const { word } of this.#table.layout.pooled) {
          this.#table.pool.release(this.#images.page.u32[offset + word] as number);
        }
      }
    }
    this.#saved.clear();
    this.#waiting.clear();
  }
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
    const values = memory.fixed(Uint32Array, length);
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
