import { type AuthorOf, type Departure, Ticket, WorkBudget } from '../../engine/index.ts';
import { limits } from '../../engine/model/limits.ts';
import type { QueryClass } from '../../engine/model/types.ts';
import type { Principal } from '../../resolvers/context.ts';
import type { Exchange } from '../http/exchange.ts';
import { traceparentOf } from '../telemetry/trace-context.ts';

export interface RequestOrigin {
  readonly requestId: string;
  /** The header as it came. */
  readonly traceparent: unknown;
  readonly departure: Departure;
  /** The request's audit, which says whom its records name. */
  readonly audit?: { readonly authorOf: AuthorOf } | undefined;
}

/** A request's ticket: what the engine gets of it. */
export function requestTicket(
  { subject, role }: Pick<Principal, 'subject' | 'role'>,
  queryClass: QueryClass,
  { requestId, traceparent, departure, audit }: RequestOrigin,
): Ticket {
  return new Ticket({
    queryClass,
    principal: { subject, role: role?.name ?? null },
    deadline: null,
    departure,
    trace: { requestId, traceparent: traceparentOf(traceparent) },
    budget: new WorkBudget(limits.operationUnitsMax),
    authorOf: audit?.authorOf,
  });
}

/** The ticket of a request that is answered by this exchange. */
export function exchangeTicket(
  principal: Pick<Principal, 'subject' | 'role'>,
  queryClass: QueryClass,
  { request, requestId, departure }: Exchange,
  audit?: RequestOrigin['audit'],
): Ticket {
  const { traceparent } = request.headers;
  return requestTicket(principal, queryClass, { requestId, traceparent, departure, audit });
}
