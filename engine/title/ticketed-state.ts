import type { Ticket } from '../govern/ticket.ts';
import type { Work } from '../govern/work.ts';
import type { Row } from '../model/types.ts';
import type { StatePageRequest, StateQueries } from '../ports/state-queries.ts';
import type { Condition } from '../query/condition.ts';
import { scanRefused } from '../query/scan-refused.ts';
import type { RowPage, StateReader } from '../state/state-reader.ts';

/** The title's live rows for requests: of a table with more than `scanRowsMax` rows none scans. */
export class TicketedState implements StateQueries {
  readonly #reader: StateReader;
  readonly #scanRowsMax: number;

  constructor(reader: StateReader, scanRowsMax: number) {
    this.#reader = reader;
    this.#scanRowsMax = scanRowsMax;
  }

  get(ticket: Ticket, table: string, key: Row): Row | null {
    ticket.check();
    return this.#reader.get(table, key);
  }

  placeOf(ticket: Ticket, table: string, where: Condition | null): 'live' | 'columns' {
    ticket.check();
    if (this.#reader.isServed(table, where) || this.#isSmall(table)) return 'live';
    if (ticket.queryClass !== 'GAMEPLAY') return 'columns';
    throw scanRefused(table, this.#reader.adviceFor(table, where), this.#scanRowsMax);
  }

  list(ticket: Ticket, table: string, request: StatePageRequest): Work<RowPage> {
    ticket.check();
    const scan = this.#isSmall(table) ? 'allow' : 'refuse';
    return this.#reader.list(table, { ...request, scan });
  }

  select(ticket: Ticket, table: string, where: Condition | null): Work<Row[]> {
    ticket.check();
    return this.#reader.select(table, where);
  }

  adviceFor(ticket: Ticket, table: string, where: Condition | null): string {
    ticket.check();
    return this.#reader.adviceFor(table, where);
  }

  rowCount(table: string): number {
    return this.#reader.rowCount(table);
  }

  #isSmall(table: string): boolean {
    return this.#reader.rowCount(table) <= this.#scanRowsMax;
  }
}
