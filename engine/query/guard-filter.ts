import type { Scalar } from '../model/types.ts';
import type { Filter } from './filter.ts';
import type { GuardCondition } from './guard.ts';

export interface GuardTemplate {
  readonly condition: GuardCondition;
  /** In order of their indices in the condition. */
  readonly operands: readonly { readonly column: string; readonly value: Scalar }[];
}

/** A filter with its values taken out, so that effects of the same form share one condition. */
export function guardTemplate(filter: Filter): GuardTemplate {
  const operands: { column: string; value: Scalar }[] = [];
  const compare = (
    column: string,
    op: Extract<GuardCondition, { kind: 'compare' }>['op'],
    value: Scalar,
  ): GuardCondition => {
    operands.push({ column, value });
    return { kind: 'compare', column, op, operand: operands.length - 1 };
  };
  const convert = (part: Filter): GuardCondition => {
    switch (part.kind) {
      case 'and':
        return { kind: 'and', all: part.all.map(convert) };
      case 'or':
        return { kind: 'or', any: part.any.map(convert) };
      case 'not':
        return { kind: 'not', inner: convert(part.inner) };
      case 'isNull':
        return { kind: 'isNull', column: part.column, isNull: part.isNull };
      case 'compare':
        return compare(part.column, part.op, part.value);
      case 'in':
        return { kind: 'or', any: part.values.map((v) => compare(part.column, 'eq', v)) };
      case 'between':
        return {
          kind: 'and',
          all: [compare(part.column, 'gte', part.low), compare(part.column, 'lte', part.high)],
        };
    }
  };
  return { condition: convert(filter), operands };
}
