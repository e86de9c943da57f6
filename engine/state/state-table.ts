import { OpenReads } from '../govern/open-reads.ts';
import { asLsn, formatPosition } from '../model/position.ts';
import type { Row, TableDefinition } from '../model/types.ts';
import type { BytePool } from './byte-pool.ts';
import type { ColumnWords } from './column-words.ts';
import { finishHash, KeyIndex, mixWord } from './key-index.ts';
import type { RowCapture } from './row-capture.ts';
import { readRow } from './row-codec.ts';
import { committedAtWord, lsnWord, type RowLayout, rowLayout, versionWord } from './row-layout.ts';
import { RowPages } from './row-pages.ts';
import { SecondaryIndex } from './secondary-index.ts';

/**
 * The live rows of one state table: pages of fixed-size rows, the key index, secondary indexes.
 * Versions start at 1; version 0 marks a slot without a row. Changing rows is `TableChanges`'s.
 */
export class StateTable {
  readonly table: TableDefinition;
  readonly layout: RowLayout;
  readonly pool: BytePool;
  readonly pages: RowPages;
  readonly keys = new KeyIndex();
  readonly indexes: readonly SecondaryIndex[];
  /** Rows alive. */
  rowCount = 0;
  /** A checkpoint being taken, told of writes; null while there is none. */
  capture: RowCapture | null = null;
  /** Reads that go on over several turns of the event loop. */
  readonly reads = new OpenReads();
  /** What such reads compare with: it holds references in the byte pool. */
  readonly heldByReads = new Set<ColumnWords>();

  constructor(table: TableDefinition, pool: BytePool) {
    this.table = table;
    this.layout = rowLayout(table);
    this.pool = pool;
    this.pages = new RowPages(this.layout.wordsPerRow);
    this.indexes = table.indexes.map(
      (index) => new SecondaryIndex(index.name, index.columns, this.layout, this.pages),
    );
  }

  get memoryBytes(): number {
    const indexes = this.indexes.reduce((sum, index) => sum + index.memoryBytes, 0);
    return this.pages.memoryBytes + this.keys.memoryBytes + indexes;
  }

  /** Hash of the key words `words[start …]`. */
  hashKey(words: Uint32Array, start: number): number {
    let hash = 0;
    for (let i = 0; i < this.layout.keyWords.length; i++) {
      hash = mixWord(hash, words[start + i] as number);
    }
    return finishHash(hash);
  }

  /** The slot under the key words `words[start …]`, or -1. It may hold a row deleted in this tick. */
  find(hash: number, words: Uint32Array, start: number): number {
    return this.keys.find(hash, (slot) => this.holdsKey(slot, words, start));
  }

  /** Writes the hashes and slots of many keys, which lie one after the other in `words`. */
  findAll(words: Uint32Array, hashes: Int32Array, slots: Int32Array): void {
    const width = this.layout.keyWords.length;
    for (let i = 0; i < hashes.length; i++) hashes[i] = this.hashKey(words, i * width);
    this.keys.firstUnder(hashes, slots);
    for (let i = 0; i < hashes.length; i++) {
      const slot = slots[i] as number;
      if (slot === -1 || this.holdsKey(slot, words, i * width)) continue;
      slots[i] = this.find(hashes[i] as number, words, i * width);
    }
  }

  /** Whether the slot's row, alive or deleted in this tick, has the key words `words[start …]`. */
  holdsKey(slot: number, words: Uint32Array, start: number): boolean {
    const page = this.pages.page(slot).u32;
    const offset = this.pages.offset(slot);
    const { keyWords } = this.layout;
    for (let i = 0; i < keyWords.length; i++) {
      if (page[offset + (keyWords[i] as number)] !== words[start + i]) return false;
    }
    return true;
  }

  isAlive(slot: number): boolean {
    return this.pages.page(slot).u32[this.pages.offset(slot) + versionWord] !== 0;
  }

  /** The row with its system columns. */
  row(slot: number): Row {
    const page = this.pages.page(slot);
    const offset = this.pages.offset(slot);
    const row = readRow(this.layout, page, offset, this.pool);
    row.version = page.u32[offset + versionWord] as number;
    row.position = formatPosition(asLsn(page.f64[(offset + lsnWord) >> 1] as number));
    row.committedAt = page.f64[(offset + committedAtWord) >> 1] as number;
    return row;
  }

  /** Slots of all rows, in no order; rows may be written between two of them. */
  *slots(): IterableIterator<number> {
    for (let slot = 0; slot < this.pages.slotCount; slot++) if (this.isAlive(slot)) yield slot;
  }
}
