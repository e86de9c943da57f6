import { EngineError } from '../model/errors.ts';
import { formatPosition, type Lsn } from '../model/position.ts';

interface Waiter {
  readonly lsn: Lsn;
  readonly resolve: () => void;
  readonly refuse: (error: EngineError) => void;
}

/** Reads that wait until a position has been applied. */
export class PositionWaiters {
  #waiters: Waiter[] = [];

  /** Resolves at once where `applied()` is there already; `NOT_CAUGHT_UP` after the timeout. */
  wait(lsn: Lsn, timeoutMs: number, applied: () => Lsn): Promise<void> {
    if (applied() >= lsn) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter = {
        lsn,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
        refuse: (error: EngineError) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      const timer = setTimeout(() => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        const message = `position ${formatPosition(lsn)} was not applied within ${timeoutMs} ms`;
        reject(
          new EngineError('NOT_CAUGHT_UP', message, {
            retryAfterMs: timeoutMs,
            details: { position: formatPosition(applied()) },
          }),
        );
      }, timeoutMs);
      this.#waiters.push(waiter);
    });
  }

  /** Refuses everything that waits. */
  clear(error: EngineError): void {
    for (const waiter of this.#waiters) waiter.refuse(error);
    this.#waiters = [];
  }

  reached(lsn: Lsn): void {
    if (this.#waiters.length === 0) return;
    const ready = this.#waiters.filter((waiter) => waiter.lsn <= lsn);
    this.#waiters = this.#waiters.filter((waiter) => waiter.lsn > lsn);
    for (const waiter of ready) waiter.resolve();
  }
}
