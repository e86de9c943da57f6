import type { Ticket } from '../../govern/ticket.ts';
import type { Lsn } from '../../model/position.ts';
import type { Row } from '../../model/types.ts';
import type { Condition } from '../../query/condition.ts';

/**
 * The rows of state tables where no key or index leads to those asked for: they are not read on the
 * thread that applies ticks, but from the history of the table, as of a position.
 */
export interface FarRows {
  /** Throws `SCAN_REFUSED` where the ticket's class may not have such rows looked for. */
  admit(ticket: Ticket, table: string, where: Condition | null): void;
  /** Whether they are read there; else they are at hand among the live rows. */
  isFar(table: string, where: Condition | null): boolean;
  /** A position at or after `lsn` of which rows can be read. `UNAVAILABLE` where there will be none soon. */
  cover(ticket: Ticket, lsn: Lsn): Promise<Lsn>;
  /** All rows that match, exactly as of `lsn`. */
  read(ticket: Ticket, table: string, where: Condition | null, lsn: Lsn): Promise<readonly Row[]>;
}
