import type { QueryBounds } from '../engine/index.ts';
import { EngineError } from '../engine/model/errors.ts';
import { limits } from '../engine/model/limits.ts';
import type { QueryClass } from '../engine/model/types.ts';

const mebibyte = 1024 * 1024;

/** What one analytical query of a class may use; the column store enforces it. */
const boundsByClass: Readonly<Record<QueryClass, QueryBounds>> = {
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

export function queryBoundsOf(queryClass: QueryClass): QueryBounds {
  return boundsByClass[queryClass];
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
