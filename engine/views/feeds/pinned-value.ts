import type { Scalar } from '../../model/types.ts';
import type { Filter } from '../../query/filter.ts';

/** A column that has one value in every row that matches a condition. */
export interface PinnedValue {
  readonly column: string;
  readonly value: Exclude<Scalar, object>;
}

/**
 * The first of `columns` that the filter pins to a value, null where it pins none of them: a row with
 * another value there need not be tested. Bytes and parts pin nothing: they are equal without being one.
 */
export function pinnedValue(
  filter: Filter | null,
  columns: ReadonlySet<string>,
): PinnedValue | null {
  if (filter === null) return null;
  switch (filter.kind) {
    case 'and': {
      for (const inner of filter.all) {
        const pinned = pinnedValue(inner, columns);
        if (pinned !== null) return pinned;
      }
      return null;
    }
    case 'compare':
      return filter.op === 'eq' ? pinned(filter.column, filter.value, columns) : null;
    case 'in': {
      const [value] = filter.values;
      return filter.values.length === 1 && value !== undefined
        ? pinned(filter.column, value, columns)
        : null;
    }
    default:
      return null;
  }
}

function pinned(column: string, value: Scalar, columns: ReadonlySet<string>): PinnedValue | null {
  return typeof value === 'object' || !columns.has(column) ? null : { column, value };
}
