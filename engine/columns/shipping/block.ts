import type { Lsn } from '../../position.ts';
import type { ChangeSet } from '../../tick/change-set.ts';
import type { ColumnVector } from '../../tick/column-vector.ts';
import { endOfStream, recordBatchMessage, schemaMessage } from '../arrow/ipc-messages.ts';
import { type BatchParts, GrowingColumn } from './growing-column.ts';
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
}

export class BlockBuilder {
  readonly #table: ShippedTable;
  readonly #columns: readonly GrowingColumn[];
  #firstLsn: Lsn | null = null;
  #lastLsn: Lsn | null = null;
  #rows = 0;

  constructor(table: ShippedTable, rowCapacity: number) {
    this.#table = table;
    this.#columns = table.fields.map((field) => new GrowingColumn(field, rowCapacity));
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

  append(changes: ChangeSet, vectors: readonly ColumnVector[]): void {
    if (vectors.length !== this.#columns.length) {
      throw new RangeError(`${this.#table.storedName} takes ${this.#columns.length} columns`);
    }
    for (let i = 0; i < vectors.length; i++) {
      (this.#columns[i] as GrowingColumn).append(vectors[i] as ColumnVector);
    }
    this.#firstLsn ??= changes.lsn;
    this.#lastLsn = changes.lsn;
    this.#rows += vectors[0]?.length ?? 0;
  }

  /** The block; the builder must not be appended to afterwards. */
  seal(): Block {
    if (this.#firstLsn === null || this.#lastLsn === null) throw new RangeError('an empty block');
    const batch: BatchParts = { nodes: [], buffers: [] };
    for (const column of this.#columns) column.addTo(batch);
    const parts = [
      schemaMessage(this.#table.fields),
      ...recordBatchMessage(this.#rows, batch.nodes, batch.buffers),
      endOfStream,
    ];
    let byteLength = 0;
    for (const part of parts) byteLength += part.byteLength;
    return {
      firstLsn: this.#firstLsn,
      lastLsn: this.#lastLsn,
      rows: this.#rows,
      byteLength,
      columns: this.#table.fields.map((field) => field.name),
      parts: () => parts,
    };
  }
}
