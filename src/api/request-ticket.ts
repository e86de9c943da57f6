import {
  type AuthorOf,
  type Departure,
  type SpanAttributes,
  Ticket,
  WorkBudget,
} from '../../engine/index.ts';
import { limits } from '../../engine/model/limits.ts';
import type { QueryClass } from '../../engine/model/types.ts';
import type { Principal } from '../../resolvers/context.ts';
import type { Exchange } from '../http/exchange.ts';
import type { RequestSpan } from '../telemetry/request-span.ts';
import { traceparentOf } from '../telemetry/trace-context.ts';

export interface RequestOrigin {
  readonly requestId: string;
  /** The header as it came. */
  readonly traceparent: unknown;
  readonly departure: Departure;
  /** The request's span; null, or left out: it is not traced. */
  readonly span?: RequestSpan | null;
  /** The request's audit, which says whom its records name. */
  readonly audit?: { readonly authorOf: AuthorOf } | undefined;
}

/** A request's ticket: what the engine gets of it. */
export function requestTicket(
  { subject, role }: Pick<Principal, 'subject' | 'role'>,
  queryClass: QueryClass,
  { requestId, traceparent, departure, audit, span = null }: RequestOrigin,
): Ticket {
  return new Ticket({
    queryClass,
    principal: { subject, role: role?.name ?? null },
    deadline: null,
    departure,
    trace: { requestId, traceparent: traceparentOf(traceparent), spans: span },
    budget: new WorkBudget(limits.operationUnitsMax),
    authorOf: audit?.authorOf,
  });
}

/** What a request's span begins with. */
export function requestAttributes(
  title: string,
  { subject, role }: Pick<Principal, 'subject' | 'role'>,
  { requestId, endpoint }: { readonly requestId: string; readonly endpoint: string },
): SpanAttributes {
  return {
    'tickloom.title': title,
    'tickloom.endpoint': endpoint,
    'tickloom.request_id': requestId,
    'tickloom.subject': subject,
    'tickloom.role': role?.name ?? '',
  };
}

/** The ticket of a request that is answered by this exchange. */
export function exchangeTicket(
  principal: Pick<Principal, 'subject' | 'role'>,
  queryClass: QueryClass,
  { request, requestId, departure }: Exchange,
  more: Pick<RequestOrigin, 'audit' | 'span'> = {},
): Ticket {
  const { traceparent } = request.headers;
  return requestTicket(principal, queryClass, { requestId, traceparent, departure, ...more });
}
