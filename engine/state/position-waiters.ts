import { endError, type Ticket } from '../govern/ticket.ts';
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

  /**
   * Resolves at once where `applied()` is there already; `NOT_CAUGHT_UP` at the ticket's deadline,
   * `UNAVAILABLE` once its request ends.
   */
  async wait(ticket: Ticket, lsn: Lsn, applied: () => Lsn): Promise<void> {
    ticket.check();
    if (applied() >= lsn) return;
    await new Promise<void>((resolve, reject) => {
      const waiter = {
        lsn,
        resolve: () => {
          release();
          resolve();
        },
        refuse: (error: EngineError) => {
          release();
          reject(error);
        },
      };
      const release = ticket.whenOver((end) => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        reject(end === 'late' ? notCaughtUp(ticket, lsn, applied()) : endError(ticket, end));
      });
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

function notCaughtUp({ deadline }: Ticket, lsn: Lsn, appliedLsn: Lsn): EngineError {
  const timeoutMs = deadline?.givenMs ?? 0;
  const message = `position ${formatPosition(lsn)} was not applied within ${timeoutMs} ms`;
  return new EngineError('NOT_CAUGHT_UP', message, {
    retryAfterMs: timeoutMs,
    details: { position: formatPosition(appliedLsn) },
  });
}
