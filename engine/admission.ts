import type { ColumnStore } from './columns/column-store.ts';
import { EngineError } from './errors.ts';
import { limits } from './limits.ts';

/** Who may write: so many at a time, nobody while the column store has no room or after closing. */
export class Admission {
  readonly #columns: Pick<ColumnStore, 'outOfRoom'>;
  #admitted = 0;
  #closed = false;

  constructor(columns: Pick<ColumnStore, 'outOfRoom'>) {
    this.#columns = columns;
  }

  /** Throws `UNAVAILABLE` or `OVERLOADED`; otherwise `leave` must follow. */
  enter(): void {
    if (this.#closed) throw shuttingDown();
    if (this.#columns.outOfRoom) throw this.#columns.outOfRoom;
    if (this.#admitted >= limits.commitsPendingMax) {
      throw new EngineError('OVERLOADED', `${limits.commitsPendingMax} commits wait already`, {
        retryAfterMs: 50,
      });
    }
    this.#admitted++;
  }

  leave(): void {
    this.#admitted--;
  }

  close(): void {
    this.#closed = true;
  }
}

export function shuttingDown(): EngineError {
  return new EngineError('UNAVAILABLE', 'the server is shutting down');
}
