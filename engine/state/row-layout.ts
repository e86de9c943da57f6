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

/** How a column's words are read. */
export type WordKind = 'bool' | 'u32' | 'i32' | 'f32' | 'enum' | 'f64' | 'i64' | 'u64' | 'pool';

export interface ColumnLayout {
  readonly column: ColumnDefinition;
  /** Index in `table.columns`. */
  readonly index: number;
  readonly kind: WordKind;
  readonly word: number;
  readonly words: 1 | 2;
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

export function wordKind(column: ColumnDefinition): WordKind {
  switch (column.kind) {
    case 'bool':
      return 'bool';
    case 'u8':
    case 'u16':
    case 'u32':
      return 'u32';
    case 'i8':
    case 'i16':
    case 'i32':
      return 'i32';
    case 'f32':
      return 'f32';
    case 'enum':
      return 'enum';
    case 'f64':
      return 'f64';
    case 'i64':
    case 'timestamp':
      return 'i64';
    case 'u64':
      return 'u64';
    case 'string':
    case 'json':
    case 'bytes':
    case 'uuid':
      return 'pool';
  }
}

export function wordsOf(kind: WordKind): 1 | 2 {
  return kind === 'f64' || kind === 'i64' || kind === 'u64' ? 2 : 1;
}

export function rowLayout(table: TableDefinition): RowLayout {
  const optional = table.columns.filter((column) => column.optional);
  const validityWords = Math.ceil(optional.length / 32);
  let word = firstFreeWord + validityWords + (validityWords % 2);
  const layouts = new Map<string, ColumnLayout>();
  for (const width of [2, 1] as const) {
    table.columns.forEach((column, index) => {
      const kind = wordKind(column);
      if (wordsOf(kind) !== width) return;
      const validityBit = column.optional ? optional.indexOf(column) : -1;
      layouts.set(column.name, { column, index, kind, word, words: width, validityBit });
      word += width;
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
    keyWords: key.flatMap((part) => (part.words === 2 ? [part.word, part.word + 1] : [part.word])),
    pooled: columns.filter((layout) => layout.kind === 'pool'),
  };
}

function layoutOf(layouts: ReadonlyMap<string, ColumnLayout>, name: string): ColumnLayout {
  const layout = layouts.get(name);
  if (!layout) throw new RangeError(`a valid state table has its key column "${name}"`);
  return layout;
}
