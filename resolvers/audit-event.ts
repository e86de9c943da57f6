import type { Condition, QueryBounds, QueryStatistics, RowPage, Ticket } from '../engine/index.ts';
import type { QueryClass } from '../engine/model/types.ts';

/** What is recorded: the thing and what was done with it. */
export const auditActions = [
  'tick.commit',
  'session.open',
  'session.close',
  'row.compareAndSet',
  'query.sql',
  'query.kill',
  'export.create',
  'export.read',
  'read.row',
  'read.list',
  'read.groups',
  'read.view',
  'subscription.begin',
  'subscription.end',
  'subscription.list',
  'subscription.kill',
  'audit.read',
  'access.denied',
  'use.refused',
  'sign-in.refused',
  'refusal.others',
  'manifest.accept',
  'title.create',
  'title.suspend',
  'title.resume',
  'title.remove',
] as const;
export type AuditAction = (typeof auditActions)[number];

export const auditOutcomes = ['done', 'refused', 'failed'] as const;
export type AuditOutcome = (typeof auditOutcomes)[number];

/** One thing that was done, or refused, as whoever does it tells it. */
export interface AuditEvent {
  readonly action: AuditAction;
  readonly outcome: AuditOutcome;
  readonly subject: string | null;
  readonly role: string | null;
  readonly requestId: string;
  readonly queryClass: QueryClass | null;
  /** The code of the error that it was answered with. */
  readonly code?: string | null;
  /** The table or view it is about, where that is one. */
  readonly table?: string | null;
  readonly columns?: readonly string[];
  /** The place in the title's log that it wrote, or read as of. */
  readonly lsn?: number | null;
  readonly rowsRead?: number | null;
  readonly bytesRead?: number | null;
  readonly rowsWritten?: number | null;
  /** Names and numbers; never values of rows. SQL text is allowed, its parameters are not. */
  readonly details: Readonly<Record<string, unknown>>;
}

export interface AuditPort {
  /**
   * Throws `UNAVAILABLE` while what is recorded cannot be kept. Asked before anything is done that
   * would be recorded.
   */
  admit(): void;
  /** Must neither throw nor wait. */
  record(event: AuditEvent): void;
}

/** A page of the audit log, as it is asked for. */
export interface AuditListRequest {
  readonly where: Condition | null;
  readonly first: number;
  readonly after: string | null;
  readonly bounds: QueryBounds;
}

/** The title's audit log, as far as it can be read. */
export interface AuditReader {
  /** The newest first. Rejects with `NOT_CAUGHT_UP` where what was recorded last cannot be read soon. */
  list(
    ticket: Ticket,
    request: AuditListRequest,
  ): Promise<RowPage & { readonly statistics: QueryStatistics }>;
  /** The number of the last audit record that can be read: an export has those up to it. */
  lastSequence(): Promise<number>;
}
