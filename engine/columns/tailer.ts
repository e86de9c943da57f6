import type { Storage } from '../disk/storage.ts';
import { endError, type Ticket } from '../govern/ticket.ts';
import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { asLsn, type Lsn, lsnZero } from '../model/position.ts';
import type { ChangeSet } from '../state/change-set.ts';
import type { ColumnLogger } from './logger.ts';
import { BacklogCut } from './shipping/backlog-cut.ts';
import { BacklogRoom } from './shipping/backlog-room.ts';
import { Closing } from './shipping/closing.ts';
import { Delivery, type TailerObserver } from './shipping/delivery.ts';
import { type FoundBacklog, type KeptBlock, missingBlocks } from './shipping/kept-backlog.ts';
import { describeLost, type LostRows, lostRows } from './shipping/lost-rows.ts';
import { NoteKeeper } from './shipping/note-keeper.ts';
import type { ShippedTable } from './shipping/shipped-table.ts';
import type { ShippingTarget } from './shipping/shipping-target.ts';
import { Spool } from './shipping/spool.ts';
import { TableQueue } from './shipping/table-queue.ts';

export interface TailerOptions {
  readonly tables: readonly ShippedTable[];
  readonly target: ShippingTarget;
  readonly storage: Storage;
  readonly spoolDirectory: string;
  readonly logger: ColumnLogger;
  readonly observer: TailerObserver;
  /** Goes on without rows that ClickHouse had once and holds no longer. */
  readonly acceptLostRows?: boolean;
  /** Tests lower them. */
  readonly memoryBytesMax?: number;
  readonly blockRowsMax?: number;
}

/**
 * Ships change sets to ClickHouse, every row exactly once, whatever is killed when.
 *
 * A table's rows go in by blocks, one after the other, each an atom. So ClickHouse itself says
 * what it holds: all rows of a table up to the table's `max(_lsn)`, and none after it. After a
 * start, and after an insert whose outcome is unknown, that is asked before anything is sent. That
 * no row before has gone since is seen by counting them.
 */
export class Tailer {
  readonly #options: TailerOptions;
  readonly #queues: readonly TableQueue[];
  readonly #spool: Spool;
  readonly #delivery: Delivery;
  readonly #notes: NoteKeeper;
  readonly #room: BacklogRoom;
  readonly #closing = new Closing();
  readonly #shipping = new Set<TableQueue>();
  readonly #waiters = new Set<{ lsn: Lsn; done: () => void }>();
  readonly #blockRowsMax: number;
  /** Tables to be filled anew, from the first record of all. */
  #lost: readonly LostRows[];
  /** The last change set taken, and the last LSN known to have been offered. */
  #offeredLsn: Lsn;
  #advancedLsn: Lsn;
  #flushTimer: NodeJS.Timeout | null = null;
  #onIdle: (() => void) | null = null;

  static async open(options: TailerOptions): Promise<Tailer> {
    const { target, logger } = options;
    await target.stopInserts();
    const shipped = await target.readNote();
    const found = await Promise.all(
      options.tables.map(async (table) => {
        const note = shipped.tables.get(table.storedName);
        const held = await target.readHeld(table, note?.lsn ?? shipped.lsn);
        return { table, held, lost: note ? lostRows(table, note, held) : null };
      }),
    );
    const lost = found.flatMap((one) => one.lost ?? []);
    const spool = await Spool.open(options.storage, options.spoolDirectory);
    const queues = found.map(
      ({ table, held }) => new TableQueue(table, spool, { lsn: held.lastLsn, rows: held.rows }),
    );
    if (!options.acceptLostRows || lost.length === 0) {
      return new Tailer(options, queues, spool, shipped.lsn, lost);
    }
    logger.error({}, `${describeLost(lost)}; they are given up`);
    const tailer = new Tailer(options, queues, spool, shipped.lsn, []);
    await tailer.#notes.replace(shipped.lsn);
    return tailer;
  }

