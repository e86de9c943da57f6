import { EngineError } from '../../model/errors.ts';
import type { ColumnLogger } from '../logger.ts';
import type { TableQueue } from './table-queue.ts';

export interface BacklogRoomOptions {
  readonly queues: readonly TableQueue[];
  readonly memoryBytesMax: number;
  readonly logger: ColumnLogger;
  /** A queue has a block more. */
  readonly onSealed: (queue: TableQueue) => void;
}

/** Keeps the memory of what ClickHouse lacks under its bound, by moving blocks to disk. */
export class BacklogRoom {
  readonly #options: BacklogRoomOptions;
  #full: EngineError | null = null;
  #probe: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: BacklogRoomOptions) {
    this.#options = options;
  }

  /** Why nothing more fits, in memory or on disk, until this is null again. */
  get full(): EngineError | null {
    return this.#full;
  }

  /** To be called when a queue has grown. */
  limit(): void {
    const { queues, memoryBytesMax, logger, onSealed } = this.#options;
    let memoryBytes = 0;
    let writingBytes = 0;
    for (const queue of queues) {
      memoryBytes += queue.memoryBytes;
      writingBytes += queue.writingBytes;
    }
    let excess = memoryBytes - writingBytes - memoryBytesMax;
    if (excess <= 0) {
      this.#full = null;
      return;
    }
    for (const queue of queues) {
      // What is open can only be spilled as a block of its own.
      if (queue.openBytes > memoryBytesMax / 8) {
        queue.seal();
        onSealed(queue);
      }
      const spilled = queue.spill(excess);
      excess -= spilled.bytes;
      for (const done of spilled.done) {
        done.catch((error: unknown) => {
          logger.error({ error }, 'a block could not be written to the spool');
        });
      }
    }
    let far = -2 * memoryBytesMax;
    for (const queue of queues) far += queue.memoryBytes;
    try {
      for (const queue of queues) if (far > 0) far -= queue.spillNow(far);
      this.#full = null;
    } catch (error) {
      this.#refuseUntilRoom(error);
    }
  }

  close(): void {
    this.#closed = true;
    if (this.#probe) clearTimeout(this.#probe);
  }

  /** ClickHouse may take some of it, or the disk get room again. */
  #refuseUntilRoom(cause: unknown): void {
    this.#full = new EngineError(
      'UNAVAILABLE',
      'the column store is behind, and the disk of its backlog is full: nothing new is accepted',
      { retryAfterMs: probeMs, cause },
    );
    this.#probe ??= setTimeout(() => {
      this.#probe = null;
      if (!this.#closed) this.limit();
    }, probeMs);
  }
}

const probeMs = 1_000;
