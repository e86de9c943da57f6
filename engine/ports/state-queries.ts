import type { Ticket } from '../govern/ticket.ts';
import type { Work } from '../govern/work.ts';
import type { Row } from '../model/types.ts';
import type { Condition } from '../query/condition.ts';
import type { RowPage, StateListRequest } from '../state/state-reader.ts';

/** How many rows the table has says whether a list may scan. */
export type StatePageRequest = Omit<StateListRequest, 'scan'>;

/**
 * What a request may ask of live rows: as `StateReader`, under a ticket. A ticket that is over is
 * refused by the call, before any row is looked at.
 */
export interface StateQueries {
  /** The row under a full key (all key columns, `sessionId` included where it is one), or null. */
  get(ticket: Ticket, table: string, key: Row): Row | null;
  /**
   * Where such rows are read: among the live rows, where a key or an index leads to them or the table
   * is small (`limits.scanRowsMax`), else in the column store; in class GAMEPLAY that is refused
   * (`SCAN_REFUSED`, naming the index that would serve).
   */
  placeOf(ticket: Ticket, table: string, where: Condition | null): 'live' | 'columns';
  /**
   * A page ordered by `orderBy`, then by key; true of the position at which it ends, however many
   * turns of the event loop it takes. `SCAN_REFUSED` for rows whose place is the column store.
   */
  list(ticket: Ticket, table: string, request: StatePageRequest): Work<RowPage>;
  /** Rows of a state table that match, in no order, as of the position at which it ends; for tools and tests: it may scan. */
  select(ticket: Ticket, table: string, where: Condition | null): Work<Row[]>;
  /** How the where would be found by a key or an index, in words; where it takes a scan. */
  adviceFor(ticket: Ticket, table: string, where: Condition | null): string;
  /** For metrics: no request asks. */
  rowCount(table: string): number;
}
