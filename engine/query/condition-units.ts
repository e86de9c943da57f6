import { limits } from '../model/limits.ts';
import type { Filter } from './filter.ts';
import { likeUnits } from './like-pattern.ts';

/** What deciding a condition on one row may cost, in units of about a comparison, texts being short. */
export function conditionUnits(filter: Filter | null): number {
  if (filter === null) return 0;
  switch (filter.kind) {
    case 'and':
      return sum(filter.all);
    case 'or':
      return sum(filter.any);
    case 'not':
      return conditionUnits(filter.inner);
    case 'in':
    case 'between':
      return 2;
    case 'isNull':
      return 1;
    case 'compare': {
      if (filter.op !== 'like') return 1;
      const { fixed, perByte } = likeUnits(String(filter.value));
      return fixed + Math.ceil(perByte * typicalTextBytes);
    }
  }
}

/** What a row costs that is read and compared with `filter`, in units of work. */
export function rowUnits(filter: Filter | null): number {
  return limits.rowReadUnits + conditionUnits(filter);
}

/** Comparisons and listed values: what parsing it costs grows with them. */
export function conditionTerms(filter: Filter): number {
  switch (filter.kind) {
    case 'and':
      return filter.all.reduce((terms, part) => terms + conditionTerms(part), 1);
    case 'or':
      return filter.any.reduce((terms, part) => terms + conditionTerms(part), 1);
    case 'not':
      return conditionTerms(filter.inner);
    case 'in':
      return 1 + filter.values.length;
    default:
      return 1;
  }
}

const typicalTextBytes = 32;

function sum(filters: readonly Filter[]): number {
  return filters.reduce((units, filter) => units + conditionUnits(filter), 1);
}
