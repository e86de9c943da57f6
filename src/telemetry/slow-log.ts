import { limits } from '../../engine/model/limits.ts';
import type { FinishedOperation } from '../../resolvers/insight/finished-operation.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';

/**
 * Slow operations as lines of the log, so many a second; the first line after a second that had more
 * says how many were left out. `slowQueries` has them.
 */
export class SlowLog {
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  #second = 0;
  #inSecond = 0;
  #leftOut = 0;

  constructor(logger: Logger, metrics: Metrics) {
    this.#logger = logger;
    this.#metrics = metrics;
  }

  readonly tell = (operation: FinishedOperation): void => {
    this.#metrics.slowOperations.inc({ class: operation.queryClass });
    const second = Math.floor(operation.endedAtMs / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#inSecond = 0;
    }
    this.#inSecond += 1;
    if (this.#inSecond > limits.slowOperationsLoggedPerSecondMax) {
      this.#leftOut += 1;
      return;
    }
    const { shape, endedAtMs: _at, elapsedMs, waitMs, requestId, ...rest } = operation;
    const slow = { ...shape, ...rest, elapsedMs: rounded(elapsedMs), waitMs: rounded(waitMs) };
    const more = this.#leftOut === 0 ? {} : { slowLeftOut: this.#leftOut };
    this.#leftOut = 0;
    this.#logger.info({ requestId, slow, ...more }, 'a slow operation');
  };
}

function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
