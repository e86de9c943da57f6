import { asLsn, type Lsn, lsnZero } from '../../model/position.ts';
import type { ColumnLogger } from '../logger.ts';
import type { ShippedNote, ShippingTarget, TableNote } from './shipping-target.ts';
import type { TableQueue } from './table-queue.ts';

export interface NoteKeeperOptions {
  readonly target: ShippingTarget;
  readonly queues: readonly TableQueue[];
  readonly logger: ColumnLogger;
  /** What every table covers now. */
  readonly coveredLsn: () => Lsn;
}

/**
 * Has ClickHouse note now and then up to where everything is in, and how many rows that is. The
 * next start needs nothing before it from the log, and finds rows that are gone.
 */
export class NoteKeeper {
  readonly #options: NoteKeeperOptions;
  #notedLsn: Lsn;
  #writing: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isHeld = false;
  #closed = false;

  constructor(options: NoteKeeperOptions, notedLsn: Lsn) {
    this.#options = options;
    this.#notedLsn = notedLsn;
  }

  /** Durable: ClickHouse has noted that everything up to here is in. */
  get notedLsn(): Lsn {
    return this.#notedLsn;
  }

  /** Notes what is covered, some time soon. */
  soon(): void {
    if (this.#closed || this.#isHeld || this.#timer) return;
    if (this.#options.coveredLsn() <= this.#notedLsn) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#writing = this.#advance().finally(() => {
        this.#writing = null;
      });
    }, noteMs);
  }

  /** Notes `lsn`, up to which everything is in, and what each table holds now. */
  async replace(lsn: Lsn): Promise<void> {
    await this.#options.target.writeNote(this.#noteAt(lsn));
    this.#notedLsn = lsn;
  }

  /**
   * Forgets what is noted of positions after `lsn`, and every count: until `replace`, tables may
   * lose rows without being found to lack them.
   */
  async forgetAfter(lsn: Lsn): Promise<void> {
    const { target } = this.#options;
    const left = asLsn(Math.min(this.#notedLsn, lsn));
    const writeLeft = async () => {
      if (left > lsnZero) await target.writeNote({ lsn: left, tables: new Map() });
    };
    // Before the later ones go: a crash after that finds it.
    await writeLeft();
    if (this.#notedLsn > lsn) {
      await target.deleteAfter(null, lsn);
      // A merge may have dropped it for a later one meanwhile.
      await writeLeft();
    }
    this.#notedLsn = left;
  }

  /**
   * Forgets what is noted of positions after `lsn`, has `work` delete their rows, and notes what is
   * held then. Nothing else is noted from the call on, for good where it fails: a count from amid
   * the work would miss rows that were never lost.
   */
  async rewind(lsn: Lsn, work: () => Promise<void>): Promise<void> {
    this.#isHeld = true;
    this.#stopTimer();
    await this.#writing;
    await this.forgetAfter(lsn);
    await work();
    await this.replace(this.#notedLsn);
    this.#isHeld = false;
  }

  /** Notes what is covered at last. Inserts must be over. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopTimer();
    await this.#writing;
    if (!this.#isHeld) await this.#advance();
  }

  #stopTimer(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #advance(): Promise<void> {
    const covered = this.#options.coveredLsn();
    if (covered <= this.#notedLsn) return;
    try {
      await this.replace(covered);
    } catch (error) {
      this.#options.logger.warn({ error }, 'the column store could not note its position');
    }
  }

  /** A table without rows on their way holds all there are, however long ago its last ones came. */
  #noteAt(lsn: Lsn): ShippedNote {
    const tables = this.#options.queues.map((queue): [string, TableNote] => [
      queue.table.storedName,
      { lsn: asLsn(Math.max(lsn, queue.shippedLsn)), rows: queue.rows },
    ]);
    return { lsn, tables: new Map(tables) };
  }
}

const noteMs = 2_000;
