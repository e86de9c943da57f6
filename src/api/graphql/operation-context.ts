import type { ClientDeparture, Engine, Ticket } from '../../../engine/index.ts';
import { type Lsn, parsePosition } from '../../../engine/model/position.ts';
import type {
  AuditPort,
  ExportRegistry,
  Principal,
  RequestContext,
} from '../../../resolvers/context.ts';
import { RequestReport } from '../../../resolvers/request-report.ts';
import type { RunningQueries } from '../../../resolvers/running-queries.ts';
import { queryClassOf } from '../../identity/principal.ts';
import type { Endpoint } from '../../telemetry/metrics.ts';
import { requestTicket } from '../request-ticket.ts';

/** What all operations of one title share. */
export interface TitleServices {
  readonly engine: Engine;
  readonly exports: ExportRegistry;
  readonly audit: AuditPort;
  readonly running: RunningQueries;
}

export interface OperationOptions {
  readonly principal: Principal;
  /** `x-tickloom-class` as given. */
  readonly askedClass: string | undefined;
  /** `x-tickloom-read-after` as given. */
  readonly readAfter: string | undefined;
  /** `last-event-id` as given; of an event stream. */
  readonly lastEventId?: string | undefined;
  readonly requestId: string;
  /** `traceparent` as given. */
  readonly traceparent: unknown;
  readonly departure: ClientDeparture;
  readonly endpoint: Endpoint;
}

/** The context of one operation: what resolvers get, and what the server needs to answer. */
export class OperationContext implements RequestContext {
  readonly engine: Engine;
  readonly exports: ExportRegistry;
  readonly audit: AuditPort;
  readonly running: RunningQueries;
  readonly principal: Principal;
  readonly ticket: Ticket;
  readonly readAfter: Lsn | null;
  readonly lastEventId: string | null;
  readonly report: RequestReport;
  readonly endpoint: Endpoint;
  readonly #departure: ClientDeparture;

  /** Throws `BAD_USER_INPUT` or `FORBIDDEN` for headers that cannot be met. */
  constructor(services: TitleServices, options: OperationOptions) {
    this.engine = services.engine;
    this.exports = services.exports;
    this.audit = services.audit;
    this.running = services.running;
    this.principal = options.principal;
    const queryClass = queryClassOf(options.principal, options.askedClass);
    this.#departure = options.departure;
    this.ticket = requestTicket(options.principal, queryClass, options);
    this.readAfter =
      options.readAfter === undefined
        ? null
        : parsePosition(options.readAfter, 'x-tickloom-read-after');
    this.lastEventId = options.lastEventId || null;
    this.report = new RequestReport(queryClass);
    this.endpoint = options.endpoint;
  }

  /** What resolvers get, for yoga, which copies the fields of an object into a context of its own. */
  fields(): RequestContext {
    return { ...this };
  }

  /** Nobody waits for the operation any more. Harmless once it is done. */
  abandon(): void {
    this.#departure.leave();
  }
}
