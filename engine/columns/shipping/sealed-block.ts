import { Readable } from 'node:stream';
import type { Lsn } from '../../model/position.ts';
import type { Block } from './block.ts';
import type { KeptBlock } from './kept-backlog.ts';
import type { Spool, SpoolFile } from './spool.ts';

/** A block on its way to ClickHouse. */
export interface QueuedBlock {
  readonly firstLsn: Lsn;
  readonly lastLsn: Lsn;
  readonly rows: number;
  readonly byteLength: number;
  readonly columns: readonly string[];
  /** The path of the block's file; null while the block is in memory only. */
  readonly path: string | null;
  body(): Readable;
}

/** A sealed block of one table: in memory, being written to the spool, or there; then in ClickHouse. */
export class SealedBlock implements QueuedBlock {
  readonly firstLsn: Lsn;
  readonly lastLsn: Lsn;
  readonly rows: number;
  readonly byteLength: number;
  readonly columns: readonly string[];
  readonly #spool: Spool;
  readonly #name: string;
  readonly #onFreed: (memory: Block) => void;
  #memory: Block | null;
  /** A connection may hold the bytes in memory, if only one whose insert has failed. */
  #isLent = false;
  #file: SpoolFile | null;
  #writing: Promise<void> | null = null;
  #isIn = false;

  /**
   * From memory, or as a checkpoint kept it. `onFreed` gets the memory of a block that lies in the
   * spool from now on, if nobody else can hold it.
   */
  constructor(
    spool: Spool,
    table: string,
    source: Block | KeptBlock,
    onFreed: (memory: Block) => void,
  ) {
    this.#spool = spool;
    this.#onFreed = onFreed;
    this.firstLsn = source.firstLsn;
    this.lastLsn = source.lastLsn;
    this.rows = source.rows;
    this.columns = source.columns;
    this.#file = 'file' in source ? source.file : null;
    this.#memory = 'file' in source ? null : source;
    this.byteLength = 'file' in source ? source.file.bytes : source.byteLength;
    this.#name = `${table}-${source.firstLsn}-${source.lastLsn}.arrows`;
  }

  /** ClickHouse has it. */
  get isIn(): boolean {
    return this.#isIn;
  }

  get path(): string | null {
    return this.#file && this.#spool.pathOf(this.#file);
  }

  get memoryBytes(): number {
    return this.#memory ? this.byteLength : 0;
  }

  /** Whether the block is in memory, but not for long. */
  get isWriting(): boolean {
    return this.#writing !== null;
  }

  /** Moves it to the spool, or joins the move under way; its memory is free then. */
  spill(): Promise<void> {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = null;
    });
    return this.#writing;
  }

  /** Moves the block to the spool at once, holding up the caller. Not while it is being written. */
  spillNow(): void {
    if (!this.#memory) return;
    this.#file = this.#spool.writeNow(this.#name, this.#memory);
    this.#free(this.#memory);
  }

  /** Makes it a durable file, unless ClickHouse has it first. */
  async keep(): Promise<void> {
    if (this.#isIn) return;
    try {
      await this.spill();
      if (this.#file && !this.#isIn) await this.#spool.sync(this.#file);
    } catch (error) {
      if (!this.#isIn) throw error;
    }
  }

  /** What is kept of a block that is in the spool, and not in ClickHouse yet. */
  get kept(): KeptBlock {
    const { firstLsn, lastLsn, rows, columns } = this;
    if (!this.#file) throw new RangeError(`${this.#name} is not in the spool`);
    return { firstLsn, lastLsn, rows, columns, file: this.#file };
  }

  /** Nobody needs it any more. Answers what it had in memory, unless that is being written. */
  arrived(): Block | null {
    const memory = this.#writing === null ? this.#memory : null;
    this.#isIn = true;
    this.#memory = null;
    if (this.#file) this.#spool.remove(this.#file);
    return memory;
  }

  body(): Readable {
    if (this.#memory) {
      this.#isLent = true;
      return Readable.from(this.#memory.parts(), { objectMode: true });
    }
    if (this.#file) return this.#spool.read(this.#file);
    throw new RangeError('the block is gone');
  }

  async #write(): Promise<void> {
    const memory = this.#memory;
    if (!memory) return;
    const file = await this.#spool.write(this.#name, memory);
    if (this.#isIn) {
      // Shipped from memory meanwhile.
      this.#spool.remove(file);
      return;
    }
    this.#file = file;
    this.#free(memory);
  }

  #free(memory: Block): void {
    this.#memory = null;
    if (!this.#isLent) this.#onFreed(memory);
  }
}
