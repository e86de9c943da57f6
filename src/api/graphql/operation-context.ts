import type { ClientDeparture, ColumnMasks, Engine, Ticket } from '../../../engine/index.ts';
import type { ErrorCode } from '../../../engine/model/errors.ts';
import { type Lsn, parsePosition } from '../../../engine/model/position.ts';
import type { QueryClass } from '../../../engine/model/types.ts';
import type { AuditReader } from '../../../resolvers/audit-event.ts';
import type {
  CurrentAsker,
  ExportRegistry,
  Principal,
  RequestContext,
} from '../../../resolvers/context.ts';
import type {
  FinishedKind,
  OperationShape,
} from '../../../resolvers/insight/finished-operation.ts';
import type { FinishedWork } from '../../../resolvers/insight/finished-work.ts';
import type { TitleHealth } from '../../../resolvers/insight/title-health.ts';
import type { LiveSubscriptions, Outgoing } from '../../../resolvers/live-subscriptions.ts';
import { RequestReport } from '../../../resolvers/request-report.ts';
import type { RunningQueries } from '../../../resolvers/running-queries.ts';
import type { RequestAudit } from '../../audit/request-audit.ts';
import type { TitleAudit } from '../../audit/title-audit.ts';
import { queryClassOf } from '../../identity/principal.ts';
import type { TitleLimits } from '../../limits/title-limits.ts';
import type { Endpoint } from '../../telemetry/metrics.ts';
import type { RequestSpan } from '../../telemetry/request-span.ts';
import { traceparentOf } from '../../telemetry/trace-context.ts';
import type { Tracing } from '../../telemetry/tracing.ts';
import { requestAttributes, requestTicket } from '../request-ticket.ts';
import { askedClassOf } from './asked-class.ts';
import { shapeWith } from './operation-shapes.ts';

/** What all operations of one title share. */
export interface TitleServices {
  readonly engine: Engine;
  readonly exports: ExportRegistry;
  readonly masks: ColumnMasks;
  /** The title's; each operation has a part of it. */
  readonly audit: TitleAudit;
  readonly use: TitleLimits;
  readonly running: RunningQueries;
  readonly subscriptions: LiveSubscriptions;
  readonly work: FinishedWork;
  readonly health: () => TitleHealth;
  /** Null: nobody takes traces. */
  readonly tracing: Tracing | null;
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
  /** Bytes that the connection has not taken yet. */
  readonly queuedBytes: () => number;
}

/** The context of one operation: what resolvers get, and what the server needs to answer. */
export class OperationContext implements RequestContext {
  readonly engine: Engine;
  readonly exports: ExportRegistry;
  readonly masks: ColumnMasks;
  readonly audit: RequestAudit;
  readonly auditLog: AuditReader;
  readonly use: TitleLimits;
  readonly running: RunningQueries;
  readonly subscriptions: LiveSubscriptions;
  readonly outgoing: Outgoing;
  readonly work: FinishedWork;
  readonly health: () => TitleHealth;
  readonly readAfter: Lsn | null;
  readonly lastEventId: string | null;
  readonly report: RequestReport;
  readonly endpoint: Endpoint;
  readonly #departure: ClientDeparture;
  readonly #span: RequestSpan | null;
  readonly #askedClass: string | undefined;
  /** Who asks now; `followAsker` tells of another one. */
  principal: Principal;
  ticket: Ticket;
  /** What it runs; null until that is known. */
  shape: OperationShape | null = null;
  /** Made when somebody listens: subscriptions do. */
  #listeners: Set<(asker: CurrentAsker) => void> | null = null;

  /** Throws `BAD_USER_INPUT` or `FORBIDDEN` for headers that cannot be met. */
  constructor(services: TitleServices, options: OperationOptions) {
    this.engine = services.engine;
    this.exports = services.exports;
    this.masks = services.masks;
    this.audit = options.audit;
    this.auditLog = services.audit;
    this.use = services.use;
    this.running = services.running;
    this.subscriptions = services.subscriptions;
    this.outgoing = {
      transport: options.endpoint === 'websocket' ? 'WEBSOCKET' : 'EVENT_STREAM',
      ...options.audit.origin,
      operation: null,
      bytesSent: 0,
      queuedBytes: options.queuedBytes,
    };
    this.work = services.work;
    this.health = services.health;
    this.principal = options.principal;
    const { principal, askedClass, audit, requestId } = options;
    const queryClass = askedClassOf(principal, askedClass, audit, requestId);
    this.#askedClass = options.askedClass;
    this.#departure = options.departure;
    this.#span =
      services.tracing?.begin({
        name: 'graphql',
        traceparent: traceparentOf(options.traceparent),
        attributes: requestAttributes(services.engine.catalog.manifest.title, principal, options),
      }) ?? null;
    this.ticket = requestTicket(principal, queryClass, { ...options, span: this.#span });
    this.readAfter =
      options.readAfter === undefined
        ? null
        : parsePosition(options.readAfter, 'x-tickloom-read-after');
    this.lastEventId = options.lastEventId || null;
    this.report = new RequestReport(queryClass);
    this.endpoint = options.endpoint;
  }

  /** A field, so that it goes along where the context's fields are copied. */
  readonly followAsker = (listen: (asker: CurrentAsker) => void): (() => void) => {
    this.#listeners ??= new Set();
    this.#listeners.add(listen);
    listen(this);
    return () => void this.#listeners?.delete(listen);
  };

  /** Goes on as somebody who may see other rows, in the class that is then its own. */
  actAs(principal: Principal): void {
    const { subject, role } = principal;
    this.principal = principal;
    this.ticket = this.ticket.inNameOf(
      { subject, role: role?.name ?? null },
      this.#classOf(principal),
    );
    for (const listen of this.#listeners ?? []) listen(this);
  }

  /** The class that was asked for, unless the role's own is lower now. */
  #classOf(principal: Principal): QueryClass {
    try {
      return queryClassOf(principal, this.#askedClass);
    } catch {
      return principal.class;
    }
  }

  /** What resolvers get, for yoga, which copies the fields of an object into a context of its own. */
  fields(): RequestContext {
    return { ...this };
  }

  /** The operation was refused before it ran. */
  refused(code: ErrorCode | null): void {
    this.#span?.end(null, code);
  }

  /** Records what the operation came to, once it has an answer. */
  finished(kind: FinishedKind, code: ErrorCode | null): void {
    const { shape, report, ticket, principal } = this;
    this.#span?.tell({
      'tickloom.class': ticket.queryClass,
      'tickloom.rows_read': report.rowsRead,
    });
    this.#span?.end(spanName(kind, shape), code);
    if (shape === null) return;
    this.work.record({
      kind,
      shape: shapeWith(shape, report.sql),
      subject: principal.subject,
      role: principal.role?.name ?? null,
      queryClass: ticket.queryClass,
      requestId: ticket.trace.requestId,
      endedAtMs: Date.now(),
      elapsedMs: report.elapsedMs,
      waitMs: report.waitMs,
      rowsRead: report.rowsRead,
      bytesRead: report.bytesRead,
      memoryPeakBytes: report.memoryPeakBytes,
      code,
    });
  }

  /** Nobody waits for the operation any more. Harmless once it is done. */
  abandon(): void {
    this.#span?.end(null, 'UNAVAILABLE');
    this.#departure.leave();
  }
}

/** As OpenTelemetry names GraphQL servers' spans: `query Pulse`. */
function spanName(kind: FinishedKind, shape: OperationShape | null): string {
  const type = kind.toLowerCase();
  return shape === null || shape.name === null ? type : `${type} ${shape.name}`;
}
