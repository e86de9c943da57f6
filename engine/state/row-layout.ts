import { kindOf, partColumns, type WordKind, wholeName } from '../model/kinds.ts';
import type { ColumnDefinition, TableDefinition } from '../model/types.ts';

/**
 * How a state table's row lies in memory: 32-bit words, side by side, so that reading, saving and
 * writing a row touches one or two cache lines. (Measured by `bench/row-layout.ts`: a random update
 * of a million rows with its before and after images costs half of what it does with an array a
 * column.)
 *
 * ```
 * word  0-1     2-3          4        5       6     7       8…         …           …
 *      | lsn | committedAt | version | action | tick | free   | validity | 8-byte    | 4-byte   |
 *      | f64 | f64         | u32     | u32    | +1   |        | bits     | columns   | columns  |
 * ```
 *
 * Strings, JSON, bytes and UUIDs are ids in the byte pool; small integers are widened to a word.
 */
export interface RowLayout {
  readonly table: TableDefinition;
  readonly columns: readonly ColumnLayout[];
  /** Even, so that 8-byte words stay aligned. */
  readonly wordsPerRow: number;
  readonly validityWord: number;
  readonly validityWords: number;
  /** The key's columns, in key order. */
  readonly key: readonly ColumnLayout[];
  /** Words of the key, in key order: offsets in the row. */
  readonly keyWords: readonly number[];
  /** Columns whose word is an id in the byte pool. */
  readonly pooled: readonly ColumnLayout[];
}

export interface ColumnLayout {
  readonly column: ColumnDefinition;
  /** Index in `table.columns`. */
  readonly index: number;
  readonly kind: WordKind;
  readonly word: number;
  readonly words: number;
  /** Index of the bit that says "present"; -1 where the column is never null. */
  readonly validityBit: number;
}

export const lsnWord = 0;
export const committedAtWord = 2;
export const versionWord = 4;
export const actionWord = 5;
/** The tick plus one; 0 for a write outside tick order. */
export const tickWord = 6;
const firstFreeWord = 8;

/** How many words of a row a column takes. */
export function wordsOf(column: ColumnDefinition): number {
  const { word, stride } = kindOf(column);
  if (word === 'pool') return 1;
  return isDouble(word) ? stride * 2 : stride;
}

function isDouble(word: WordKind): boolean {
  return word === 'f64' || word === 'i64' || word === 'u64';
}

export function rowLayout(table: TableDefinition): RowLayout {
  const optional = table.columns.filter((column) => column.optional);
  const validityWords = Math.ceil(optional.length / 32);
  let word = firstFreeWord + validityWords + (validityWords % 2);
  const layouts = new Map<string, ColumnLayout>();
  for (const areDoubles of [true, false]) {
    table.columns.forEach((column, index) => {
      const kind = kindOf(column).word;
      if (isDouble(kind) !== areDoubles) return;
      const words = wordsOf(column);
      const validityBit = column.optional ? optional.indexOf(column) : -1;
      layouts.set(column.name, { column, index, kind, word, words, validityBit });
      word += words;
    });
  }
  const columns = table.columns.map((column) => layoutOf(layouts, column.name));
  const key = table.key.map((name) => layoutOf(layouts, name));
  return {
    table,
    columns,
    wordsPerRow: word + (word % 2),
    validityWord: firstFreeWord,
    validityWords,
    key,
    keyWords: key.flatMap(wordsIn),
    pooled: columns.filter((layout) => layout.kind === 'pool'),
  };
}

/** The place of a column, or of a part of one; undefined where the table has none of that name. */
export function placeOf(layout: RowLayout, name: string): ColumnLayout | undefined {
  const whole = wholeName(name);
  const place = layout.columns.find(({ column }) => column.name === (whole ?? name));
  if (!place || whole === null) return place;
  const parts = partColumns(place.column);
  const index = parts.findIndex((part) => part.name === name);
  const column = parts[index];
  if (!column) return undefined;
  const words = wordsOf(column);
  return { ...place, column, kind: kindOf(column).word, word: place.word + index * words, words };
}

/** The words of a column, as offsets in the row. */
export function wordsIn({ word, words }: ColumnLayout): number[] {
  return Array.from({ length: words }, (_, i) => word + i);
}

function layoutOf(layouts: ReadonlyMap<string, ColumnLayout>, name: string): ColumnLayout {
  const layout = layouts.get(name);
  if (!layout) throw new RangeError(`a valid state table has its key column "${name}"`);
  return layout;
}
