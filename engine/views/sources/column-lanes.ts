import {
  elementsOf,
  type FixedArray,
  type FixedValues,
  isWide,
  kindOf,
} from '../../model/kinds.ts';
import type { ColumnDefinition, Scalar, Value } from '../../model/types.ts';
import {
  bitAt,
  type ColumnVector,
  type FixedVector,
  scalarOf,
  scalarOfElements,
} from '../../vectors/column-vector.ts';
import type { Lane } from './lane-table.ts';
import type { TextNumbers } from './text-numbers.ts';

/**
 * A column as 32-bit lanes, so that values of every kind are hashed and compared as plain numbers:
 *
 * | layout | lanes |
 * |---|---|
 * | bool, and fixed of up to 32 bits | 1 |
 * | fixed of 64 bits | 2, low half first |
 * | strided | one for each four bytes, the first bytes first |
 * | binary | 1, the text's number in the column's dictionary |
 *
 * An optional column has one lane more, in front: 1 present, 0 null. Equal values have equal lanes
 * (values under a null are zero in a vector). Lists, and kinds whose equal values cannot be told,
 * have none: a valid manifest neither groups by them nor counts them distinct.
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

/** The names of a scalar's lanes; the empty name is the column's own. */
function scalarLanes(column: ColumnDefinition): readonly string[] {
  const { layout, stride, identityProblem } = kindOf(column);
  if (column.list || identityProblem) throw new TypeError(`"${column.name}" has no lanes`);
  switch (layout) {
    case 'bool':
      return [''];
    case 'binary':
      return ['text'];
    case 'strided': {
      const bytes = elementsOf(column.kind).BYTES_PER_ELEMENT * stride;
      return Array.from({ length: bytes / 4 }, (_, word) => `word${word}`);
    }
    case 'fixed':
      return isWide(column) ? ['low', 'high'] : [''];
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
      const { values, stride } = vector;
      const words = new DataView(values.buffer, values.byteOffset);
      const bytes = values.BYTES_PER_ELEMENT * stride;
      for (let at = 0; at < bytes; at += 4) {
        lanes.push(fill(length, (row) => words.getUint32(row * bytes + at)));
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

function fixedLanes(values: FixedVector['values'], length: number): Uint32Array[] {
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

/** One value: its lanes as they lie in memory, and as elements of each type. */
const scratch = new Uint32Array(4);
const scratchBytes = new DataView(scratch.buffer);
const scratchOf = new Map<FixedArray, FixedValues>();

function scratchElements(column: ColumnDefinition): FixedValues {
  const Elements = elementsOf(column.kind);
  let values = scratchOf.get(Elements);
  if (!values) {
    values = new Elements(scratch.buffer, 0, scratch.byteLength / Elements.BYTES_PER_ELEMENT);
    scratchOf.set(Elements, values);
  }
  return values;
}

/** The lanes of one value that all rows of a tick share: a system column, never null, a text or a number. */
export function valueLanes(
  column: ColumnDefinition,
  value: Scalar,
  dictionary: TextNumbers,
): number[] {
  if (kindOf(column).layout === 'binary') return [dictionary.idOfText(value as string)];
  if (!isWide(column)) return [(value as number) >>> 0];
  scratchElements(column)[0] = BigInt(value as number);
  return [scratch[0] as number, scratch[1] as number];
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

/** As `valueOfLanes`, of a value that is there; `lane` counts from the first behind the flag. */
export function scalarOfLanes(
  column: ColumnDefinition,
  lane: (index: number) => number,
  dictionary: TextNumbers,
): Scalar {
  const { layout } = kindOf(column);
  switch (layout) {
    case 'bool':
      return lane(0) === 1;
    case 'binary':
      return dictionary.text(lane(0));
    case 'strided': {
      const lanes = laneCount({ ...column, optional: false });
      for (let i = 0; i < lanes; i++) scratchBytes.setUint32(i * 4, lane(i));
      return scalarOfElements(column, scratchElements(column), 0);
    }
    case 'fixed':
      scratch[0] = lane(0);
      if (isWide(column)) scratch[1] = lane(1);
      return scalarOf(column, scratchElements(column)[0] as number | bigint);
  }
}

function fill(length: number, lane: (row: number) => number): Uint32Array {
  const lanes = new Uint32Array(length);
  for (let row = 0; row < length; row++) lanes[row] = lane(row);
  return lanes;
}
