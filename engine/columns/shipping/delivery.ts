import { randomUUID } from 'node:crypto';
import type { ColumnLogger } from '../logger.ts';
import type { Closing } from './closing.ts';
import type { SealedBlock } from './sealed-block.ts';
import type { ShippingTarget } from './shipping-target.ts';
import type { TableQueue } from './table-queue.ts';

export interface TailerObserver {
  /** One block of one table went in. */
  onInsert?(insert: { table: string; rows: number; bytes: number; seconds: number }): void;
}

export interface DeliveryParts {
  readonly target: ShippingTarget;
  readonly logger: ColumnLogger;
  readonly observer: TailerObserver;
  readonly closing: Closing;
}

/**
 * Brings blocks into ClickHouse, each once. After an insert whose outcome is unknown ClickHouse is
 * made to drop it and asked what it holds, before anything is sent again.
 */
export class Delivery {
  readonly #parts: DeliveryParts;

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
  }

  /** Whether the block goes in from a file of the spool, where it finds room there. */
  isFromFile({ byteLength }: SealedBlock): boolean {
    return this.#parts.target.files === 'taken' && byteLength >= fileBytesMin;
  }

  /** Brings the queue's head in and takes it off the queue; false when the tailer closes first. */
  async deliver(queue: TableQueue, block: SealedBlock): Promise<boolean> {
    const { observer, closing } = this.#parts;
    if (this.isFromFile(block)) {
      // Where it finds no room it is sent from memory.
      await block.spill().catch(() => {});
    }
    for (let failures = 0; ; failures++) {
      const queryId = randomUUID();
      const started = performance.now();
      if (await this.#insert(queue, block, queryId)) {
        queue.reuse(queue.shift());
        observer.onInsert?.({
          table: queue.table.definition.name,
          rows: block.rows,
          bytes: block.byteLength,
          seconds: (performance.now() - started) / 1000,
        });
        return true;
      }
      if (closing.hasBegun) return false;
      if (await this.#isIn(queue, block, queryId)) {
        queue.shift();
        return true;
      }
      if (closing.hasBegun) return false;
      await closing.pauseAfter(failures);
    }
  }

  /** False where it failed; the block may be in all the same. */
  async #insert(queue: TableQueue, block: SealedBlock, queryId: string): Promise<boolean> {
    const { target, logger, closing } = this.#parts;
    try {
      await target.insert(queue.table, block, queryId);
      return true;
    } catch (error) {
      const table = queue.table.storedName;
      if (!closing.hasBegun)
        logger.warn({ table, error }, 'an insert into the column store failed');
      return false;
    }
  }

  /** Asks ClickHouse whether a block whose insert failed is in after all. */
  async #isIn(queue: TableQueue, block: SealedBlock, queryId: string): Promise<boolean> {
    const { target, logger, closing } = this.#parts;
    for (let failures = 0; !closing.hasBegun; failures++) {
      try {
        await closing.orUntil(target.whenUp());
        await target.stopInsert(queryId);
        const held = await target.readHeld(queue.table, queue.shippedLsn);
        this.#checkCount(queue, held.rows - held.rowsAfter);
        if (held.lastLsn >= block.lastLsn) return true;
        if (held.lastLsn < block.firstLsn) return false;
        throw new RangeError(`${queue.table.storedName} holds half a block, up to ${held.lastLsn}`);
      } catch (error) {
        if (error instanceof RangeError) throw error;
        logger.warn({ error, failures }, 'the column store does not tell what it holds');
        await closing.pauseAfter(failures);
      }
    }
    return false;
  }

  /** The next start refuses or mends it, by the notes, which go on counting what was shipped. */
  #checkCount(queue: TableQueue, held: number): void {
    const { rows: shipped, shippedLsn, table } = queue;
    if (held === shipped) return;
    this.#parts.logger.error(
      { table: table.storedName, lsn: shippedLsn, shipped, held },
      'the column store has lost rows: start the server anew to have them filled in from the log',
    );
  }
}

/**
 * A block of this size costs this process less as a file that ClickHouse reads than as a body that
 * is sent, and its memory is free sooner. A smaller one arrives sooner as a body, and disturbs
 * commits less: no file is written and checked while the log is.
 */
const fileBytesMin = 8 << 20;
