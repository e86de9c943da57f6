import type { TicketPrincipal } from './ticket.ts';

/**
 * Who is written into a record of the title's log as the one who made it. The names are as they are
 * kept, which need not be as they were said.
 */
export interface RecordAuthor {
  readonly subject: string | null;
  /** The role's name. */
  readonly role: string | null;
  /** The connection's, which is a proxy's where one stands before the server. */
  readonly address: string | null;
  /** The program that asked, as it calls itself. */
  readonly client: string | null;
}

/** Asked for each record that is made, and for nothing else: who only reads leaves no name. */
export type AuthorOf = (principal: TicketPrincipal) => RecordAuthor;
