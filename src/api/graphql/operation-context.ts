import { type Engine, WorkBudget } from '../../../engine/index.ts';
import { limits } from '../../../engine/model/limits.ts';
import { type Lsn, parsePosition } from '../../../engine/model/position.ts';
import type { QueryClass } from '../../../engine/model/types.ts';
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
  readonly endpoint: Endpoint;
}

/** The context of one operation: what resolvers get, and what the server needs to answer. */
export class OperationContext implements RequestContext {
  readonly engine: Engine;
  readonly exports: ExportRegistry;
  readonly audit: AuditPort;
  readonly running: RunningQueries;
  readonly readAfter: Lsn | null;
  readonly lastEventId: string | null;
  readonly requestId: string;
  readonly budget = new WorkBudget(limits.operationUnitsMax);
  readonly report: RequestReport;
  readonly endpoint: Endpoint;
  /** Who asks now; `onPrincipalChange` tells of another one. */
  principal: Principal;
  queryClass: QueryClass;
  readonly #askedClass: string | undefined;
  /** Made when somebody listens: subscriptions do. */
  #listeners: Set<(principal: Principal) => void> | null = null;
  /** Made when somebody asks for the signal: few mutations do. */
  #abort: AbortController | null = null;

  /** Throws `BAD_USER_INPUT` or `FORBIDDEN` for headers that cannot be met. */
  constructor(services: TitleServices, options: OperationOptions) {
    this.engine = services.engine;
    this.exports = services.exports;
    this.audit = services.audit;
    this.running = services.running;
    this.principal = options.principal;
    this.#askedClass = options.askedClass;
    this.queryClass = queryClassOf(options.principal, options.askedClass);
    this.readAfter =
      options.readAfter === undefined
        ? null
        : parsePosition(options.readAfter, 'x-tickloom-read-after');
    this.lastEventId = options.lastEventId || null;
    this.requestId = options.requestId;
    this.report = new RequestReport(this.queryClass);
    this.endpoint = options.endpoint;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** A field, so that it goes along where the context's fields are copied. */
  readonly onPrincipalChange = (listen: (principal: Principal) => void): (() => void) => {
    this.#listeners ??= new Set();
    this.#listeners.add(listen);
    return () => void this.#listeners?.delete(listen);
  };

  /** Goes on as somebody who may see other rows, in the class that is then its own. */
  actAs(principal: Principal): void {
    try {
      this.queryClass = queryClassOf(principal, this.#askedClass);
    } catch {
      // The role's class is now lower than the one that was asked for.
      this.queryClass = principal.class;
    }
    this.principal = principal;
    for (const listen of this.#listeners ?? []) listen(principal);
  }

  /** What resolvers get, for yoga, which copies the fields of an object into a context of its own. */
  fields(): RequestContext {
    return { ...this, signal: this.signal };
  }

  /** Nobody waits for the operation any more. Harmless once it is done. */
  abandon(): void {
    this.#controller.abort();
  }

  get #controller(): AbortController {
    this.#abort ??= new AbortController();
    return this.#abort;
  }
}
