import type { ColumnDefinition, TableDefinition, WhereInput } from '../../model/types.ts';
import type { Lane } from './lane-table.ts';
import type { RowCondition } from './row-conditions.ts';
import type { SourceColumn } from './table-source.ts';
import type { TextNumbers } from './text-numbers.ts';

/** Rows as columns by name, as operators fold them. */
export interface SourceRows {
  readonly length: number;
  /** The tick of the rows; rows outside tick order count as of tick 0. */
  readonly tick: number;
  column(name: string): SourceColumn;
  lanes(name: string): readonly Lane[];
  /** 1 for each row that meets the condition; null when there is none to meet. */
  mask(condition: RowCondition | null): Uint8Array | null;
}

/** A table as group views read it: what a tick adds to its rows, and what it takes back. */
export interface ViewSource {
  readonly table: TableDefinition;
  readonly columns: ReadonlyMap<string, ColumnDefinition>;
  readonly added: SourceRows;
  /** Null: rows only come. A view of such a source needs nothing that taking back needs. */
  readonly removed: SourceRows | null;
  /** The texts behind the lanes of a column; shared by all views of the table. */
  dictionary(column: string): TextNumbers;
  /** A view's `where`, compiled once for all aggregates of the table that state it. */
  condition(where: WhereInput | undefined, path: string): RowCondition | null;
}

/** Whether an operator adds rows or takes them back. */
export type Sign = 1 | -1;
