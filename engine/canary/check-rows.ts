import { kindOf } from '../model/kinds.ts';
import { noBytes } from '../state/byte-pool.ts';
import { isPresent } from '../state/row-codec.ts';
import { type ColumnLayout, committedAtWord, lsnWord, versionWord } from '../state/row-layout.ts';
import { pageRowBits, pageRows } from '../state/row-pages.ts';
import type { StateTable } from '../state/state-table.ts';
import { BrokenInvariant, type Invariant, rowPlace } from './broken-invariant.ts';

/** All rows of a table, slot by slot, word by word, as of `lsn`. Throws `BrokenInvariant`. */
export function checkRows(table: StateTable, lsn: number): void {
  checkSlots(table, lsn);
  checkKeys(table);
  for (const column of table.layout.columns) checkCells(table, column);
}

function broken(table: StateTable, invariant: Invariant, slot: number, complaint: string): never {
  throw new BrokenInvariant(invariant, rowPlace(table, slot), complaint);
}

function brokenTable(table: StateTable, invariant: Invariant, complaint: string): never {
  throw new BrokenInvariant(invariant, { place: table.table.name, key: null }, complaint);
}

function checkSlots(table: StateTable, lsn: number): void {
  const { pages } = table;
  const { wordsPerRow } = table.layout;
  const isFree = new Uint8Array(pages.pages.length * pageRows);
  let rows = 0;
  for (let index = 0; index < pages.pages.length; index++) {
    const first = index << pageRowBits;
    const { u32, f64 } = pages.page(first);
    const touchedAt = pages.touchedAt(index);
    for (let row = 0, offset = 0; row < pageRows; row++, offset += wordsPerRow) {
      const slot = first + row;
      if (u32[offset + versionWord] === 0) {
        isFree[slot] = 1;
        for (let word = 0; word < wordsPerRow; word++) {
          if (u32[offset + word] === 0) continue;
          broken(table, 'slots', slot, `has no version and words that are not zero`);
        }
        continue;
      }
      rows++;
      if (slot >= pages.slotCount) broken(table, 'slots', slot, 'is where no slot was taken');
      const writtenAt = f64[(offset + lsnWord) >> 1] as number;
      if (!(writtenAt > 0 && writtenAt <= lsn)) {
        broken(table, 'stamps', slot, `was written at position ${writtenAt} of ${lsn}`);
      }
      if (!Number.isFinite(f64[(offset + committedAtWord) >> 1])) {
        broken(table, 'stamps', slot, 'was written at no time');
      }
      if (writtenAt > touchedAt) {
        broken(table, 'stamps', slot, `was written at ${writtenAt}, its page at ${touchedAt}`);
      }
    }
  }
  if (rows !== table.rowCount) {
    brokenTable(table, 'slots', `has ${rows} rows and counts ${table.rowCount}`);
  }
  for (const slot of pages.freeSlots) {
    if (slot >= pages.slotCount || isFree[slot] !== 1) {
      broken(table, 'slots', slot, 'is free, and has a row or is free twice');
    }
    isFree[slot] = 2;
  }
  if (rows + pages.freeSlots.length !== pages.slotCount) {
    const free = pages.freeSlots.length;
    brokenTable(table, 'slots', `has ${rows} rows and ${free} free of ${pages.slotCount} slots`);
  }
}

/**
 * The first slot under a row's key is the row's own: no row is out of reach, no two have one key.
 * As many entries as rows then leave no entry for anything else.
 */
function checkKeys(table: StateTable): void {
  const { keys, layout, pages } = table;
  const width = layout.keyWords.length;
  const words = new Uint32Array(pageRows * width);
  const slots = new Int32Array(pageRows);
  for (let index = 0; index < pages.pages.length; index++) {
    const first = index << pageRowBits;
    const { u32 } = pages.page(first);
    let count = 0;
    for (let row = 0, offset = 0; row < pageRows; row++, offset += layout.wordsPerRow) {
      if (u32[offset + versionWord] === 0) continue;
      for (let i = 0; i < width; i++) {
        words[count * width + i] = u32[offset + (layout.keyWords[i] as number)] as number;
      }
      slots[count++] = first + row;
    }
    const found = new Int32Array(count);
    table.findAll(words, new Int32Array(count), found);
    for (let i = 0; i < count; i++) {
      if (found[i] === slots[i]) continue;
      broken(table, 'keys', slots[i] as number, `is not found under its key (slot ${found[i]} is)`);
    }
  }
  let entries = 0;
  keys.forEach(() => {
    entries++;
  });
  if (entries !== table.rowCount || keys.size !== entries) {
    const counts = `${entries} entries, counts ${keys.size}, and has ${table.rowCount} rows`;
    brokenTable(table, 'keys', `has a key index of ${counts}`);
  }
}

function checkCells(table: StateTable, column: ColumnLayout): void {
  const { layout, pages } = table;
  const { words, word, validityBit } = column;
  const isValue = valueTest(table, column);
  const name = column.column.name;
  for (let index = 0; index < pages.pages.length; index++) {
    const first = index << pageRowBits;
    const page = pages.page(first);
    const { u32 } = page;
    for (let row = 0, offset = 0; row < pageRows; row++, offset += layout.wordsPerRow) {
      if (u32[offset + versionWord] === 0) continue;
      if (validityBit >= 0 && !isPresent(layout, column, page, offset)) {
        if (u32.subarray(offset + word, offset + word + words).some((held) => held !== 0)) {
          broken(table, 'cells', first + row, `has a null with a value in ${name}`);
        }
      } else if (!isValue(u32[offset + word] as number)) {
        broken(table, 'cells', first + row, `has no value of its kind in ${name}`);
      }
    }
  }
}

/** Whether a word is one that a value of the column may have; wide ones may have any. */
function valueTest(table: StateTable, { column, kind }: ColumnLayout): (word: number) => boolean {
  const { pool } = table;
  const { range, elements, stride } = kindOf(column);
  switch (kind) {
    case 'bool':
      return (word) => word <= 1;
    case 'enum':
      return (word) => word < column.values.length;
    case 'u32': {
      const [, max] = range ?? [0, 0xffff_ffff];
      return (word) => word <= max;
    }
    case 'i32': {
      const [low, high] = range ?? [-(2 ** 31), 2 ** 31 - 1];
      return (word) => (word | 0) >= low && (word | 0) <= high;
    }
    case 'pool': {
      const { idCount } = pool.tables;
      const isId = (id: number) => id !== noBytes && id < idCount;
      if (!elements) return isId;
      const bytes = elements.BYTES_PER_ELEMENT * stride;
      return (id) => isId(id) && pool.byteLength(id) === bytes;
    }
    case 'f32':
    case 'f64':
    case 'i64':
    case 'u64':
      return () => true;
  }
}
