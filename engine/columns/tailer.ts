import { randomUUID } from 'node:crypto';
import { EngineError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { Storage } from '../log/storage.ts';
import { asLsn, type Lsn, lsnZero } from '../position.ts';
import type { ChangeSet } from '../tick/change-set.ts';
import type { ColumnLogger } from './logger.ts';
import { BacklogCut } from './shipping/backlog-cut.ts';
import { type FoundBacklog, type KeptBlock, missingBlocks } from './shipping/kept-backlog.ts';
import type { QueuedBlock, SealedBlock } from './shipping/sealed-block.ts';
import type { ShippedTable } from './shipping/shipped-table.ts';
import { Spool } from './shipping/spool.ts';
import { TableQueue } from './shipping/table-queue.ts';

/** The port to ClickHouse, as the tailer needs it. */
export interface ShippingTarget {
  /** Everything up to here is in, in all tables. */
  readShipped(): Promise<Lsn>;
  noteShipped(lsn: Lsn): Promise<void>;
  /** The last LSN the table has rows of, at least `from`. */
  readLastLsn(table: ShippedTable, from: Lsn): Promise<Lsn>;
  /** Whether it takes a block that lies in a file from there; else every block is sent. */
  readonly files: 'taken' | 'sent';
  /** Inserts a block as one atom, durable when it resolves. */
  insert(table: ShippedTable, block: QueuedBlock, queryId: string): Promise<void>;
  /** Makes sure that an insert whose answer is missing does not go on behind our back. */
  stopInsert(queryId: string): Promise<void>;
  /** Deletes a table's rows of positions after `lsn`; null: the notes of being shipped that far. */
  deleteAfter(table: ShippedTable | null, lsn: Lsn): Promise<void>;
  /** Resolves when it is worth trying again. */
  whenUp(): Promise<void>;
}

export interface TailerObserver {
  /** One block of one table went in. */
  onInsert?(insert: { table: string; rows: number; bytes: number; seconds: number }): void;
}

export interface TailerOptions {
  readonly tables: readonly ShippedTable[];
  readonly target: ShippingTarget;
  readonly storage: Storage;
  readonly spoolDirectory: string;
  readonly logger: ColumnLogger;
  readonly observer: TailerObserver;
  /** Tests lower them. */
  readonly memoryBytesMax?: number;
  readonly blockRowsMax?: number;
}

/**
 * Ships change sets to ClickHouse, every row exactly once, whatever is killed when.
 *
 * A table's rows go in by blocks, one after the other, each an atom. So ClickHouse itself says
 * what it holds: all rows of a table up to the table's `max(_lsn)`, and none after it. After a
 * start, and after an insert whose outcome is unknown, that is asked before anything is sent.
 */
export class Tailer {
  readonly #options: TailerOptions;
  readonly #queues: readonly TableQueue[];
  readonly #spool: Spool;
  readonly #shipping = new Set<TableQueue>();
  readonly #waiters = new Set<{ lsn: Lsn; done: () => void }>();
  readonly #blockRowsMax: number;
  readonly #memoryBytesMax: number;
  /** The last change set taken, and the last LSN known to have been offered. */
  #offeredLsn: Lsn;
  #advancedLsn: Lsn;
  #notedLsn: Lsn;
  #noting: Promise<void> | null = null;
  #noteTimer: NodeJS.Timeout | null = null;
  #flushTimer: NodeJS.Timeout | null = null;
  #closed = false;
  readonly #closing = deferred();
  #outOfRoom: EngineError | null = null;
  #roomTimer: NodeJS.Timeout | null = null;
  #onIdle: (() => void) | null = null;

  static async open(options: TailerOptions): Promise<Tailer> {
    const { target } = options;
    const shipped = await target.readShipped();
    const spool = await Spool.open(options.storage, options.spoolDirectory);
    const queues = await Promise.all(
      options.tables.map(async (table) => {
        return new TableQueue(table, spool, await target.readLastLsn(table, shipped));
      }),
    );
    return new Tailer(options, queues, spool, shipped);
  }

  private constructor(
    options: TailerOptions,
    queues: readonly TableQueue[],
    spool: Spool,
    shipped: Lsn,
  ) {
    this.#options = options;
    this.#queues = queues;
    this.#spool = spool;
    this.#offeredLsn = shipped;
    this.#advancedLsn = shipped;
    this.#notedLsn = shipped;
    this.#blockRowsMax = options.blockRowsMax ?? limits.columnsBlockRowsMax;
    this.#memoryBytesMax = options.memoryBytesMax ?? limits.columnsBacklogBytesMax;
  }

  get coveredLsn(): Lsn {
    let covered: number = this.#advancedLsn;
    for (const queue of this.#queues) {
      if (queue.pendingLsn !== null) covered = Math.min(covered, queue.pendingLsn - 1);
    }
    return asLsn(Math.max(covered, lsnZero));
  }

  /** Durable: ClickHouse has noted that everything before is in. */
  get neededFromLsn(): Lsn {
    return asLsn(this.#notedLsn + 1);
  }

  /** The last position that any table may have rows of. */
  get heldLsn(): Lsn {
    const held = this.#queues.map((queue) => queue.shippedLsn);
    return asLsn(Math.max(this.#notedLsn, ...held));
  }

  get advancedLsn(): Lsn {
    return this.#advancedLsn;
  }

  /**
   * What ClickHouse lacks has no room left, in memory or on disk: nothing more may be offered until
   * this is null again.
   */
  get outOfRoom(): EngineError | null {
    return this.#outOfRoom;
  }

  get backlog(): { readonly memoryBytes: number; readonly spooledBlocks: number } {
    let memoryBytes = 0;
    let spooledBlocks = 0;
    for (const queue of this.#queues) {
      memoryBytes += queue.memoryBytes;
      spooledBlocks += queue.spooledBlocks;
    }
    return { memoryBytes, spooledBlocks };
  }

  /**
   * Takes what a checkpoint at `lsn` kept, ships it, and from then on needs nothing up to there
   * again. Null when that is done; else why what is kept and what ClickHouse holds do not join up,
   * and nothing is taken. To be called until it takes something, before the first `offer`; nothing
   * kept at 0 always fits.
   */
  async resume(lsn: Lsn, backlog: FoundBacklog): Promise<string | null> {
    const taken = new Map<TableQueue, readonly KeptBlock[]>();
    for (const queue of this.#queues) {
      const kept = backlog.tables.find(({ table }) => table === queue.table.definition.name);
      const blocks = kept ? missingBlocks(kept, backlog.whole, queue.shippedLsn) : [];
      if (typeof blocks === 'string') return blocks;
      taken.set(queue, blocks);
    }
    await this.#spool.discardOthers([...taken.values()].flat().map(({ file }) => file));
    for (const [queue, blocks] of taken) queue.resume(blocks);
    this.#offeredLsn = asLsn(Math.max(this.#offeredLsn, lsn));
    this.#advancedLsn = asLsn(Math.max(this.#advancedLsn, lsn));
    for (const queue of this.#queues) this.#ship(queue);
    return null;
  }

  /**
   * Deletes what ClickHouse has of positions after `lsn`, where the log ends. The notes go last: a
   * crash on the way leaves tables that are ahead, which the next start finds.
   */
  async rewind(lsn: Lsn): Promise<void> {
    const { target, logger } = this.#options;
    for (const queue of this.#queues) {
      if (queue.shippedLsn <= lsn) continue;
      await target.deleteAfter(queue.table, lsn);
      queue.shippedLsn = lsn;
    }
    if (this.#notedLsn > lsn) {
      await target.deleteAfter(null, lsn);
      await target.noteShipped(lsn);
      this.#notedLsn = lsn;
    }
    this.#offeredLsn = asLsn(Math.min(this.#offeredLsn, lsn));
    this.#advancedLsn = asLsn(Math.min(this.#advancedLsn, lsn));
    logger.warn({ lsn }, 'rows beyond the end of the log were deleted');
  }

  /** What ClickHouse lacks of everything offered so far, for a checkpoint to keep. */
  cutBacklog(): BacklogCut {
    for (const queue of this.#queues) {
      this.#seal(queue);
      this.#ship(queue);
    }
    return new BacklogCut(this.#spool, this.#queues);
  }

  offer(changes: ChangeSet): void {
    if (this.#closed || changes.lsn <= this.#offeredLsn) return;
    this.#offeredLsn = changes.lsn;
    for (const queue of this.#queues) {
      queue.append(changes);
      if (queue.openRows >= this.#blockRowsMax || queue.openBytes >= limits.columnsBlockBytesMax) {
        this.#seal(queue);
        this.#ship(queue);
      }
    }
    this.#limitMemory();
  }

  advance(lsn: Lsn): void {
    if (this.#closed || lsn <= this.#advancedLsn) return;
    this.#advancedLsn = lsn;
    this.#offeredLsn = asLsn(Math.max(this.#offeredLsn, lsn));
    if (this.#waiters.size > 0) this.#shipWaited();
    this.#flushSoon();
    this.#settle();
  }

  waitForCovered(lsn: Lsn, timeoutMs: number): Promise<void> {
    if (this.coveredLsn >= lsn) return Promise.resolve();
    if (this.#closed) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      const waiter = {
        lsn,
        done: () => {
          clearTimeout(timer);
          this.#waiters.delete(waiter);
          if (this.coveredLsn >= lsn) resolve();
          else reject(closedError());
        },
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        reject(
          new EngineError(
            'NOT_CAUGHT_UP',
            `the column store covers ${this.coveredLsn}, not ${lsn}`,
            {
              details: { coveredLsn: this.coveredLsn, lsn },
              retryAfterMs: 250,
            },
          ),
        );
      }, timeoutMs);
      this.#waiters.add(waiter);
      this.#shipWaited();
    });
  }

  /** Waits for inserts under way; what was not sent is left to the log. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#closing.resolve();
    if (this.#flushTimer) clearTimeout(this.#flushTimer);
    if (this.#noteTimer) clearTimeout(this.#noteTimer);
    if (this.#roomTimer) clearTimeout(this.#roomTimer);
    while (this.#shipping.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    await this.#noting;
    await this.#note();
    for (const waiter of [...this.#waiters]) waiter.done();
    await this.#spool.close();
  }

  #flushSoon(): void {
    if (this.#flushTimer || !this.#queues.some((queue) => queue.hasOpenRows)) return;
    this.#flushTimer = setTimeout(() => {
      this.#flushTimer = null;
      for (const queue of this.#queues) this.#sealAndShip(queue);
    }, flushMs);
  }

  /** Ships what waiters need, at once. */
  #shipWaited(): void {
    let highest: number = lsnZero;
    for (const waiter of this.#waiters) highest = Math.max(highest, waiter.lsn);
    for (const queue of this.#queues) {
      if (queue.pendingLsn !== null && queue.pendingLsn <= highest) this.#sealAndShip(queue);
    }
  }

  /** While a block is on its way, rows gather for the next one: fewer, larger inserts. */
  #sealAndShip(queue: TableQueue): void {
    if (this.#shipping.has(queue)) return;
    this.#seal(queue);
    this.#ship(queue);
  }

  /**
   * A block that ClickHouse takes from a file is written to it now: the blocks before it go in
   * meanwhile, and a later one gets its memory.
   */
  #seal(queue: TableQueue): void {
    const block = queue.seal();
    // A file that cannot be written now is tried again when its turn comes.
    if (block && this.#isTakenFromFile(block)) block.spill().catch(() => {});
  }

  #isTakenFromFile({ byteLength }: SealedBlock): boolean {
    return this.#options.target.files === 'taken' && byteLength >= fileBytesMin;
  }

  #ship(queue: TableQueue): void {
    if (this.#closed || this.#shipping.has(queue) || !queue.head) return;
    this.#shipping.add(queue);
    void this.#shipAll(queue).finally(() => {
      this.#shipping.delete(queue);
      if (this.#closed) {
        if (this.#shipping.size === 0) this.#onIdle?.();
        return;
      }
      if (queue.head) this.#ship(queue);
      else if (this.#waiters.size > 0) this.#shipWaited();
      this.#flushSoon();
    });
  }

  async #shipAll(queue: TableQueue): Promise<void> {
    for (let block = queue.head; block && !this.#closed; block = queue.head) {
      await this.#shipBlock(queue, block);
    }
  }

  /** Returns when the block is in, or the tailer is closed. */
  async #shipBlock(queue: TableQueue, block: SealedBlock): Promise<void> {
    const { observer } = this.#options;
    if (this.#isTakenFromFile(block)) {
      // Where it finds no room it is sent from memory.
      await block.spill().catch(() => {});
    }
    for (let failures = 0; ; failures++) {
      const queryId = randomUUID();
      const started = performance.now();
      if (await this.#insert(queue, block, queryId)) {
        queue.reuse(queue.shift());
        this.#settle();
        observer.onInsert?.({
          table: queue.table.definition.name,
          rows: block.rows,
          bytes: block.byteLength,
          seconds: (performance.now() - started) / 1000,
        });
        return;
      }
      if (this.#closed) return;
      if (await this.#isIn(queue, block, queryId)) {
        queue.shift();
        this.#settle();
        return;
      }
      if (this.#closed) return;
      await this.#pause(failures);
    }
  }

  /** False where it failed; the block may be in all the same. */
  async #insert(queue: TableQueue, block: SealedBlock, queryId: string): Promise<boolean> {
    const { target, logger } = this.#options;
    try {
      await target.insert(queue.table, block, queryId);
      return true;
    } catch (error) {
      const table = queue.table.storedName;
      if (!this.#closed) logger.warn({ table, error }, 'an insert into the column store failed');
      return false;
    }
  }

  /** Asks ClickHouse whether a block whose insert failed is in after all. */
  async #isIn(queue: TableQueue, block: SealedBlock, queryId: string): Promise<boolean> {
    const { target, logger } = this.#options;
    for (let failures = 0; !this.#closed; failures++) {
      try {
        await Promise.race([target.whenUp(), this.#closing.promise]);
        await target.stopInsert(queryId);
        const last = await target.readLastLsn(queue.table, queue.shippedLsn);
        if (last >= block.lastLsn) return true;
        if (last < block.firstLsn) return false;
        throw new RangeError(`${queue.table.storedName} holds half a block, up to ${last}`);
      } catch (error) {
        if (error instanceof RangeError) throw error;
        logger.warn({ error, failures }, 'the column store does not tell what it holds');
        await this.#pause(failures);
      }
    }
    return false;
  }

  #settle(): void {
    const covered = this.coveredLsn;
    for (const waiter of [...this.#waiters]) if (covered >= waiter.lsn) waiter.done();
    if (covered > this.#notedLsn && !this.#noteTimer && !this.#closed) {
      this.#noteTimer = setTimeout(() => {
        this.#noteTimer = null;
        this.#noting = this.#note().finally(() => {
          this.#noting = null;
        });
      }, noteMs);
    }
  }

  async #note(): Promise<void> {
    const covered = this.coveredLsn;
    if (covered <= this.#notedLsn) return;
    try {
      await this.#options.target.noteShipped(covered);
      this.#notedLsn = covered;
    } catch (error) {
      this.#options.logger.warn({ error }, 'the column store could not note its position');
    }
  }

  /** Keeps the backlog's memory under its bound by moving blocks to disk. */
  #limitMemory(): void {
    let resting = 0;
    for (const queue of this.#queues) resting += queue.memoryBytes - queue.writingBytes;
    let excess = resting - this.#memoryBytesMax;
    if (excess <= 0) {
      this.#outOfRoom = null;
      return;
    }
    for (const queue of this.#queues) {
      // What is open can only be spilled as a block of its own.
      if (queue.openBytes > this.#memoryBytesMax / 8) {
        queue.seal();
        this.#ship(queue);
      }
      const spilled = queue.spill(excess);
      excess -= spilled.bytes;
      for (const done of spilled.done) {
        done.catch((error: unknown) => {
          this.#options.logger.error({ error }, 'a block could not be written to the spool');
        });
      }
    }
    let far = this.backlog.memoryBytes - 2 * this.#memoryBytesMax;
    try {
      for (const queue of this.#queues) if (far > 0) far -= queue.spillNow(far);
      this.#outOfRoom = null;
    } catch (error) {
      this.#refuseUntilRoom(error);
    }
  }

  /** ClickHouse may take some of it, or the disk get room again. */
  #refuseUntilRoom(cause: unknown): void {
    this.#outOfRoom = new EngineError(
      'UNAVAILABLE',
      'the column store is behind, and the disk of its backlog is full: nothing new is accepted',
      { retryAfterMs: roomProbeMs, cause },
    );
    this.#roomTimer ??= setTimeout(() => {
      this.#roomTimer = null;
      if (!this.#closed) this.#limitMemory();
    }, roomProbeMs);
  }

  /** Longer after each failure; over at once when the tailer closes. */
  async #pause(failures: number): Promise<void> {
    const ms = Math.min(retryMs * 2 ** failures, retryMsMax);
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([over, this.#closing.promise]);
    clearTimeout(timer);
  }
}

/** Rows become visible unasked within this and the time of an insert. */
const flushMs = 120;
/**
 * A block of this size costs this process less as a file that ClickHouse reads than as a body that
 * is sent, and its memory is free sooner. A smaller one arrives sooner as a body, and disturbs
 * commits less: no file is written and checked while the log is.
 */
const fileBytesMin = 8 << 20;
const noteMs = 2_000;
const roomProbeMs = 1_000;
const retryMs = 50;
const retryMsMax = 5_000;

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

function closedError(): EngineError {
  return new EngineError('UNAVAILABLE', 'the column store is closed');
}
