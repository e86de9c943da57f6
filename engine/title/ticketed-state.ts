import type { Ticket } from '../govern/ticket.ts';
import type { Work } from '../govern/work.ts';
import type { Row } from '../model/types.ts';
import type { StatePageRequest, StateQueries } from '../ports/state-queries.ts';
import type { Condition } from '../query/condition.ts';
import type { RowPage, StateReader } from '../state/state-reader.ts';

/** The title's live rows for requests. */
export class TicketedState implements StateQueries {
  readonly #reader: StateReader;

  constructor(reader: StateReader) {
    this.#reader = reader;
  }

  get(ticket: Ticket, table: string, key: Row): Row | null {
    ticket.check();
    return this.#reader.get(table, key);
  }

  list(ticket: Ticket, table: string, request: StatePageRequest): Work<RowPage> {
    ticket.check();
    const scan = ticket.queryClass === 'GAMEPLAY' ? 'refuse' : 'allow';
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
}
