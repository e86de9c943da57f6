import { type Comparisons, isPosition, kindOf } from '../model/kinds.ts';
import type { ColumnDefinition } from '../model/types.ts';

export const whereOperators = [
  'eq',
  'ne',
  'in',
  'lt',
  'lte',
  'gt',
  'gte',
  'between',
  'isNull',
  'like',
] as const;
export type WhereOperator = (typeof whereOperators)[number];

/**
 * The operators a `where` may use on a column, in the order of `whereOperators`.
 *
 * Order is offered only where every engine orders alike. Enums (ordinals in one place, names in
 * another), UUIDs (ClickHouse orders their halves in its own way) and positions (text that orders
 * unlike numbers) have equality alone, and so have personal columns, whose stored tokens have an order
 * that is not that of the values; JSON text has many spellings of one value, and lists are
 * not compared at all: both know `isNull` only.
 */
export function operatorsOf(column: ColumnDefinition): readonly WhereOperator[] {
  if (column.list) return operatorsBy.presence;
  const isEquality = isPosition(column) || column.personal !== undefined;
  return isEquality ? operatorsBy.equality : operatorsBy[kindOf(column).comparisons];
}

const operatorsBy: { readonly [Name in Comparisons]: readonly WhereOperator[] } = {
  text: whereOperators,
  order: whereOperators.filter((operator) => operator !== 'like'),
  equality: ['eq', 'ne', 'in', 'isNull'],
  presence: ['isNull'],
};
