import { type FixedValues, kindOf } from '../model/kinds.ts';
import type { ColumnDefinition, Scalar, Value } from '../model/types.ts';
import { utf8 } from '../model/utf8.ts';

/**
 * One column of rows in memory, laid out exactly as Arrow lays it out, so that the commit
 * endpoint's bodies, the log's records, change sets and exports are copies of each other, never
 * conversions.
 *
 * The kind says the layout (`model/kinds.ts`):
 *
 * | layout | vector |
 * |---|---|
 * | `fixed` | a typed array, one element a row; of an enum ordinals into `column.values` |
 * | `strided` | a typed array, `stride` elements a row |
 * | `bool` | one bit a row, least significant first |
 * | `binary` | Int32 offsets (rows + 1) into `data` |
 * | `list` | Int32 offsets (rows + 1) into a `child` vector without nulls |
 *
 * `validity` has one bit a row, 1 = present; null when every row is present. Values under a 0 bit
 * are zero (or of zero length), always, so that equal columns are equal bytes. `offsets[0]` is 0.
 * Typed arrays may be longer than `length` needs; bytes past it are meaningless.
 */
export type ColumnVector = LeafVector | ListVector;
export type LeafVector = FixedVector | StridedVector | BoolVector | BinaryVector;

export type { FixedValues };

interface VectorBase {
  readonly column: ColumnDefinition;
  readonly length: number;
  readonly validity: Uint8Array | null;
}
export interface FixedVector extends VectorBase {
  readonly layout: 'fixed';
  readonly values: FixedValues;
}
export interface StridedVector extends VectorBase {
  readonly layout: 'strided';
  readonly stride: number;
  readonly values: FixedValues;
}
export interface BoolVector extends VectorBase {
  readonly layout: 'bool';
  readonly bits: Uint8Array;
}
export interface BinaryVector extends VectorBase {
  readonly layout: 'binary';
  readonly offsets: Int32Array;
  readonly data: Uint8Array;
}
export interface ListVector extends VectorBase {
  readonly layout: 'list';
  readonly offsets: Int32Array;
  /** A vector of the same column with `list: false, optional: false`. */
  readonly child: LeafVector;
}

/** Rows of equal length columns; `vectors[i]` is the column `vectors[i].column`. */
export interface ColumnBatch {
  readonly length: number;
  readonly vectors: readonly ColumnVector[];
}

export function bitAt(bits: Uint8Array, index: number): boolean {
  return ((bits[index >>> 3] as number) & (1 << (index & 7))) !== 0;
}

export function isNullAt(vector: ColumnVector, row: number): boolean {
  return vector.validity !== null && !bitAt(vector.validity, row);
}

/** The row's value as JavaScript sees it; see `Scalar` for the shapes. */
export function valueAt(vector: ColumnVector, row: number): Value {
  if (isNullAt(vector, row)) return null;
  if (vector.layout !== 'list') return scalarAt(vector, row);
  const start = vector.offsets[row] as number;
  const end = vector.offsets[row + 1] as number;
  const list: Scalar[] = [];
  for (let i = start; i < end; i++) list.push(scalarAt(vector.child, i));
  return list;
}

function scalarAt(vector: LeafVector, row: number): Scalar {
  const { column } = vector;
  switch (vector.layout) {
    case 'fixed':
      return scalarOf(column, vector.values[row] as number | bigint);
    case 'bool':
      return bitAt(vector.bits, row);
    case 'strided':
      return scalarOfElements(column, vector.values, row * vector.stride);
    case 'binary': {
      const { data, offsets } = vector;
      return scalarOfBytes(column, data.subarray(offsets[row] as number, offsets[row + 1]));
    }
  }
}

/** The value that an element of a `fixed` column stands for. */
export function scalarOf(column: ColumnDefinition, element: number | bigint): Scalar {
  switch (kindOf(column).form) {
    case 'enum':
      return column.values[element as number] as string;
    case 'timestamp':
      return Number(element);
    default:
      return element;
  }
}

/** The value that a row's elements in a `strided` column stand for. */
export function scalarOfElements(
  column: ColumnDefinition,
  values: FixedValues,
  at: number,
): Scalar {
  const { parts } = kindOf(column);
  if (!parts) return formatUuid(values as Uint8Array, at);
  const value: { [part: string]: number } = {};
  for (let i = 0; i < parts.names.length; i++) {
    value[parts.names[i] as string] = values[at + i] as number;
  }
  return value;
}

/** The value that a row's bytes in a `binary` column stand for. */
export function scalarOfBytes(column: ColumnDefinition, bytes: Uint8Array): Scalar {
  return kindOf(column).form === 'bytes' ? bytes.slice() : utf8.decode(bytes);
}

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export function formatUuid(bytes: Uint8Array, offset: number): string {
  let text = '';
  for (let i = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) text += '-';
    text += hex[bytes[offset + i] as number];
  }
  return text;
}
