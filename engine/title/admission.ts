import type { ColumnFollower } from '../columns/column-follower.ts';
import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';

/**
 * Who may write: so many at a time, nobody while the column store has no room or
 * once it is closed.
 */
export class Admission {
  readonly #columns: Pick<ColumnFollower, 'outOfRoom'>;
  #admitted = 0;
  #closed: EngineError | null = null;

  constructor(columns: Pick<ColumnFollower, 'outOfRoom'>) {
    this.#columns = columns;
  }

  /** Throws what it was closed with, `UNAVAILABLE` or `OVERLOADED`; otherwise `leave` must follow. */
  enter(): void {
    if (this.#closed) throw this.#closed;
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

  /** Tells everybody `error` from now on; where it was closed before, the first error stands. */
  close(error: EngineError): void {
    this.#closed ??= error;
  }
}
