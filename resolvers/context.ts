import type {
  ColumnMasks,
  Condition,
  Engine,
  ExportRequest,
  ExportSource,
  Ticket,
} from '../engine/index.ts';
import type { Lsn } from '../engine/model/position.ts';
import type { QueryClass, RoleDefinition } from '../engine/model/types.ts';
import type { AuditPort, AuditReader } from './audit-event.ts';
import type { FinishedWork } from './insight/finished-work.ts';
import type { TitleHealth } from './insight/title-health.ts';
import type { LiveSubscriptions, Outgoing } from './live-subscriptions.ts';
import type { RequestReport } from './request-report.ts';
import type { RunningQueries } from './running-queries.ts';

/**
 * What a resolver gets: one object an operation (HTTP request, or operation of a WebSocket). The
 * server builds it after it has verified the token; resolvers trust it and look nowhere else.
 */
export interface RequestContext {
  readonly engine: Engine;
  readonly principal: Principal;
  /**
   * What the engine gets of the operation with each call: its class (the role's, or the lower one that
   * `x-tickloom-class` asked for), who asks, what is left for it of the main thread's time, its trace,
   * and when nobody waits for it any more: the client has left, the token expired unrefreshed, or the
   * server drains. A deadline is set for each call: `ticket.within`.
   */
  readonly ticket: Ticket;
  /**
   * Calls back at once with who asks now, and again when the principal's role or the claims that row
   * rules read change while the operation runs. Returns how to call it off.
   */
  readonly followAsker: (listen: (asker: CurrentAsker) => void) => () => void;
  readonly exports: ExportRegistry;
  /** What stands in the place of masked values. */
  readonly masks: ColumnMasks;
  readonly audit: AuditPort;
  /** What was recorded so far of the title. */
  readonly auditLog: AuditReader;
  readonly use: UsePort;
  /** One for the title, shared by all its requests. */
  readonly running: RunningQueries;
  /** The title's subscriptions that run here; one for the title. */
  readonly subscriptions: LiveSubscriptions;
  /** How what the operation subscribes to is sent. */
  readonly outgoing: Outgoing;
  /** What the title's operations came to; one for the title. */
  readonly work: FinishedWork;
  /** How the parts of the title are now. */
  readonly health: () => TitleHealth;
  /** `x-tickloom-read-after`: reads wait until the node has applied it. Null: no header. */
  readonly readAfter: Lsn | null;
  /**
   * `Last-Event-ID`: the cursor of the last frame that the client of an event stream has seen, as it
   * opens the stream again. Null: no header.
   */
  readonly lastEventId: string | null;
  /** Filled by resolvers, printed as `extensions.tickloom`. */
  readonly report: RequestReport;
}

/** Who asks now, and the ticket in that name. */
export type CurrentAsker = Pick<RequestContext, 'principal' | 'ticket'>;

/** Who asks, as the verified token says. */
export interface Principal {
  readonly subject: string;
  /** Null: the token names no role of this title; every field answers `FORBIDDEN`. */
  readonly role: RoleDefinition | null;
  /** The class the role's requests have unless they ask for a lower one. */
  readonly class: QueryClass;
  /** The token's claims; row rules of roles read them. */
  readonly claims: Readonly<Record<string, unknown>>;
  readonly expiresAtMs: number;
}

/** The records of the audit log that a condition accepts, up to one. */
export interface AuditExportSource {
  readonly kind: 'audit';
  readonly where: Condition | null;
  readonly upToSequence: number;
}

/** A checked and authorised order for an export; row rules of the role are in its `where`. */
export interface ExportSpec {
  readonly source: ExportSource | AuditExportSource;
  readonly format: ExportRequest['format'];
  readonly compression: ExportRequest['compression'];
  readonly sinceLsn: Lsn | null;
  readonly asOfLsn: Lsn;
}

export type ExportState = 'READY' | 'STREAMING' | 'COMPLETE' | 'FAILED' | 'EXPIRED';

export interface ExportInfo {
  readonly id: string;
  /** Signed and expiring; whoever holds it may read the export. */
  readonly url: string;
  readonly expiresAtMs: number;
  readonly state: ExportState;
  /** The rows are as of here. */
  readonly lsn: Lsn;
  /** Null until known. */
  readonly rows: bigint | null;
  readonly bytes: bigint | null;
  readonly format: ExportRequest['format'];
}

/** Exports and their links, kept by the server. */
export interface ExportRegistry {
  create(spec: ExportSpec, principal: Principal): Promise<ExportInfo>;
  /** Null when there is none, or it is another subject's. */
  get(id: string, principal: Principal): Promise<ExportInfo | null>;
}

/** What counts beside the request itself. */
export type CountedUse = 'tick' | 'export';

/** The bounds on how much a client may ask for. */
export interface UsePort {
  /**
   * Counts what is about to be done, before anything of it is queued; undefined where nothing bounds it.
   * Rejects with `RATE_LIMITED`.
   */
  take(
    use: CountedUse,
    asker: Pick<RequestContext, 'principal' | 'ticket'>,
  ): Promise<void> | undefined;
}
