import type { Catalog } from '../model/catalog.ts';
import { ColumnMemory } from '../vectors/column-memory.ts';
import { BytePool } from './byte-pool.ts';
import { StateTable } from './state-table.ts';
import { TableChanges } from './table-changes.ts';

const scratchBytesInitial = 16 * 1024;

/** The live rows of a title: everything that `applyBatch` (tick/apply.ts) reads and writes. */
export class TitleState {
  readonly catalog: Catalog;
  readonly pool = new BytePool();
  readonly tables: ReadonlyMap<string, StateTable>;
  readonly changes: ReadonlyMap<string, TableChanges>;
  /** What applying a tick needs only meanwhile; empty between ticks. */
  readonly scratch = new ColumnMemory(scratchBytesInitial);

  constructor(catalog: Catalog) {
    this.catalog = catalog;
    this.tables = new Map(catalog.stateTables.map((t) => [t.name, new StateTable(t, this.pool)]));
    this.changes = new Map(
      [...this.tables].map(([name, table]) => [name, new TableChanges(table)]),
    );
  }

  /** Memory that rows, keys, indexes and strings take, outside the JavaScript heap. */
  get memoryBytes(): number {
    let bytes = this.pool.memoryBytes;
    for (const table of this.tables.values()) bytes += table.memoryBytes;
    return bytes;
  }
}
