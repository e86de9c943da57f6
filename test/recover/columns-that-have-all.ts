import type { ColumnStore } from '../../engine/columns/column-store.ts';

/** A column store that is never behind, for what only waits for it. */
export const columnsThatHaveAll = {
  waitForCovered: () => Promise.resolve(),
} as unknown as ColumnStore;
