import type { ColumnDefinition } from '../../model/types.ts';
import { bitAt, type FixedValues, type FixedVector } from '../column-vector.ts';
import { bigIntegerRanges, fixedArray, fixedValues, integerRanges } from '../vector-builder.ts';
import type { ArrowField, TimeUnit } from './arrow-field.ts';
import { misfit, wrongType } from './arrow-misfit.ts';
import type { ArrowRows } from './arrow-rows.ts';

type NumberReader = (rows: ArrowRows, validity: Uint8Array | null, place: string) => FixedVector;

/** The reader of a field of numbers or times; throws where it is of another type. */
export function numberReader(
  field: ArrowField,
  column: ColumnDefinition,
  place: string,
): NumberReader {
  const { type } = field;
  const isTime = column.kind === 'timestamp' && type.kind === 'timestamp';
  if (type.kind !== 'number' && !isTime) throw wrongType(place, type, column.kind);
  const Values = fixedArray(type.kind === 'number' ? type.as : 'i64');
  if (type.kind === 'number' && type.as === column.kind) {
    return ({ batch, start, length }, validity, at) => {
      const given = batch.elements(field, 1, Values, start, length, at);
      const values = validity ? zeroedUnderNulls(given, validity) : given;
      return { column, layout: 'fixed', length, validity, values };
    };
  }
  const cast = castTo(field, column);
  return ({ batch, start, length }, validity, at) => {
    const given = batch.elements(field, 1, Values, start, length, at);
    const values = fixedValues(column.kind, length);
    for (let i = 0; i < length; i++) {
      if (validity && !bitAt(validity, i)) continue;
      values[i] = cast(given[i] as number | bigint, at, i);
    }
    return { column, layout: 'fixed', length, validity, values };
  };
}

function zeroedUnderNulls(given: FixedValues, validity: Uint8Array): FixedValues {
  const values = given.slice() as FixedValues;
  const zero = values instanceof BigInt64Array || values instanceof BigUint64Array ? 0n : 0;
  for (let i = 0; i < values.length; i++) if (!bitAt(validity, i)) values[i] = zero;
  return values;
}

type Cast = (value: number | bigint, place: string, row: number) => number | bigint;

function castTo({ type }: ArrowField, column: ColumnDefinition): Cast {
  switch (column.kind) {
    case 'f32':
    case 'f64':
      return (value) => Number(value);
    case 'timestamp':
      if (type.kind === 'timestamp') {
        const { unit } = type;
        return (value, place) => milliseconds(BigInt(value), unit, place);
      }
      return (_value, place) => {
        throw wrongType(place, type, 'a timestamp');
      };
    case 'i64':
    case 'u64':
      return (value, place, row) => wholeBigInt(value, column, place, row);
    default:
      return (value, place, row) => wholeNumber(value, column, place, row);
  }
}

/** What a `Date` can hold, either side of 1970. */
const timestampMsMax = 8_640_000_000_000_000n;

/** Timestamps come in seconds, milli-, micro- or nanoseconds; a fraction of a millisecond is cut off. */
function milliseconds(value: bigint, unit: TimeUnit, place: string): bigint {
  const ms = toMilliseconds(value, unit);
  if (ms > timestampMsMax || ms < -timestampMsMax) {
    throw misfit(place, `holds a time beyond the years -271821 to 275760`);
  }
  return ms;
}

function toMilliseconds(value: bigint, unit: TimeUnit): bigint {
  switch (unit) {
    case 'SECOND':
      return value * 1000n;
    case 'MILLISECOND':
      return value;
    case 'MICROSECOND':
      return value / 1000n;
    case 'NANOSECOND':
      return value / 1_000_000n;
  }
}

function wholeNumber(
  value: number | bigint,
  column: ColumnDefinition,
  place: string,
  row: number,
): number {
  const number = Number(value);
  const [low, high] = integerRanges[column.kind] as readonly [number, number];
  if (Number.isInteger(number) && number >= low && number <= high) return number;
  throw misfit(`${place}[${row}]`, `must be a whole number from ${low} to ${high}`);
}

function wholeBigInt(
  value: number | bigint,
  column: ColumnDefinition,
  place: string,
  row: number,
): bigint {
  const [low, high] = bigIntegerRanges[column.kind] as readonly [bigint, bigint];
  if (typeof value === 'bigint' || Number.isInteger(value)) {
    const whole = BigInt(value);
    if (whole >= low && whole <= high) return whole;
  }
  throw misfit(`${place}[${row}]`, `must be a whole number from ${low} to ${high}`);
}
