import { elementsOf, type Kind, kindOf, type TimeUnit } from '../../model/kinds.ts';
import type { ColumnDefinition } from '../../model/types.ts';
import { bitAt, type FixedValues, type FixedVector } from '../column-vector.ts';
import type { PlacedField } from './arrow-field.ts';
import { misfit, wrongType } from './arrow-misfit.ts';
import type { ArrowRows } from './arrow-rows.ts';

type NumberReader = (rows: ArrowRows, validity: Uint8Array | null, place: string) => FixedVector;

/** The reader of a field of numbers or times; throws where it is of another type. */
export function numberReader(
  field: PlacedField,
  column: ColumnDefinition,
  place: string,
): NumberReader {
  const { type } = field;
  const isTime = kindOf(column).form === 'timestamp' && type.kind === 'timestamp';
  if (type.kind !== 'number' && !isTime) throw wrongType(place, type, column.kind);
  const Values = elementsOf(type.kind === 'number' ? type.as : 'i64');
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
    const values = new (elementsOf(column.kind))(length);
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

function castTo({ type }: PlacedField, column: ColumnDefinition): Cast {
  const kind = kindOf(column);
  switch (kind.form) {
    case 'float':
      return (value) => Number(value);
    case 'timestamp':
      if (type.kind === 'timestamp') {
        const { unit } = type;
        return (value, place) => milliseconds(BigInt(value), unit, kind, place);
      }
      return (_value, place) => {
        throw wrongType(place, type, 'a timestamp');
      };
    default:
      return kind.wideRange ? toWide(kind.wideRange) : toInteger(kind);
  }
}

/** Timestamps come in seconds, milli-, micro- or nanoseconds; a fraction of a millisecond is cut off. */
function milliseconds(value: bigint, unit: TimeUnit, { range }: Kind, place: string): bigint {
  const ms = toMilliseconds(value, unit);
  if (range && (ms < range[0] || ms > range[1])) {
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

function toInteger({ range }: Kind): Cast {
  if (!range) throw new RangeError('an integer has a range');
  const [low, high] = range;
  return (value, place, row) => {
    const number = Number(value);
    if (Number.isInteger(number) && number >= low && number <= high) return number;
    throw misfit(`${place}[${row}]`, `must be a whole number from ${low} to ${high}`);
  };
}

function toWide([low, high]: readonly [bigint, bigint]): Cast {
  return (value, place, row) => {
    if (typeof value === 'bigint' || Number.isInteger(value)) {
      const whole = BigInt(value);
      if (whole >= low && whole <= high) return whole;
    }
    throw misfit(`${place}[${row}]`, `must be a whole number from ${low} to ${high}`);
  };
}
