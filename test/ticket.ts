import { Ticket } from '../engine/govern/ticket.ts';

/** Under it a test asks the engine itself. */
export const testTicket = Ticket.internal('a test');
