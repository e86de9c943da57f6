import type { Lsn } from '../../model/position.ts';
import type { QueuedBlock } from './sealed-block.ts';
import type { ShippedTable } from './shipped-table.ts';

/** Of one table: it holds every row of it up to `lsn`, and those are so many. */
export interface TableNote {
  readonly lsn: Lsn;
  readonly rows: number;
}

/** What the store noted of itself: everything up to `lsn` is in, in all tables. */
export interface ShippedNote {
  readonly lsn: Lsn;
  /** By stored name. A store of an earlier version has none. */
  readonly tables: ReadonlyMap<string, TableNote>;
}

/** What a table holds, as it is asked. */
export interface HeldRows {
  /** The last LSN it has rows of, at least the one it was asked for. */
  readonly lastLsn: Lsn;
  readonly rows: number;
  /** Those of `rows` that are after the LSN it was asked for. */
  readonly rowsAfter: number;
}

/** The port to ClickHouse, as the tailer needs it. */
export interface ShippingTarget {
  readNote(): Promise<ShippedNote>;
  /** Takes the place of the note before, unless that is of a later LSN. */
  writeNote(note: ShippedNote): Promise<void>;
  readHeld(table: ShippedTable, from: Lsn): Promise<HeldRows>;
  /** Whether it takes a block that lies in a file from there; else every block is sent. */
  readonly files: 'taken' | 'sent';
  /** Inserts a block as one atom, durable when it resolves. */
  insert(table: ShippedTable, block: QueuedBlock, queryId: string): Promise<void>;
  /** Makes sure that an insert whose answer is missing does not go on behind our back. */
  stopInsert(queryId: string): Promise<void>;
  /**
   * The same of every insert of this title, to be called before it is asked what it holds: a
   * ClickHouse of its own goes on with an insert whose process was killed.
   */
  stopInserts(): Promise<void>;
  /** Deletes a table's rows of positions after `lsn`; null: the notes of being shipped that far. */
  deleteAfter(table: ShippedTable | null, lsn: Lsn): Promise<void>;
  /** Resolves when it is worth trying again. */
  whenUp(): Promise<void>;
}
