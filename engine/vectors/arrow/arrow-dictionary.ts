import { elementsOf, kindOf } from '../../model/kinds.ts';
import type { ColumnDefinition } from '../../model/types.ts';
import { type FixedValues, valueAt } from '../column-vector.ts';
import type { ArrowBatch } from './arrow-batch.ts';
import { binaryReader, viewReader } from './arrow-binary.ts';
import type { PlacedField } from './arrow-field.ts';
import { misfit, wrongType } from './arrow-misfit.ts';
import type { ArrowRows } from './arrow-rows.ts';

/** Gives the text or the bytes of a row. */
export type CellReader = (row: number) => string | Uint8Array;

/** Makes a `CellReader` for rows of a batch. */
export type CellsReader = (rows: ArrowRows, place: string) => CellReader;

/** A dictionary that was sent; in more than one part where a later batch was added to it. */
export class ArrowDictionary {
  readonly values: ArrowBatch;
  readonly parts: number;
  /** So that a long dictionary is checked once, however many columns and batches point into it. */
  readonly #cells = new Map<ColumnDefinition['kind'], CellReader>();
  readonly #ordinals = new Map<ColumnDefinition, Int32Array>();

  constructor(values: ArrowBatch, parts: number) {
    this.values = values;
    this.parts = parts;
  }

  /** What `open` makes of the values, remembered for columns of this kind. */
  cells(kind: ColumnDefinition['kind'], open: () => CellReader): CellReader {
    let cells = this.#cells.get(kind);
    if (!cells) {
      cells = open();
      this.#cells.set(kind, cells);
    }
    return cells;
  }

  /** The ordinal of each of the values in an enum's column; `notLookedUp` at first. */
  ordinals(column: ColumnDefinition, length: number): Int32Array {
    let ordinals = this.#ordinals.get(column);
    if (!ordinals) {
      ordinals = new Int32Array(length).fill(notLookedUp);
      this.#ordinals.set(column, ordinals);
    }
    return ordinals;
  }
}

export const notLookedUp = -1;

/** A dictionary as a column of a batch points into it. */
export interface OpenDictionary {
  /** Null where none was sent: then nothing can point into it. */
  readonly dictionary: ArrowDictionary | null;
  /** How many values it has. */
  readonly length: number;
  /** Where in it each row's value is. */
  readonly indices: Exclude<FixedValues, BigInt64Array | BigUint64Array>;
  /** The value at an index; refuses one outside. */
  read(index: number): string | Uint8Array;
}

/** The reader of a field of a dictionary; throws where it is none, or of other values. */
export function dictionaryReader(
  field: PlacedField,
  column: ColumnDefinition,
  place: string,
): (rows: ArrowRows, place: string) => OpenDictionary {
  const { type } = field;
  if (type.kind !== 'dictionary') throw wrongType(place, type, column.kind);
  const { values } = type.dictionary;
  const open = cellsReader(values, column, place);
  const Indices = elementsOf(type.index);
  return ({ batch, start, length: rows }, at) => {
    const dictionary = batch.dictionaries[type.dictionary.place] ?? null;
    if (dictionary && dictionary.parts > 1) {
      throw misfit(at, `has a dictionary in several parts; send one`);
    }
    const indices = plainNumbers(batch.elements(field, 1, Indices, start, rows, at));
    const length = dictionary?.values.lengthOf(values) ?? 0;
    const openAll = (given: ArrowDictionary) => open({ batch: given.values, start: 0, length }, at);
    const cells = dictionary && openOnce(values, column, dictionary, openAll);
    const read = (index: number) => {
      if (!cells || index < 0 || index >= length) throw misfit(at, `points outside its dictionary`);
      return cells(index);
    };
    return { dictionary, length, indices, read };
  };
}

/** Indices of 64 bits too large to be exact lead out of any dictionary all the same. */
function plainNumbers(indices: FixedValues): OpenDictionary['indices'] {
  if (indices instanceof BigInt64Array || indices instanceof BigUint64Array) {
    return Float64Array.from(indices as Iterable<bigint>, Number);
  }
  return indices;
}

/** Texts and bytes are checked when they are opened, all of them; other values when they are read. */
function openOnce(
  values: PlacedField,
  { kind }: ColumnDefinition,
  dictionary: ArrowDictionary,
  open: (dictionary: ArrowDictionary) => CellReader,
): CellReader {
  return values.type.kind === 'binary'
    ? dictionary.cells(kind, () => open(dictionary))
    : open(dictionary);
}

/** The reader of a field of single texts or bytes; throws where it holds neither. */
export function cellsReader(
  field: PlacedField,
  column: ColumnDefinition,
  place: string,
): CellsReader {
  const { type } = field;
  switch (type.kind) {
    case 'dictionary': {
      const open = dictionaryReader(field, column, place);
      return (rows, at) => {
        const { indices, read } = open(rows, at);
        return (row) => read(indices[row] as number);
      };
    }
    case 'fixedBinary':
      if (kindOf(column).form !== 'uuid' || type.width !== 16)
        throw wrongType(place, type, column.kind);
      return ({ batch, start, length }, at) => {
        const bytes = batch.elements(field, 1, Uint8Array, start * 16, length * 16, at);
        return (row) => Buffer.from(bytes.subarray(row * 16, row * 16 + 16)).toString('hex');
      };
    case 'view':
      return viewReader(field, column, place);
    case 'binary': {
      const kind = kindOf(column).layout === 'binary' ? column.kind : 'string';
      // Nulls among a dictionary's values are read as what lies under them.
      const read = binaryReader(field, { ...column, kind, optional: true }, place);
      return (rows, at) => {
        const vector = read(rows, null, at);
        return (row) => valueAt(vector, row) as string | Uint8Array;
      };
    }
    default:
      throw wrongType(place, type, column.kind);
  }
}
