import type { ColumnVector } from '../tick/column-vector.ts';
import { bitAt } from '../tick/column-vector.ts';
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
  const system = vectors.slice(0, rowSystemColumns.length).map(numbers);
  const [slots, versions, actions, ticks, lsns, committedAt] = system;
  if (!slots || !versions || !actions || !ticks || !lsns || !committedAt) {
    throw new RangeError('a captured page has its system columns');
  }
  const { wordsPerRow } = layout;
  for (let i = 0; i < slots.length; i++) {
    const offset = (slots[i] as number) * wordsPerRow;
    page.f64[(offset + lsnWord) >> 1] = lsns[i] as number;
    page.f64[(offset + committedAtWord) >> 1] = committedAt[i] as number;
    page.u32[offset + versionWord] = versions[i] as number;
    page.u32[offset + actionWord] = actions[i] as number;
    page.u32[offset + tickWord] = ticks[i] as number;
  }
  for (const vector of vectors.slice(rowSystemColumns.length)) {
    const column = layout.columns.find((c) => c.column.name === vector.column.name);
    if (!column) throw new RangeError(`the manifest lacks the column "${vector.column.name}"`);
    // The references that `columnWords` takes pass to the rows.
    const { words, width, validity } = columnWords(vector, pool);
    for (let i = 0; i < slots.length; i++) {
      const offset = (slots[i] as number) * wordsPerRow;
      page.u32[offset + column.word] = words[i * width] as number;
      if (width === 2) page.u32[offset + column.word + 1] = words[i * 2 + 1] as number;
      if (column.validityBit < 0 || (validity !== null && !bitAt(validity, i))) continue;
      const at = offset + layout.validityWord + (column.validityBit >>> 5);
      page.u32[at] = (page.u32[at] as number) | (1 << (column.validityBit & 31));
    }
  }
  const key = new Uint32Array(layout.keyWords.length);
  for (const row of slots) {
    const offset = row * wordsPerRow;
    for (let k = 0; k < key.length; k++) {
      key[k] = page.u32[offset + (layout.keyWords[k] as number)] as number;
    }
    const slot = (pageIndex << pageRowBits) | row;
    table.keys.add(table.hashKey(key, 0), slot);
    for (const index of table.indexes) index.add(slot);
  }
  table.rowCount += slots.length;
}

function numbers(vector: ColumnVector): Uint32Array | Float64Array {
  if (vector.layout === 'fixed') {
    const { values } = vector;
    if (values instanceof Uint32Array || values instanceof Float64Array) return values;
  }
  throw new RangeError('system columns are u32 or f64');
}
