import type { Lsn } from '../../model/position.ts';
import type { ChangeSet } from '../../state/change-set.ts';
import { fieldOf } from '../../vectors/arrow/arrow-type.ts';
import { endOfStream, schemaMessage } from '../../vectors/arrow/ipc-messages.ts';
import { encodeRecordBatch } from '../../vectors/arrow/record-batch.ts';
import { type AppendedVector, GrowingVector } from '../../vectors/growing-vector.ts';
import { shippedType, shippedVector } from '../stored-kinds.ts';
import type { ShippedTable } from './shipped-table.ts';

/**
 * Rows of one table from whole change sets, to be inserted as one atom. All rows of a change set
 * are in one block, so a table's `max(_lsn)` says exactly which blocks it holds.
 */
export interface Block {
  readonly firstLsn: Lsn;
  readonly lastLsn: Lsn;
  readonly rows: number;
  readonly byteLength: number;
  readonly columns: readonly string[];
  /** One Arrow stream with one record batch, as parts to write one after the other. */
  parts(): readonly Uint8Array[];
  /**
   * An empty builder in the memory of this block, which must not be read any more. Null where that
   * is more than blocks need now.
   */
  reuse(): BlockBuilder | null;
}

export class BlockBuilder {
  readonly #table: ShippedTable;
  readonly #columns: readonly GrowingVector[];
  #firstLsn: Lsn | null = null;
  #lastLsn: Lsn | null = null;
  #rows = 0;
  /** The bytes of the largest block that was made in this memory. */
  #largestBytes = 0;

  private constructor(table: ShippedTable, columns: readonly GrowingVector[]) {
    this.#table = table;
    this.#columns = columns;
  }

  /** The builder of a table's first block. */
  static of(table: ShippedTable): BlockBuilder {
    const columns = table.columns.map((column) => GrowingVector.of(column, rowsInitial));
    return new BlockBuilder(table, columns);
  }

  /** The next block's builder, with room for as much: growing would copy it anew each time. */
  successor(): BlockBuilder {
    return new BlockBuilder(
      this.#table,
      this.#columns.map((column) => column.successor()),
    );
  }

  get firstLsn(): Lsn | null {
    return this.#firstLsn;
  }

  get rows(): number {
    return this.#rows;
  }

  get byteLength(): number {
    let bytes = 0;
    for (const column of this.#columns) bytes += column.byteLength;
    return bytes;
  }

  append(changes: ChangeSet, vectors: readonly AppendedVector[]): void {
    if (vectors.length !== this.#columns.length) {
      throw new RangeError(`${this.#table.storedName} takes ${this.#columns.length} columns`);
    }
    for (let i = 0; i < vectors.length; i++) {
      (this.#columns[i] as GrowingVector).append(vectors[i] as AppendedVector);
    }
    this.#firstLsn ??= changes.lsn;
    this.#lastLsn = changes.lsn;
    this.#rows += vectors[0]?.length ?? 0;
  }

  #emptied(): BlockBuilder {
    for (const column of this.#columns) column.clear();
    this.#firstLsn = null;
    this.#lastLsn = null;
    this.#rows = 0;
    return this;
  }

  /** The block; the builder must not be appended to afterwards. */
  seal(): Block {
    if (this.#firstLsn === null || this.#lastLsn === null) throw new RangeError('an empty block');
    const { columns } = this.#table;
    const parts = [schemaMessage(columns.map((column) => fieldOf(column, shippedType(column))))];
    const vectors = this.#columns.map((column) => shippedVector(column.build()));
    encodeRecordBatch(this.#rows, vectors, parts);
    parts.push(endOfStream);
    let byteLength = 0;
    for (const part of parts) byteLength += part.byteLength;
    this.#largestBytes = Math.max(this.#largestBytes, byteLength);
    const isWorthKeeping = this.#largestBytes <= Math.max(keptBytesMax, byteLength * fillMin);
    return {
      firstLsn: this.#firstLsn,
      lastLsn: this.#lastLsn,
      rows: this.#rows,
      byteLength,
      columns: columns.map((column) => column.name),
      parts: () => parts,
      reuse: () => (isWorthKeeping ? this.#emptied() : null),
    };
  }
}

/**
 * What lies around for a table's next block, at most; more only while blocks fill a fourth of it,
 * so that a burst does not buy new memory a block, and what it took goes when it is over.
 */
const keptBytesMax = 8 * 1024 * 1024;
const fillMin = 4;
/** Rows a table's first block makes room for. */
const rowsInitial = 256;
