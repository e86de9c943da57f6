import { wholeName } from '../model/kinds.ts';
import type { Parts, Row, Scalar, Value } from '../model/types.ts';
import { compareScalars } from './compare-values.ts';
import { type CompareOp, type Condition, testConnectives, walkCondition } from './condition.ts';
import { likeMatcher } from './like-pattern.ts';

/**
 * A condition as a function of a row; null accepts every row. The row must have the columns'
 * in-memory shapes; an absent column counts as null.
 */
export function rowPredicate(condition: Condition | null): (row: Row) => boolean {
  if (condition === null) return () => true;
  return walkCondition<(row: Row) => boolean>(condition, {
    ...testConnectives<Row>(),
    isNull: ({ column, isNull }) => {
      const read = cellReader(column);
      return (row) => ((read(row) ?? null) === null) === isNull;
    },
    compare: ({ column, op, value }) => onColumn(column, comparison(op, value)),
    in: ({ column, values }) => onColumn(column, membership(values)),
    between: ({ column, low, high }) =>
      onColumn(
        column,
        (value) => compareScalars(value, low) >= 0 && compareScalars(value, high) <= 0,
      ),
  });
}

/** Reads a column of a row, or a part of one. */
export function cellReader(name: string): (row: Row) => Value | undefined {
  const whole = wholeName(name);
  if (whole === null) return (row) => row[name];
  const part = name.slice(whole.length + 1);
  return (row) => (row[whole] as Parts | null | undefined)?.[part];
}

function onColumn(column: string, holds: (value: Scalar) => boolean): (row: Row) => boolean {
  const read = cellReader(column);
  return (row) => {
    const value = read(row);
    if (value === null || value === undefined) return false;
    return holds(value as Scalar); // a checked condition compares no list column
  };
}

function comparison(op: CompareOp, operand: Scalar): (value: Scalar) => boolean {
  switch (op) {
    case 'eq':
      return equality(operand);
    case 'ne': {
      const equals = equality(operand);
      return (value) => !equals(value);
    }
    case 'lt':
      return (value) => compareScalars(value, operand) < 0;
    case 'lte':
      return (value) => compareScalars(value, operand) <= 0;
    case 'gt':
      return (value) => compareScalars(value, operand) > 0;
    case 'gte':
      return (value) => compareScalars(value, operand) >= 0;
    case 'like': {
      const matches = likeMatcher(operand as string);
      return (value) => matches(value as string);
    }
  }
}

function equality(operand: Scalar): (value: Scalar) => boolean {
  return operand instanceof Uint8Array
    ? (value) => compareScalars(value, operand) === 0
    : (value) => value === operand;
}

/** Bytes are looked up by their text, since a set compares objects by identity; -0 is 0 in a set. */
function membership(operands: readonly Scalar[]): (value: Scalar) => boolean {
  const set = new Set(operands.map(identity));
  return (value) => set.has(identity(value));
}

function identity(value: Scalar): Exclude<Scalar, Uint8Array> {
  return value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value;
}
