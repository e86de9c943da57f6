import type { ShippedTable } from './shipped-table.ts';
import type { HeldRows, TableNote } from './shipping-target.ts';

/** A table that holds other rows than were noted of it. */
export interface LostRows {
  readonly table: ShippedTable;
  readonly note: TableNote;
  /** How many rows up to the noted position the table holds. */
  readonly heldRows: number;
}

/**
 * Whether a table still holds what was noted of it; null where it does. A disk that fills up, a part
 * that ClickHouse sets aside as broken, or an operator can take rows out of the middle of a table,
 * and its last LSN says nothing of that. `held` is as of the noted position.
 */
export function lostRows(table: ShippedTable, note: TableNote, held: HeldRows): LostRows | null {
  const heldRows = held.rows - held.rowsAfter;
  return heldRows === note.rows ? null : { table, note, heldRows };
}

export function describeLost(lost: readonly LostRows[]): string {
  const tables = lost.map(({ table, note, heldRows }) => {
    return `${table.storedName} has ${heldRows} up to record ${note.lsn}, and had ${note.rows}`;
  });
  return `the column store holds other rows than it was given: ${tables.join('; ')} (--accept-lost-rows serves with those it has)`;
}
