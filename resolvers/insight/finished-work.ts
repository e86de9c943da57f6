import { LRUCache } from 'lru-cache';
import { limits } from '../../engine/model/limits.ts';
import type { QueryClass } from '../../engine/model/types.ts';
import type { FinishedOperation } from './finished-operation.ts';
import { OperationStatistics } from './operation-statistics.ts';

/** From how many milliseconds on an operation of a class counts as slow. */
export type SlowThresholds = Readonly<Record<QueryClass, number>>;

export type OperationOrder = 'TOTAL_TIME' | 'P99' | 'COUNT' | 'ROWS_READ' | 'FAILED';

/**
 * The one recorder of what operations of a title came to, bounded in memory: `operations`, the slow
 * log and `insights` are reads of it. A restart forgets it.
 */
export class FinishedWork {
  readonly slowMs: SlowThresholds;
  readonly sinceMs: number;
  readonly #tellSlow: (operation: FinishedOperation) => void;
  /** By fingerprint; the one that has not been seen for longest leaves. */
  readonly #operations = new LRUCache<string, OperationStatistics>({
    max: limits.operationsKeptMax,
    dispose: (_statistics, _fingerprint, reason) => {
      if (reason === 'evict') this.#forgotten += 1;
    },
  });
  /** Newest last. */
  readonly #slow: FinishedOperation[] = [];
  #forgotten = 0;
  #totalMs = 0;

  constructor(
    slowMs: SlowThresholds,
    tellSlow: (operation: FinishedOperation) => void,
    nowMs: () => number = () => Date.now(),
  ) {
    this.slowMs = slowMs;
    this.#tellSlow = tellSlow;
    this.sinceMs = nowMs();
  }

  record(operation: FinishedOperation): void {
    const { fingerprint } = operation.shape;
    let statistics = this.#operations.get(fingerprint);
    if (statistics === undefined) {
      statistics = new OperationStatistics(operation);
      this.#operations.set(fingerprint, statistics);
    }
    statistics.add(operation);
    this.#totalMs += operation.elapsedMs;
    if (operation.elapsedMs < this.slowMs[operation.queryClass]) return;
    this.#slow.push(operation);
    if (this.#slow.length > limits.slowOperationsKeptMax) this.#slow.shift();
    this.#tellSlow(operation);
  }

  /** Operations that left because too many others were seen after them. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** What all operations took together. */
  get totalMs(): number {
    return this.#totalMs;
  }

  /** The largest first. */
  operations(order: OperationOrder, first: number): readonly OperationStatistics[] {
    const measure = measures[order];
    return [...this.#operations.values()].sort((a, b) => measure(b) - measure(a)).slice(0, first);
  }

  /** The newest first. */
  slow(first: number): readonly FinishedOperation[] {
    return this.#slow.slice(-first).reverse();
  }
}

const measures: Readonly<Record<OperationOrder, (of: OperationStatistics) => number>> = {
  TOTAL_TIME: ({ totalMs }) => totalMs,
  P99: (statistics) => statistics.percentileMs(99),
  COUNT: ({ count }) => count,
  ROWS_READ: ({ rowsRead }) => rowsRead,
  FAILED: ({ failed }) => failed,
};
