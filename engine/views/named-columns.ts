import type { Filter } from '../query/filter.ts';

/** Whether the filter looks at any of the columns. */
export function namesAny(filter: Filter | null, columns: ReadonlySet<string>): boolean {
  if (filter === null) return false;
  switch (filter.kind) {
    case 'and':
      return filter.all.some((inner) => namesAny(inner, columns));
    case 'or':
      return filter.any.some((inner) => namesAny(inner, columns));
    case 'not':
      return namesAny(filter.inner, columns);
    default:
      return columns.has(filter.column);
  }
}

/** What of the filter does not look at the columns: it holds for every row the filter holds for. */
export function withoutColumns(filter: Filter, columns: ReadonlySet<string>): Filter | null {
  if (!namesAny(filter, columns)) return filter;
  if (filter.kind !== 'and') return null;
  const all = filter.all.filter((inner) => !namesAny(inner, columns));
  return { kind: 'and', all };
}
