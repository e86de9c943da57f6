import type { WhereInput } from '../model/types.ts';

interface Condition<Where> {
  /** Only rows that match count. */
  readonly where?: Where;
}

/** The rows of a group. */
export function count<const Where extends WhereInput = never>(condition: Condition<Where> = {}) {
  return { op: 'count', ...condition } as const;
}

/** How many different values; null is none. */
export function countDistinct<const Column extends string, const Where extends WhereInput = never>(
  column: Column,
  condition: Condition<Where> = {},
) {
  return { op: 'countDistinct', column, ...condition } as const;
}

/** Integers add up to 64 bits, floats to f64; null adds nothing. */
export function sum<const Column extends string, const Where extends WhereInput = never>(
  column: Column,
  condition: Condition<Where> = {},
) {
  return { op: 'sum', column, ...condition } as const;
}

export function min<const Column extends string, const Where extends WhereInput = never>(
  column: Column,
  condition: Condition<Where> = {},
) {
  return { op: 'min', column, ...condition } as const;
}

export function max<const Column extends string, const Where extends WhereInput = never>(
  column: Column,
  condition: Condition<Where> = {},
) {
  return { op: 'max', column, ...condition } as const;
}

/** The lengths of a list column, added up. */
export function sumLength<const Column extends string, const Where extends WhereInput = never>(
  column: Column,
  condition: Condition<Where> = {},
) {
  return { op: 'sumLength', column, ...condition } as const;
}
