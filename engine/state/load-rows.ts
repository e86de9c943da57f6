import { bitAt, type ColumnVector } from '../vectors/column-vector.ts';
import { columnWords } from './column-words.ts';
import { rowSystemColumns } from './row-capture.ts';
import { actionWord, committedAtWord, lsnWord, tickWord, versionWord } from './row-layout.ts';
import { pageRowBits } from './row-pages.ts';
import type { StateTable } from './state-table.ts';

/** Puts the rows of one captured page (`RowCapture.take`) back where they were, keys and indexes included. */
export function loadPage(
  table: StateTable,
  pageIndex: number,
  vectors: readonly ColumnVector[],
  lsn: number,
): void {
  const { layout, pages, pool } = table;
  const page = pages.loadPage(pageIndex, lsn);
  const { u32, f64 } = page;
  const { wordsPerRow, validityWord } = layout;
  const [slots, versions, actions, ticks] = vectors.slice(0, 4).map(integers);
  const [lsns, committedAt] = vectors.slice(4, rowSystemColumns.length).map(doubles);
  if (!slots || !versions || !actions || !ticks || !lsns || !committedAt) {
    throw new RangeError('a captured page has its system columns');
  }
  for (let i = 0; i < slots.length; i++) {
    const offset = (slots[i] as number) * wordsPerRow;
    f64[(offset + lsnWord) >> 1] = lsns[i] as number;
    f64[(offset + committedAtWord) >> 1] = committedAt[i] as number;
    u32[offset + versionWord] = versions[i] as number;
    u32[offset + actionWord] = actions[i] as number;
    u32[offset + tickWord] = ticks[i] as number;
  }
  for (const vector of vectors.slice(rowSystemColumns.length)) {
    const column = layout.columns.find((c) => c.column.name === vector.column.name);
    if (!column) throw new RangeError(`the manifest lacks the column "${vector.column.name}"`);
    // The references that `columnWords` takes pass to the rows.
    const { words, width, validity } = columnWords(vector, pool);
    const { word, validityBit } = column;
    for (let i = 0; i < slots.length; i++) {
      const at = (slots[i] as number) * wordsPerRow + word;
      for (let w = 0; w < width; w++) u32[at + w] = words[i * width + w] as number;
    }
    if (validityBit < 0) continue;
    for (let i = 0; i < slots.length; i++) {
      if (validity !== null && !bitAt(validity, i)) continue;
      const at = (slots[i] as number) * wordsPerRow + validityWord + (validityBit >>> 5);
      u32[at] = (u32[at] as number) | (1 << (validityBit & 31));
    }
  }
  const key = new Uint32Array(layout.keyWords.length);
  for (const row of slots) {
    const offset = row * wordsPerRow;
    for (let k = 0; k < key.length; k++) {
      key[k] = u32[offset + (layout.keyWords[k] as number)] as number;
    }
    const slot = (pageIndex << pageRowBits) | row;
    table.keys.add(table.hashKey(key, 0), slot);
    for (const index of table.indexes) index.add(slot);
  }
  table.rowCount += slots.length;
}

function integers(vector: ColumnVector): Uint32Array {
  if (vector.layout === 'fixed' && vector.values instanceof Uint32Array) return vector.values;
  throw new RangeError(`${vector.column.name} is u32`);
}

function doubles(vector: ColumnVector): Float64Array {
  if (vector.layout === 'fixed' && vector.values instanceof Float64Array) return vector.values;
  throw new RangeError(`${vector.column.name} is f64`);
}
