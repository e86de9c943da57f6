import { Readable } from 'node:stream';
import type { Lsn } from '../../position.ts';
import type { ChangeSet } from '../../tick/change-set.ts';
import { type Block, BlockBuilder } from './block.ts';
import type { ShippedTable } from './shipped-table.ts';
import type { Spool, SpooledBlock } from './spool.ts';

/** A sealed block on its way: in memory, being written to the spool, or there. */
export interface QueuedBlock {
  readonly firstLsn: Lsn;
  readonly lastLsn: Lsn;
  readonly rows: number;
  readonly byteLength: number;
  body(): Readable;
}

interface Entry extends QueuedBlock {
  memory: Block | null;
  spooled: SpooledBlock | null;
  writing: boolean;
}

/** The rows of one table that ClickHouse does not have yet, in order of LSN. */
export class TableQueue {
  readonly table: ShippedTable;
  readonly #spool: Spool;
  readonly #sealed: Entry[] = [];
  #open: BlockBuilder;
  #openBytes = 0;
  /** ClickHouse holds every row of this table up to here. */
  shippedLsn: Lsn;

  constructor(table: ShippedTable, spool: Spool, shippedLsn: Lsn) {
    this.table = table;
    this.#spool = spool;
    this.shippedLsn = shippedLsn;
    this.#open = BlockBuilder.of(table);
  }

  /** The first LSN with rows that are not in; null when all are. */
  get pendingLsn(): Lsn | null {
    return this.#sealed[0]?.firstLsn ?? this.#open.firstLsn;
  }

  get head(): QueuedBlock | null {
    return this.#sealed[0] ?? null;
  }

  get hasOpenRows(): boolean {
    return this.#open.firstLsn !== null;
  }

  get openRows(): number {
    return this.#open.rows;
  }

  get openBytes(): number {
    return this.#openBytes;
  }

  /** Bytes in memory, blocks being written to disk included. */
  get memoryBytes(): number {
    let bytes = this.#openBytes;
    for (const entry of this.#sealed) if (entry.memory) bytes += entry.byteLength;
    return bytes;
  }

  /** Of those, on their way to disk. */
  get writingBytes(): number {
    let bytes = 0;
    for (const entry of this.#sealed) if (entry.memory && entry.writing) bytes += entry.byteLength;
    return bytes;
  }

  get spooledBlocks(): number {
    return this.#sealed.filter((entry) => entry.memory === null).length;
  }

  /** Copies the change's rows of this table, if it has any that are not in yet. */
  append(changes: ChangeSet): void {
    if (changes.lsn <= this.shippedLsn) return;
    const vectors = this.table.vectors(changes);
    if (!vectors) return;
    this.#open.append(changes, vectors);
    this.#openBytes = this.#open.byteLength;
  }

  seal(): void {
    if (!this.hasOpenRows) return;
    const memory = this.#open.seal();
    const { firstLsn, lastLsn, rows, byteLength } = memory;
    const entry: Entry = {
      firstLsn,
      lastLsn,
      rows,
      byteLength,
      memory,
      spooled: null,
      writing: false,
      body: () => this.#bodyOf(entry),
    };
    this.#sealed.push(entry);
    this.#open = this.#open.successor();
    this.#openBytes = 0;
  }

  /** The head is in. */
  shift(): void {
    const entry = this.#sealed.shift();
    if (!entry) throw new RangeError('there is no block to take');
    this.shippedLsn = entry.lastLsn;
    if (entry.spooled) this.#spool.remove(entry.spooled);
    entry.memory = null;
  }

  /**
   * Moves sealed blocks behind the head to disk, the last ones first, until `bytes` are freed.
   * Returns the work under way; memory is free once it is done.
   */
  spill(bytes: number): { readonly bytes: number; readonly done: Promise<void>[] } {
    let freed = 0;
    const done: Promise<void>[] = [];
    for (let i = this.#sealed.length - 1; i > 0 && freed < bytes; i--) {
      const entry = this.#sealed[i] as Entry;
      if (!entry.memory || entry.writing) continue;
      entry.writing = true;
      freed += entry.byteLength;
      done.push(this.#spoolEntry(entry, entry.memory));
    }
    return { bytes: freed, done };
  }

  /** The same at once, holding up the caller. */
  spillNow(bytes: number): number {
    let freed = 0;
    for (let i = this.#sealed.length - 1; i > 0 && freed < bytes; i--) {
      const entry = this.#sealed[i] as Entry;
      if (!entry.memory || entry.writing) continue;
      entry.spooled = this.#spool.writeNow(entry.memory);
      entry.memory = null;
      freed += entry.byteLength;
    }
    return freed;
  }

  async #spoolEntry(entry: Entry, block: Block): Promise<void> {
    try {
      const spooled = await this.#spool.write(block);
      if (entry.memory) {
        entry.spooled = spooled;
        entry.memory = null;
      } else this.#spool.remove(spooled); // Shipped from memory meanwhile.
    } finally {
      entry.writing = false;
    }
  }

  #bodyOf(entry: Entry): Readable {
    if (entry.memory) return Readable.from(entry.memory.parts(), { objectMode: true });
    if (entry.spooled) return this.#spool.read(entry.spooled);
    throw new RangeError('the block is gone');
  }
}
