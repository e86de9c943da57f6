import type { ColumnDefinition, Scalar, Value } from '../model/types.ts';
import { utf8 } from '../model/utf8.ts';

/**
 * One column of rows in memory, laid out exactly as Arrow lays it out, so that the commit
 * endpoint's bodies, the log's records, change sets and exports are copies of each other, never
 * conversions.
 *
 * Physical layout by kind:
 *
 * | column kind | vector |
 * |---|---|
 * | i8…i32, u8…u32, f32, f64 | `fixed`, the matching typed array, one element a row |
 * | i64, timestamp (ms) | `fixed`, BigInt64Array |
 * | u64 | `fixed`, BigUint64Array |
 * | enum | `fixed`, Uint16Array of ordinals into `column.values` |
 * | bool | `bool`, one bit a row, least significant first |
 * | uuid | `uuid`, 16 bytes a row |
 * | string, json, bytes | `binary`, Int32 offsets (rows + 1) into `data` |
 * | a list | `list`, Int32 offsets (rows + 1) into a `child` vector without nulls |
 *
 * `validity` has one bit a row, 1 = present; null when every row is present. Values under a 0 bit
 * are zero (or of zero length), always, so that equal columns are equal bytes. `offsets[0]` is 0.
 * Typed arrays may be longer than `length` needs; bytes past it are meaningless.
 */
export type ColumnVector = FixedVector | BoolVector | UuidVector | BinaryVector | ListVector;

export type FixedValues =
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

interface VectorBase {
  readonly column: ColumnDefinition;
  readonly length: number;
  readonly validity: Uint8Array | null;
}
export interface FixedVector extends VectorBase {
  readonly layout: 'fixed';
  readonly values: FixedValues;
}
export interface BoolVector extends VectorBase {
  readonly layout: 'bool';
  readonly bits: Uint8Array;
}
export interface UuidVector extends VectorBase {
  readonly layout: 'uuid';
  readonly bytes: Uint8Array;
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
  readonly child: Exclude<ColumnVector, ListVector>;
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

function scalarAt(vector: Exclude<ColumnVector, ListVector>, row: number): Scalar {
  switch (vector.layout) {
    case 'fixed': {
      const raw = vector.values[row] as number | bigint;
      if (vector.column.kind === 'enum') return vector.column.values[raw as number] as string;
      return vector.column.kind === 'timestamp' ? Number(raw) : raw;
    }
    case 'bool':
      return bitAt(vector.bits, row);
    case 'uuid':
      return formatUuid(vector.bytes, row * 16);
    case 'binary': {
      const bytes = vector.data.subarray(
        vector.offsets[row] as number,
        vector.offsets[row + 1] as number,
      );
      return vector.column.kind === 'bytes' ? bytes.slice() : utf8.decode(bytes);
    }
  }
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
