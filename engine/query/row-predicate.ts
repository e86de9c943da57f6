import { wholeName } from '../model/kinds.ts';
import type { Parts, Row, Scalar, Value } from '../model/types.ts';
import { compareScalars } from './compare-values.ts';
import type { CompareOp, Filter } from './filter.ts';
import { likeMatcher } from './like-pattern.ts';

/**
 * A filter as a function of a row, with the meaning written in `filter.ts`; null accepts every
 * row. The row must have the columns' in-memory shapes; an absent column counts as null.
 */
export function rowPredicate(filter: Filter | null): (row: Row) => boolean {
  if (filter === null) return () => true;
  switch (filter.kind) {
    case 'and': {
      const all = filter.all.map(rowPredicate);
      return (row) => all.every((holds) => holds(row));
    }
    case 'or': {
      const any = filter.any.map(rowPredicate);
      return (row) => any.some((holds) => holds(row));
    }
    case 'not': {
      const inner = rowPredicate(filter.inner);
      return (row) => !inner(row);
    }
    case 'isNull': {
      const { isNull } = filter;
      const read = cellReader(filter.column);
      return (row) => ((read(row) ?? null) === null) === isNull;
    }
    case 'compare':
      return onColumn(filter.column, comparison(filter.op, filter.value));
    case 'in':
      return onColumn(filter.column, membership(filter.values));
    case 'between': {
      const { low, high } = filter;
      return onColumn(
        filter.column,
        (value) => compareScalars(value, low) >= 0 && compareScalars(value, high) <= 0,
      );
    }
  }
}

/** Reads a column of a row, or a part of one. */
function cellReader(name: string): (row: Row) => Value | undefined {
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
    return holds(value as Scalar); // a checked filter compares no list column
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