  private constructor(
    options: TailerOptions,
    queues: readonly TableQueue[],
    spool: Spool,
    shipped: Lsn,
    lost: readonly LostRows[],
  ) {
    const { target, logger, observer } = options;
    this.#options = options;
    this.#queues = queues;
    this.#spool = spool;
    this.#lost = lost;
    this.#offeredLsn = shipped;
    this.#advancedLsn = shipped;
    this.#blockRowsMax = options.blockRowsMax ?? limits.columnsBlockRowsMax;
    this.#delivery = new Delivery({ target, logger, observer, closing: this.#closing });
    const coveredLsn = () => this.coveredLsn;
    this.#notes = new NoteKeeper({ target, queues, logger, coveredLsn }, shipped);
    this.#room = new BacklogRoom({
      queues,
      memoryBytesMax: options.memoryBytesMax ?? limits.columnsBacklogBytesMax,
      logger,
      onSealed: (queue) => this.#ship(queue),
    });
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
    return asLsn(this.#notes.notedLsn + 1);
  }

  /** The last position that any table may have rows of. */
  get heldLsn(): Lsn {
    const held = this.#queues.map((queue) => queue.shippedLsn);
    return asLsn(Math.max(this.#notes.notedLsn, ...held));
  }

  get advancedLsn(): Lsn {
    return this.#advancedLsn;
  }

  /** Rows that ClickHouse holds of a table, of a state table every version of each. */
  rowsOf(table: string): number {
    return this.#queues.find((queue) => queue.table.definition.name === table)?.rows ?? 0;
  }

  /**
   * What ClickHouse lacks has no room left, in memory or on disk: nothing more may be offered until
   * this is null again.
   */
  get outOfRoom(): EngineError | null {
    return this.#room.full;
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
   * kept at 0 always fits: a table that has lost rows is emptied then, to get all of them again.
   */
  async resume(lsn: Lsn, backlog: FoundBacklog): Promise<string | null> {
    if (this.#lost.length > 0) {
      if (lsn > lsnZero) return describeLost(this.#lost);
      await this.#empty(this.#lost);
    }
    const taken = new Map<TableQueue, readonly KeptBlock[]>();
    for (const queue of this.#queues) {
      const kept = backlog.tables.find(({ table }) => table === queue.table.definition.name);
      const blocks = kept ? missingBlocks(kept, backlog, queue.shippedLsn) : [];
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
   * Deletes what ClickHouse has of positions after `lsn`, where the log ends. A crash or an error on
   * the way leaves tables that are ahead, which the next start finds.
   */
  async rewind(lsn: Lsn): Promise<void> {
    this.#offeredLsn = asLsn(Math.min(this.#offeredLsn, lsn));
    this.#advancedLsn = asLsn(Math.min(this.#advancedLsn, lsn));
    await this.#notes.rewind(lsn, async () => {
      for (const queue of this.#queues) {
        if (queue.shippedLsn > lsn) await this.#deleteAfter(queue, lsn);
      }
    });
    this.#options.logger.warn({ lsn }, 'rows beyond the end of the log were deleted');
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
    if (this.#closing.hasBegun || changes.lsn <= this.#offeredLsn) return;
    this.#offeredLsn = changes.lsn;
    for (const queue of this.#queues) {
      queue.append(changes);
      if (queue.openRows >= this.#blockRowsMax || queue.openBytes >= limits.columnsBlockBytesMax) {
        this.#seal(queue);
        this.#ship(queue);
      }
    }
    this.#room.limit();
  }

  advance(lsn: Lsn): void {
    if (this.#closing.hasBegun || lsn <= this.#advancedLsn) return;
    this.#advancedLsn = lsn;
    this.#offeredLsn = asLsn(Math.max(this.#offeredLsn, lsn));
    if (this.#waiters.size > 0) this.#shipWaited();
    this.#flushSoon();
    this.#settle();
  }

  async waitForCovered(ticket: Ticket, lsn: Lsn): Promise<void> {
    ticket.check();
    if (this.coveredLsn >= lsn) return;
    if (this.#closing.hasBegun) throw closedError();
    await new Promise<void>((resolve, reject) => {
      const waiter = {
        lsn,
        done: () => {
          release();
          this.#waiters.delete(waiter);
          if (this.coveredLsn >= lsn) resolve();
          else reject(closedError());
        },
      };
      const release = ticket.whenOver((end) => {
        this.#waiters.delete(waiter);
        reject(end === 'late' ? notCovered(this.coveredLsn, lsn) : endError(ticket, end));
      });
      this.#waiters.add(waiter);
      this.#shipWaited();
    });
  }

  /** Waits for inserts under way; what was not sent is left to the log. */
  async close(): Promise<void> {
    if (this.#closing.hasBegun) return;
    this.#closing.begin();
    if (this.#flushTimer) clearTimeout(this.#flushTimer);
    this.#room.close();
    while (this.#shipping.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    await this.#notes.close();
    for (const waiter of [...this.#waiters]) waiter.done();
    await this.#spool.close();
  }

  /** The notes go last: a crash on the way leaves counts that the next start finds wrong again. */
  async #empty(lost: readonly LostRows[]): Promise<void> {
    for (const queue of this.#queues) {
      if (lost.some(({ table }) => table === queue.table)) await this.#deleteAfter(queue, lsnZero);
    }
    await this.#notes.forgetAfter(lsnZero);
    this.#lost = [];
    this.#offeredLsn = lsnZero;
    this.#advancedLsn = lsnZero;
    const message = `${describeLost(lost)}; all of them are filled in again from the log`;
    this.#options.logger.error({}, message);
  }

  async #deleteAfter(queue: TableQueue, lsn: Lsn): Promise<void> {
    const { target } = this.#options;
    await target.deleteAfter(queue.table, lsn);
    const { rows } = await target.readHeld(queue.table, lsn);
    queue.rewound({ lsn, rows });
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
    if (block && this.#delivery.isFromFile(block)) block.spill().catch(() => {});
  }

  #ship(queue: TableQueue): void {
    if (this.#closing.hasBegun || this.#shipping.has(queue) || !queue.head) return;
    this.#shipping.add(queue);
    void this.#shipAll(queue).finally(() => {
      this.#shipping.delete(queue);
      if (this.#closing.hasBegun) {
        if (this.#shipping.size === 0) this.#onIdle?.();
        return;
      }
      if (queue.head) this.#ship(queue);
      else if (this.#waiters.size > 0) this.#shipWaited();
      this.#flushSoon();
    });
  }

  async #shipAll(queue: TableQueue): Promise<void> {
    for (let block = queue.head; block && !this.#closing.hasBegun; block = queue.head) {
      if (await this.#delivery.deliver(queue, block)) this.#settle();
    }
  }

  #settle(): void {
    const covered = this.coveredLsn;
    for (const waiter of [...this.#waiters]) if (covered >= waiter.lsn) waiter.done();
    this.#notes.soon();
  }
}

/** Rows become visible unasked within this and the time of an insert. */
const flushMs = 120;

function notCovered(coveredLsn: Lsn, lsn: Lsn): EngineError {
  return new EngineError('NOT_CAUGHT_UP', `the column store covers ${coveredLsn}, not ${lsn}`, {
    details: { coveredLsn, lsn },
    retryAfterMs: 250,
  });
}

function closedError(): EngineError {
  return new EngineError('UNAVAILABLE', 'the column store is closed');
}
