import { limits } from '../model/limits.ts';
import { type Condition, walkCondition } from './condition.ts';
import { likeUnits } from './like-pattern.ts';

/** What deciding a condition on one row may cost, in units of about a comparison, texts being short. */
export function conditionUnits(condition: Condition | null): number {
  if (condition === null) return 0;
  return walkCondition<number>(condition, {
    and: sum,
    or: sum,
    not: (inner) => inner,
    in: () => 2,
    between: () => 2,
    isNull: () => 1,
    compare: ({ op, value }) => {
      if (op !== 'like') return 1;
      const { fixed, perByte } = likeUnits(String(value));
      return fixed + Math.ceil(perByte * typicalTextBytes);
    },
  });
}

/** What a row costs that is read and compared with `condition`, in units of work. */
export function rowUnits(condition: Condition | null): number {
  return limits.rowReadUnits + conditionUnits(condition);
}

/** Comparisons and listed values: what parsing it costs grows with them. */
export function conditionTerms(condition: Condition): number {
  return walkCondition<number>(condition, {
    and: sum,
    or: sum,
    not: (inner) => inner,
    in: ({ values }) => 1 + values.length,
    between: () => 1,
    isNull: () => 1,
    compare: () => 1,
  });
}

const typicalTextBytes = 32;

/** A connective counts as one beside its parts. */
function sum(parts: readonly number[]): number {
  return parts.reduce((units, part) => units + part, 1);
}
