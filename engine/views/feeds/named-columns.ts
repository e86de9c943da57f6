import type { Filter } from '../../query/filter.ts';

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
