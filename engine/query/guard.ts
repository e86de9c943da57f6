import type { ColumnDefinition } from '../model/types.ts';
import type { ColumnVector } from '../vectors/column-vector.ts';

/**
 * A `require` on the row an effect touches: one condition for a whole stream, with operands by row.
 * Compares the row's column with row i of `operands[operand]`.
 *
 * A comparison with a null column is false, and so is its negation through `ne`; only `isNull`
 * sees nulls. `not` negates the truth of its inside.
 */
export interface Guard {
  readonly condition: GuardCondition;
  readonly operands: readonly ColumnVector[];
}

export type GuardCondition =
  | { readonly kind: 'and'; readonly all: readonly GuardCondition[] }
  | { readonly kind: 'or'; readonly any: readonly GuardCondition[] }
  | { readonly kind: 'not'; readonly inner: GuardCondition }
  | {
      readonly kind: 'compare';
      readonly column: string;
      readonly op: 'eq' | 'ne' | 'lt' | 'lte' | 'gt' | 'gte' | 'like';
      readonly operand: number;
    }
  | { readonly kind: 'isNull'; readonly column: string; readonly isNull: boolean };

/** Equal guards in one spelling: no conjunction directly within another, and none of one part. */
export function plainCondition(condition: GuardCondition): GuardCondition {
  if (condition.kind !== 'and') return condition;
  const all = condition.all.flatMap((part) => {
    const plain = plainCondition(part);
    return plain.kind === 'and' ? plain.all : [plain];
  });
  const [only] = all;
  return only && all.length === 1 ? only : { kind: 'and', all };
}

/** A guard's operand is never null, whatever its column may be. */
export function operandColumn(column: ColumnDefinition): ColumnDefinition {
  return column.optional ? { ...column, optional: false } : column;
}
