import type { Filter } from '../../query/filter.ts';

/**
 * The one session that rows matching the filter can belong to, or null where it does not say. A
 * feed then need not look at the ticks of other sessions.
 */
export function sessionOf(filter: Filter | null): string | null {
  if (filter === null) return null;
  switch (filter.kind) {
    case 'and': {
      for (const inner of filter.all) {
        const session = sessionOf(inner);
        if (session !== null) return session;
      }
      return null;
    }
    case 'compare':
      return filter.column === 'sessionId' && filter.op === 'eq' ? (filter.value as string) : null;
    case 'in':
      return filter.column === 'sessionId' && filter.values.length === 1
        ? (filter.values[0] as string)
        : null;
    default:
      return null;
  }
}
