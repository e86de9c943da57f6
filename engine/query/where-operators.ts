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
 * unlike numbers) have equality alone; JSON text has many spellings of one value, and lists are
 * not compared at all: both know `isNull` only.
 */
export function operatorsOf(column: ColumnDefinition): readonly WhereOperator[] {
  if (column.list || column.kind === 'json') return nullness;
  switch (column.kind) {
    case 'string':
      return isPosition(column) ? equality : whereOperators;
    case 'bool':
    case 'enum':
    case 'uuid':
    case 'bytes':
      return equality;
    default:
      return ordered;
  }
}

/** The system column; a manifest can declare no other of that name. */
export function isPosition(column: ColumnDefinition): boolean {
  return column.name === 'position' && column.kind === 'string';
}

const nullness: readonly WhereOperator[] = ['isNull'];
const equality: readonly WhereOperator[] = ['eq', 'ne', 'in', 'isNull'];
const ordered: readonly WhereOperator[] = whereOperators.filter((operator) => operator !== 'like');
