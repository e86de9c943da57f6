import type { OrderBy, QueryBounds, Ticket } from '../engine/index.ts';
import { EngineError } from '../engine/model/errors.ts';
import { limits } from '../engine/model/limits.ts';
import type { QueryClass } from '../engine/model/types.ts';

const mebibyte = 1024 * 1024;

/** What one read of a class may use: its time, and in the column store what that enforces. */
export interface ClassBounds extends QueryBounds {
  readonly timeoutMs: number;
}

const boundsByClass: Readonly<Record<QueryClass, ClassBounds>> = {
  GAMEPLAY: {
    timeoutMs: 1_000,
    memoryBytesMax: 128 * mebibyte,
    rowsReadMax: 5_000_000,
    threadsMax: 1,
  },
  OPERATOR: {
    timeoutMs: 10_000,
    memoryBytesMax: 1024 * mebibyte,
    rowsReadMax: 500_000_000,
    threadsMax: 2,
  },
  ARCHIVAL: {
    timeoutMs: 60_000,
    memoryBytesMax: 2048 * mebibyte,
    rowsReadMax: 20_000_000_000,
    threadsMax: 2,
  },
};

export function classBoundsOf(queryClass: QueryClass): ClassBounds {
  return boundsByClass[queryClass];
}

/** What a query under the ticket may use in the column store. */
export function queryBoundsOf({ queryClass }: Ticket): QueryBounds {
  const { memoryBytesMax, rowsReadMax, threadsMax } = boundsByClass[queryClass];
  return { memoryBytesMax, rowsReadMax, threadsMax };
}

/** The ticket of one read: what its class gives a read is its deadline. */
export function withinClass(ticket: Ticket): Ticket {
  return ticket.within(boundsByClass[ticket.queryClass].timeoutMs);
}

/** How many rows or groups to answer: `first`, or the default where it is not given. */
export function pageSizeOf(first: number | null | undefined): number {
  if (first === null || first === undefined) return limits.pageRowsDefault;
  if (first < 1) {
    throw new EngineError('BAD_USER_INPUT', `first: must be 1 or more, not ${first}`, {
      details: { path: 'first' },
    });
  }
  if (first > limits.pageRowsMax) {
    throw new EngineError(
      'LIMIT_EXCEEDED',
      `first: a page has ${limits.pageRowsMax} rows at most; take more pages, or an export`,
      { details: { path: 'first', limit: 'pageRowsMax', max: limits.pageRowsMax } },
    );
  }
  return first;
}

/** The order asked for: so many columns at most, each once. */
export function orderOf(orderBy: readonly OrderBy[] | null | undefined): readonly OrderBy[] {
  const order = orderBy ?? [];
  checkColumnList('orderBy', order, ({ column }) => column, 'orderColumnsMax');
  return order;
}

/** The columns to group by: so many at most, each once. */
export function groupColumnsOf(by: readonly string[] | null | undefined): readonly string[] {
  const columns = by ?? [];
  checkColumnList('by', columns, (column) => column, 'groupColumnsMax');
  return columns;
}

/**
 * Throws `LIMIT_EXCEEDED` for a list of columns that is too long, `BAD_USER_INPUT` for one that
 * names a column twice: the second would mean nothing, and cost as much as the first.
 */
export function checkColumnList<Entry>(
  path: string,
  list: readonly Entry[],
  columnOf: (entry: Entry) => string,
  limit: 'orderColumnsMax' | 'groupColumnsMax' | 'tableColumnsMax',
): void {
  checkListLength(path, list, limit);
  const seen = new Set<string>();
  for (const [i, entry] of list.entries()) {
    const column = columnOf(entry);
    if (seen.has(column)) {
      throw new EngineError('BAD_USER_INPUT', `${path}[${i}]: "${column}" was named before`, {
        details: { path: `${path}[${i}]` },
      });
    }
    seen.add(column);
  }
}

/** Throws `LIMIT_EXCEEDED` for a list of columns that is too long. */
export function checkListLength(
  path: string,
  list: readonly unknown[],
  limit: 'orderColumnsMax' | 'groupColumnsMax' | 'tableColumnsMax',
): void {
  const max = limits[limit];
  if (list.length <= max) return;
  throw new EngineError('LIMIT_EXCEEDED', `${path}: names ${max} columns at most`, {
    details: { path, limit, max },
  });
}
