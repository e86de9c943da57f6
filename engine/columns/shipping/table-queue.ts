import type { Lsn } from '../../model/position.ts';
import type { ChangeSet } from '../../state/change-set.ts';
import { type Block, BlockBuilder } from './block.ts';
import type { KeptBlock } from './kept-backlog.ts';
import { SealedBlock } from './sealed-block.ts';
import type { ShippedTable } from './shipped-table.ts';
import type { TableNote } from './shipping-target.ts';
import type { Spool } from './spool.ts';

/** The rows of one table that ClickHouse does not have yet, in order of LSN. */
export class TableQueue {
  readonly table: ShippedTable;
  readonly #spool: Spool;
  readonly #sealed: SealedBlock[] = [];
  #open: BlockBuilder;
  #openBytes = 0;
  /** The builder of the block after the open one, in memory of a block that is in or on disk. */
  #spare: BlockBuilder | null = null;
  #shippedLsn: Lsn;
  #rows: number;

  constructor(table: ShippedTable, spool: Spool, held: TableNote) {
    this.table = table;
    this.#spool = spool;
    this.#shippedLsn = held.lsn;
    this.#rows = held.rows;
    this.#open = BlockBuilder.of(table);
  }

  /** ClickHouse holds every row of this table up to here. */
  get shippedLsn(): Lsn {
    return this.#shippedLsn;
  }

  /** So many they are. */
  get rows(): number {
    return this.#rows;
  }

  /** The first LSN with rows that are not in; null when all are. */
  get pendingLsn(): Lsn | null {
    return this.#sealed[0]?.firstLsn ?? this.#open.firstLsn;
  }

  get head(): SealedBlock | null {
    return this.#sealed[0] ?? null;
  }

  /** Every block that is sealed and not in, in order, as of the call. */
  get sealed(): readonly SealedBlock[] {
    return [...this.#sealed];
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
    return this.#sealed.reduce((bytes, block) => bytes + block.memoryBytes, this.#openBytes);
  }

  /** Bytes in memory of the blocks that are being written to disk. */
  get writingBytes(): number {
    const writing = this.#sealed.filter((block) => block.isWriting);
    return writing.reduce((bytes, block) => bytes + block.memoryBytes, 0);
  }

  get spooledBlocks(): number {
    return this.#sealed.filter((block) => block.memoryBytes === 0).length;
  }

  /** Copies the change's rows of this table, if it has any that are not in yet. */
  append(changes: ChangeSet): void {
    if (changes.lsn <= this.#shippedLsn) return;
    const vectors = this.table.vectors(changes);
    if (!vectors) return;
    this.#open.append(changes, vectors);
    this.#openBytes = this.#open.byteLength;
  }

  /** Makes the open rows a block; null where there are none. */
  seal(): SealedBlock | null {
    if (!this.hasOpenRows) return null;
    const block = this.#push(this.#open.seal());
    this.#open = this.#spare ?? this.#open.successor();
    this.#spare = null;
    this.#openBytes = 0;
    return block;
  }

  /** Takes blocks of an earlier process, before anything is appended. */
  resume(blocks: readonly KeptBlock[]): void {
    for (const block of blocks) this.#push(block);
  }

  /** The head is in. Answers its memory, where it has any that nobody writes from. */
  shift(): Block | null {
    const block = this.#sealed.shift();
    if (!block) throw new RangeError('there is no block to take');
    this.#shippedLsn = block.lastLsn;
    this.#rows += block.rows;
    return block.arrived();
  }

  /** Rows were deleted from ClickHouse, before anything is appended; it holds this now. */
  rewound({ lsn, rows }: TableNote): void {
    this.#shippedLsn = lsn;
    this.#rows = rows;
  }

  /**
   * Takes the memory of a block for a later one. Only of a block whose insert was answered: of one
   * that failed, and turned out to be in, a connection may still hold the bytes.
   */
  reuse(block: Block | null): void {
    this.#spare ??= block?.reuse() ?? null;
  }

  /**
   * Moves sealed blocks behind the head to disk, the last ones first, until `bytes` are freed.
   * Returns the work under way; memory is free once it is done.
   */
  spill(bytes: number): { readonly bytes: number; readonly done: Promise<void>[] } {
    const chosen = this.#lastInMemory(bytes);
    const freed = chosen.reduce((sum, block) => sum + block.memoryBytes, 0);
    return { bytes: freed, done: chosen.map((block) => block.spill()) };
  }

  /** Moves blocks to disk as `spill` does, but at once, holding up the caller. */
  spillNow(bytes: number): number {
    const chosen = this.#lastInMemory(bytes);
    const freed = chosen.reduce((sum, block) => sum + block.memoryBytes, 0);
    for (const block of chosen) block.spillNow();
    return freed;
  }

  #push(source: Block | KeptBlock): SealedBlock {
    const { name } = this.table.definition;
    const block = new SealedBlock(this.#spool, name, source, (memory) => this.reuse(memory));
    this.#sealed.push(block);
    return block;
  }

  #lastInMemory(bytes: number): SealedBlock[] {
    const chosen: SealedBlock[] = [];
    let rest = bytes;
    for (let i = this.#sealed.length - 1; i > 0 && rest > 0; i--) {
      const block = this.#sealed[i] as SealedBlock;
      if (block.memoryBytes === 0 || block.isWriting) continue;
      chosen.push(block);
      rest -= block.memoryBytes;
    }
    return chosen;
  }
}
