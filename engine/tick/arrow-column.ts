import { type Data, DataType, Precision, TimeUnit, Type } from 'apache-arrow';
import { EngineError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { ColumnDefinition } from '../manifest/types.ts';
import { binaryVector, isBinary, isBinaryView, normalOffsets, viewReader } from './arrow-binary.ts';
import { misfit, requireElements } from './arrow-misfit.ts';
import { bitAt, type ColumnVector, type FixedValues, valueAt } from './column-vector.ts';
import {
  bigIntegerRanges,
  enumOrdinal,
  fixedValues,
  integerRanges,
  VectorBuilder,
} from './vector-builder.ts';
import { emptyVector } from './vector-rows.ts';

type LeafVector = Exclude<ColumnVector, { layout: 'list' }>;

/**
 * An Arrow column that a client sent, as a vector of `column`. Where type and layout agree the
 * memory is shared; numbers of other widths, dictionaries, views, large offsets and time units are
 * converted. Nulls' values are zeroed, offsets begin at 0, texts are checked to be UTF-8 and JSON
 * to be JSON, so that equal columns are equal bytes and nothing malformed reaches the log.
 *
 * Throws `BAD_USER_INPUT` naming `place` for what the column cannot hold, `LIMIT_EXCEEDED` for a
 * value past a bound.
 */
export function arrowColumn(data: Data, column: ColumnDefinition, place: string): ColumnVector {
  if (data.type.typeId === Type.Null) {
    if (column.optional || data.length === 0) return emptyVector(column, data.length);
    throw misfit(place, `holds a null; the column is not optional`);
  }
  const validity = normalValidity(data, place);
  if (validity !== null && !column.optional) {
    throw misfit(place, `holds a null; the column is not optional`);
  }
  return column.list
    ? listVector(data, column, validity, place)
    : leafVector(data, column, validity, place);
}

/** The rows' bits from bit 0 on, zero beyond the last; null when no row is null. */
function normalValidity(data: Data, place: string): Uint8Array | null {
  if (data.nullCount === 0) return null;
  const { length, offset, nullBitmap } = data;
  requireElements(nullBitmap, (offset + length + 7) >>> 3, place);
  const bits = new Uint8Array((length + 7) >>> 3);
  let present = 0;
  for (let i = 0; i < length; i++) {
    if (!bitAt(nullBitmap, offset + i)) continue;
    bits[i >>> 3] = (bits[i >>> 3] as number) | (1 << (i & 7));
    present++;
  }
  return present === length ? null : bits;
}

function leafVector(
  data: Data,
  column: ColumnDefinition,
  validity: Uint8Array | null,
  place: string,
): LeafVector {
  switch (column.kind) {
    case 'bool':
      return boolVector(data, column, validity, place);
    case 'string':
    case 'json':
    case 'bytes':
      if (isBinary(data.type)) return binaryVector(data, column, validity, place);
      break;
    case 'enum':
      if (data.type.typeId === Type.Dictionary) return enumVector(data, column, validity, place);
      break;
    case 'uuid':
      break;
    default:
      return numberVector(data, column, validity, place);
  }
  return converted(data, column, place);
}

/** Arrow's names of the types that are laid out as our vectors are. */
const arrowTypes: { readonly [kind: string]: string } = {
  i8: 'Int8',
  i16: 'Int16',
  i32: 'Int32',
  i64: 'Int64',
  u8: 'Uint8',
  u16: 'Uint16',
  u32: 'Uint32',
  u64: 'Uint64',
  f32: 'Float32',
  f64: 'Float64',
};

function numberVector(
  data: Data,
  column: ColumnDefinition,
  validity: Uint8Array | null,
  place: string,
): LeafVector {
  const { length } = data;
  const raw = data.values as FixedValues;
  requireElements(raw, length, place);
  let values: FixedValues;
  if (arrowTypes[column.kind] === String(data.type)) {
    // `values` begins at the first row already where Arrow sliced it.
    values = raw.length === length ? raw : (raw.subarray(0, length) as FixedValues);
    if (validity) values = values.slice() as FixedValues;
  } else {
    values = castNumbers(data, column, validity, place);
  }
  if (validity) {
    for (let i = 0; i < length; i++) {
      if (!bitAt(validity, i)) values[i] = typeof values[i] === 'bigint' ? 0n : 0;
    }
  }
  return { column, layout: 'fixed', length, validity, values };
}

function castNumbers(
  data: Data,
  column: ColumnDefinition,
  validity: Uint8Array | null,
  place: string,
): FixedValues {
  const { type, length } = data;
  const isNumber =
    type.typeId === Type.Int ||
    (DataType.isFloat(type) && type.precision !== Precision.HALF) ||
    (column.kind === 'timestamp' && type.typeId === Type.Timestamp);
  if (!isNumber) throw misfit(place, `is ${type}; expected ${column.kind}`);
  const raw = data.values as ArrayLike<number | bigint>;
  const values = fixedValues(column.kind, length);
  const wide = values instanceof BigInt64Array || values instanceof BigUint64Array;
  for (let i = 0; i < length; i++) {
    if (validity && !bitAt(validity, i)) continue;
    const value = raw[i] as number | bigint;
    if (column.kind === 'f32' || column.kind === 'f64') {
      values[i] = Number(value);
    } else if (column.kind === 'timestamp') {
      values[i] = milliseconds(value, type, place);
    } else if (wide) {
      values[i] = wholeBigInt(value, column, `${place}[${i}]`);
    } else {
      values[i] = wholeNumber(value, column, `${place}[${i}]`);
    }
  }
  return values;
}

/** What a `Date` can hold, either side of 1970. */
const timestampMsMax = 8_640_000_000_000_000n;

/** Timestamps come in seconds, milli-, micro- or nanoseconds; a fraction of a millisecond is cut off. */
function milliseconds(value: number | bigint, type: DataType, place: string): bigint {
  if (!DataType.isTimestamp(type)) throw misfit(place, `is ${type}; expected a timestamp`);
  const ms = toMilliseconds(BigInt(value), type.unit);
  if (ms > timestampMsMax || ms < -timestampMsMax) {
    throw misfit(place, `holds a time beyond the years -271821 to 275760`);
  }
  return ms;
}

function toMilliseconds(value: bigint, unit: TimeUnit): bigint {
  switch (unit) {
    case TimeUnit.SECOND:
      return value * 1000n;
    case TimeUnit.MILLISECOND:
      return value;
    case TimeUnit.MICROSECOND:
      return value / 1000n;
    case TimeUnit.NANOSECOND:
      return value / 1_000_000n;
  }
}

function wholeNumber(value: number | bigint, column: ColumnDefinition, place: string): number {
  const number = Number(value);
  const [low, high] = integerRanges[column.kind] as readonly [number, number];
  if (Number.isInteger(number) && number >= low && number <= high) return number;
  throw misfit(place, `must be a whole number from ${low} to ${high}`);
}

function wholeBigInt(value: number | bigint, column: ColumnDefinition, place: string): bigint {
  const [low, high] = bigIntegerRanges[column.kind] as readonly [bigint, bigint];
  if (typeof value === 'bigint' || Number.isInteger(value)) {
    const whole = BigInt(value);
    if (whole >= low && whole <= high) return whole;
  }
  throw misfit(place, `must be a whole number from ${low} to ${high}`);
}

function boolVector(
  data: Data,
  column: ColumnDefinition,
  validity: Uint8Array | null,
  place: string,
): LeafVector {
  if (data.type.typeId !== Type.Bool) throw misfit(place, `is ${data.type}; expected bool`);
  const { length, offset } = data;
  const source = data.values as Uint8Array;
  requireElements(source, (offset + length + 7) >>> 3, place);
  const bits = new Uint8Array((length + 7) >>> 3);
  for (let i = 0; i < length; i++) {
    const present = validity === null || bitAt(validity, i);
    if (present && bitAt(source, offset + i)) {
      bits[i >>> 3] = (bits[i >>> 3] as number) | (1 << (i & 7));
    }
  }
  return { column, layout: 'bool', length, validity, bits };
}

/** Value by value, for types whose layout differs: dictionaries, enum names, UUIDs. */
function converted(data: Data, column: ColumnDefinition, place: string): LeafVector {
  const builder = new VectorBuilder(column);
  const read = valueReader(data, column, place);
  for (let i = 0; i < data.length; i++) {
    const present = data.nullCount === 0 || bitAt(data.nullBitmap, data.offset + i);
    builder.push(present ? read(i) : null, () => `${place}[${i}]`);
  }
  return builder.build() as LeafVector;
}

/** A name of the dictionary is looked up once, when the first row has it. */
function enumVector(
  data: Data,
  column: ColumnDefinition,
  validity: Uint8Array | null,
  place: string,
): LeafVector {
  const { length } = data;
  const { names, indices, read } = dictionaryOf(data, column, place);
  const ordinals = new Int32Array(names).fill(notLookedUp);
  const values = new Uint16Array(length);
  for (let row = 0; row < length; row++) {
    if (validity && !bitAt(validity, row)) continue;
    const name = Number(indices[row]);
    let ordinal = ordinals[name] ?? notLookedUp;
    if (ordinal === notLookedUp) {
      ordinal = enumOrdinal(column, read(row), () => `${place}[${row}]`);
      ordinals[name] = ordinal;
    }
    values[row] = ordinal;
  }
  return { column, layout: 'fixed', length, validity, values };
}

const notLookedUp = -1;

type Reader = (row: number) => string | Uint8Array;

function valueReader(data: Data, column: ColumnDefinition, place: string): Reader {
  const { type } = data;
  if (type.typeId === Type.Dictionary) return dictionaryOf(data, column, place).read;
  if (DataType.isFixedSizeBinary(type) && column.kind === 'uuid' && type.byteWidth === 16) {
    const bytes = data.values as Uint8Array;
    requireElements(bytes, data.length * 16, place);
    return (row) => Buffer.from(bytes.subarray(row * 16, row * 16 + 16)).toString('hex');
  }
  if (isBinaryView(type)) return viewReader(data, column, place);
  if (!isBinary(type)) throw misfit(place, `is ${type}; expected ${column.kind}`);
  const kind = column.kind === 'bytes' || column.kind === 'json' ? column.kind : 'string';
  const vector = binaryVector(data, { ...column, kind, optional: true }, null, place);
  return (row) => valueAt(vector, row) as string | Uint8Array;
}

interface ColumnDictionary {
  /** How many values it has. */
  readonly names: number;
  /** Where in it each row's value is. */
  readonly indices: ArrayLike<number | bigint>;
  readonly read: Reader;
}

function dictionaryOf(data: Data, column: ColumnDefinition, place: string): ColumnDictionary {
  const chunk = data.dictionary?.data[0];
  if (!chunk || data.dictionary?.data.length !== 1) {
    throw misfit(place, `has a dictionary in several parts; send one`);
  }
  const inner = valueReader(chunk, column, place);
  const indices = data.values as ArrayLike<number | bigint>;
  requireElements(indices, data.length, place);
  const read: Reader = (row) => {
    const index = Number(indices[row]);
    if (index < 0 || index >= chunk.length) throw misfit(place, `points outside its dictionary`);
    return inner(index);
  };
  return { names: chunk.length, indices, read };
}

function listVector(
  data: Data,
  column: ColumnDefinition,
  validity: Uint8Array | null,
  place: string,
): ColumnVector {
  const element: ColumnDefinition = { ...column, list: false, optional: false };
  const [child] = data.children;
  const isList = data.type.typeId === Type.List || data.type.typeId === Type.LargeList;
  if (!isList || !child) throw misfit(place, `is ${data.type}; expected a list of ${column.kind}`);
  const { length } = data;
  const given = normalOffsets(data.valueOffsets, length, place);
  if ((given[length] as number) > child.length) throw misfit(place, `is cut short`);
  for (let i = 0; i < length; i++) {
    const elements = (given[i + 1] as number) - (given[i] as number);
    if (elements > limits.listElementsMax) {
      throw new EngineError(
        'LIMIT_EXCEEDED',
        `${place}[${i}] has ${elements} elements; at most ${limits.listElementsMax} are allowed`,
        { details: { path: `${place}[${i}]`, limit: limits.listElementsMax } },
      );
    }
  }
  const nullsHoldElements =
    validity !== null &&
    given.subarray(0, length).some((start, i) => start !== given[i + 1] && !bitAt(validity, i));
  if (nullsHoldElements) throw misfit(place, `has elements under a null`);
  const first = given[0] as number;
  const used = child.slice(first, (given[length] as number) - first);
  const vector = arrowColumn(used, element, place);
  if (vector.layout === 'list') throw new RangeError('lists do not nest');
  const offsets = first === 0 ? given : given.map((offset) => offset - first);
  return { column, layout: 'list', length, validity, offsets, child: vector };
}
