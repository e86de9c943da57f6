import { isPosition } from '../model/kinds.ts';
import { asLsn, formatPosition, parsePosition } from '../model/position.ts';
import type { ColumnDefinition, Scalar, Value } from '../model/types.ts';
import { compareScalars } from './compare-values.ts';

/** 1 ascending, -1 descending. */
export type OrderSign = 1 | -1;

/** Compares two values in the direction of `sign`; null comes last either way. */
export function compareNullsLast(left: Value, right: Value, sign: OrderSign): number {
  if (left === null || right === null) return Number(left === null) - Number(right === null);
  return compareScalars(left as Scalar, right as Scalar) * sign;
}

/** A value of a cursor as it is ordered: positions are ordered by number and travel as text. */
export function orderValue(column: ColumnDefinition, value: Scalar | null): Value {
  return isPosition(column) && value !== null ? parsePosition(String(value), 'after') : value;
}

/** What of an order's value goes into a cursor. */
export function cursorValue(column: ColumnDefinition, value: Value): Value {
  return isPosition(column) && value !== null ? formatPosition(asLsn(Number(value))) : value;
}
