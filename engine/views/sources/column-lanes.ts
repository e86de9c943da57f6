import type { ColumnDefinition, Scalar, Value } from '../../model/types.ts';
import { bitAt, type ColumnVector, formatUuid } from '../../vectors/column-vector.ts';
import type { Lane } from './lane-table.ts';
import type { TextNumbers } from './text-numbers.ts';

/**
 * A column as 32-bit lanes, so that values of every kind are hashed and compared as plain numbers:
 *
 * | kind | lanes |
 * |---|---|
 * | bool, i8…i32, u8…u32, enum | 1 |
 * | i64, u64, timestamp | 2, low half first |
 * | uuid | 4, its first bytes first |
 * | string | 1, its number in the column's dictionary |
 *
 * An optional column has one lane more, in front: 1 present, 0 null. Equal values have equal lanes
 * (values under a null are zero in a vector). Floats, JSON, bytes and lists have none: a valid
 * manifest neither groups by them nor counts them distinct.
 */
export function laneCount(column: ColumnDefinition): number {
  return Number(column.optional) + scalarLanes(column).length;
}

/** Their names in a checkpoint: `x`, or `x.low` and `x.high`; an optional column's begin with `x.isPresent`. */
export function laneNames(column: ColumnDefinition): string[] {
  const { name } = column;
  const lanes = scalarLanes(column).map((lane) => (lane === '' ? name : `${name}.${lane}`));
  return column.optional ? [`${name}.isPresent`, ...lanes] : lanes;
}

const oneLane = [''];
const textLanes = ['text'];
const wideLanes = ['low', 'high'];
const uuidLanes = ['word0', 'word1', 'word2', 'word3'];

/** The names of a scalar's lanes; the empty name is the column's own. */
function scalarLanes(column: ColumnDefinition): readonly string[] {
  if (column.list) throw new TypeError(`a list has no lanes: ${column.name}`);
  switch (column.kind) {
    case 'i64':
    case 'u64':
    case 'timestamp':
      return wideLanes;
    case 'uuid':
      return uuidLanes;
    case 'string':
      return textLanes;
    case 'f32':
    case 'f64':
    case 'json':
    case 'bytes':
      throw new TypeError(`${column.kind} has no lanes: ${column.name}`);
    default:
      return oneLane;
  }
}

/** The lanes of a vector's rows. They may share memory with the vector. */
export function vectorLanes(vector: ColumnVector, dictionary: TextNumbers): Lane[] {
  const { column, length, validity } = vector;
  const lanes: Lane[] = [];
  if (column.optional) {
    lanes.push(validity === null ? 1 : fill(length, (row) => Number(bitAt(validity, row))));
  }
  switch (vector.layout) {
    case 'bool':
      lanes.push(fill(length, (row) => Number(bitAt(vector.bits, row))));
      break;
    case 'strided': {
      const words = new DataView(vector.values.buffer, vector.values.byteOffset);
      for (let word = 0; word < 4; word++) {
        lanes.push(fill(length, (row) => words.getUint32(row * 16 + word * 4)));
      }
      break;
    }
    case 'binary': {
      const { data, offsets } = vector;
      const ids = new Uint32Array(length);
      for (let row = 0; row < length; row++) {
        if (validity !== null && !bitAt(validity, row)) continue;
        ids[row] = dictionary.id(data, offsets[row] as number, offsets[row + 1] as number);
      }
      lanes.push(ids);
      break;
    }
    case 'fixed':
      lanes.push(...fixedLanes(vector.values, length));
      break;
    case 'list':
      throw new TypeError(`a list has no lanes: ${column.name}`);
  }
  return lanes;
}

function fixedLanes(
  values: (ColumnVector & { layout: 'fixed' })['values'],
  length: number,
): Uint32Array[] {
  if (values instanceof Uint32Array) return [values];
  if (values instanceof Int32Array) {
    return [new Uint32Array(values.buffer, values.byteOffset, length)];
  }
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) {
    const { low, high } = wideHalves(values, length);
    return [low, high];
  }
  const lane = new Uint32Array(length);
  for (let row = 0; row < length; row++) lane[row] = values[row] as number;
  return [lane];
}

/** The halves of 64-bit values as numbers: a bigint a row would be an object a row. */
export function wideHalves(
  values: BigInt64Array | BigUint64Array,
  length: number,
): { readonly low: Uint32Array; readonly high: Uint32Array } {
  const words = new Uint32Array(values.buffer, values.byteOffset, length * 2);
  const low = new Uint32Array(length);
  const high = new Uint32Array(length);
  for (let row = 0; row < length; row++) {
    low[row] = words[row * 2] as number;
    high[row] = words[row * 2 + 1] as number;
  }
  return { low, high };
}

/** The lanes of one value that all rows of a tick share: a system column, never null. */
export function valueLanes(
  column: ColumnDefinition,
  value: Scalar,
  dictionary: TextNumbers,
): number[] {
  switch (column.kind) {
    case 'string':
      return [dictionary.idOfText(value as string)];
    case 'timestamp':
      wide.setBigInt64(0, BigInt(value as number), true);
      return [wide.getUint32(0, true), wide.getUint32(4, true)];
    case 'u32':
      return [(value as number) >>> 0];
    default:
      throw new TypeError(`no column of kind ${column.kind} is constant in a tick`);
  }
}

/** The value behind a key's lanes, as a row shows it. */
export function valueOfLanes(
  column: ColumnDefinition,
  lane: (index: number) => number,
  dictionary: TextNumbers,
): Value {
  const first = Number(column.optional);
  if (column.optional && lane(0) === 0) return null;
  return scalarOfLanes(column, (index) => lane(first + index), dictionary);
}

const wide = new DataView(new ArrayBuffer(16));

/** As `valueOfLanes`, of a value that is there; `lane` counts from the first behind the flag. */
export function scalarOfLanes(
  column: ColumnDefinition,
  lane: (index: number) => number,
  dictionary: TextNumbers,
): Scalar {
  switch (column.kind) {
    case 'bool':
      return lane(0) === 1;
    case 'i8':
    case 'i16':
    case 'i32':
      return lane(0) | 0;
    case 'u8':
    case 'u16':
    case 'u32':
      return lane(0);
    case 'enum':
      return column.values[lane(0)] as string;
    case 'string':
      return dictionary.text(lane(0));
    case 'uuid':
      for (let word = 0; word < 4; word++) wide.setUint32(word * 4, lane(word));
      return formatUuid(new Uint8Array(wide.buffer), 0);
    default: {
      wide.setUint32(0, lane(1));
      wide.setUint32(4, lane(0));
      if (column.kind === 'u64') return wide.getBigUint64(0);
      const value = wide.getBigInt64(0);
      return column.kind === 'timestamp' ? Number(value) : value;
    }
  }
}

function fill(length: number, lane: (row: number) => number): Uint32Array {
  const lanes = new Uint32Array(length);
  for (let row = 0; row < length; row++) lanes[row] = lane(row);
  return lanes;
}
