import type { ClientDeparture, ColumnMasks, Engine, Ticket } from '../../../engine/index.ts';
import { type Lsn, parsePosition } from '../../../engine/model/position.ts';
import type { AuditReader } from '../../../resolvers/audit-event.ts';
import type { ExportRegistry, Principal, RequestContext } from '../../../resolvers/context.ts';
import { RequestReport } from '../../../resolvers/request-report.ts';
import type { RunningQueries } from '../../../resolvers/running-queries.ts';
import type { RequestAudit } from '../../audit/request-audit.ts';
import type { TitleAudit } from '../../audit/title-audit.ts';
import type { Endpoint } from '../../telemetry/metrics.ts';
import { requestTicket } from '../request-ticket.ts';
import { askedClassOf } from './asked-class.ts';

/** What all operations of one title share. */
export interface TitleServices {
  readonly engine: Engine;
  readonly exports: ExportRegistry;
  readonly masks: ColumnMasks;
  /** The title's; each operation has a part of it. */
  readonly audit: TitleAudit;
  readonly running: RunningQueries;
}

export interface OperationOptions {
  readonly principal: Principal;
  readonly audit: RequestAudit;
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
  readonly masks: ColumnMasks;
  readonly audit: RequestAudit;
  readonly auditLog: AuditReader;
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
    this.masks = services.masks;
    this.audit = options.audit;
    this.auditLog = services.audit;
    this.running = services.running;
    this.principal = options.principal;
    const { principal, askedClass, audit, requestId } = options;
    const queryClass = askedClassOf(principal, askedClass, audit, requestId);
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
