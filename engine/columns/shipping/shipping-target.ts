import type { Lsn } from '../../model/position.ts';
import type { QueuedBlock } from './sealed-block.ts';
import type { ShippedTable } from './shipped-table.ts';

/** What is noted of one table: every row up to `lsn` is in, and those are `rows` many. */
export interface TableNote {
  readonly lsn: Lsn;
  readonly rows: number;
}

/** What the store noted of itself: everything up to `lsn` is in, in all tables. */
export interface ShippedNote {
  readonly lsn: Lsn;
  /** The tables' notes by stored name. A store of an earlier version has none. */
  readonly tables: ReadonlyMap<string, TableNote>;
}

/** What a table holds, as it is asked. */
export interface HeldRows {
  /** The last LSN it has rows of, at least the one it was asked for. */
  readonly lastLsn: Lsn;
  readonly rows: number;
  /** How many of `rows` are after the LSN it was asked for. */
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
   * Makes sure that no insert of this title goes on, to be called before ClickHouse is asked what
   * it holds: one that runs by itself goes on with an insert whose process was killed.
   */
  stopInserts(): Promise<void>;
  /** Deletes a table's rows of positions after `lsn`; null: the notes of being shipped that far. */
  deleteAfter(table: ShippedTable | null, lsn: Lsn): Promise<void>;
  /** Resolves when it is worth trying again. */
  whenUp(): Promise<void>;
}
