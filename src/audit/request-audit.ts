import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { AuthorOf } from '../../engine/index.ts';
import { EngineError } from '../../engine/model/errors.ts';
import type { AuditEvent, AuditPort } from '../../resolvers/audit-event.ts';
import type { Principal } from '../../resolvers/context.ts';
import type { AnomalyWatch } from '../anomalies/anomaly-watch.ts';
import type { AuditLog } from './audit-log.ts';
import { emptyRecord } from './audit-record.ts';
import type { RecordPerson } from './recorded-person.ts';

/** From where a request comes. */
export interface AuditOrigin {
  /** The connection's, which is a proxy's where one stands before the server. */
  readonly address: string | null;
  /** The program that asks, as it calls itself. */
  readonly client: string | null;
}

export function originOf({ socket, headers }: IncomingMessage): AuditOrigin {
  return { address: socket.remoteAddress ?? null, client: headers['user-agent'] ?? null };
}

type Watch = Pick<AnomalyWatch, 'count' | 'see'>;
type Who = Pick<AuditEvent, 'subject' | 'role'>;

/** The GraphQL of an operation. */
export interface AuditedDocument {
  readonly query: string;
  readonly operationName?: string | undefined;
}

/** The audit as one request sees it: adds from where it came, what document it ran, how long it took. */
export class RequestAudit implements AuditPort {
  readonly #log: AuditLog;
  readonly origin: AuditOrigin;
  readonly #recordPerson: RecordPerson;
  readonly #startedMs = performance.now();
  #document: AuditedDocument | null = null;

  readonly #watch: Watch | null;

  constructor(
    log: AuditLog,
    origin: AuditOrigin,
    recordPerson: RecordPerson,
    watch: Watch | null = null,
  ) {
    this.#log = log;
    this.origin = origin;
    this.#recordPerson = recordPerson;
    this.#watch = watch;
  }

  /** Who records of the title's log name, where this request makes them. */
  readonly authorOf: AuthorOf = ({ subject, role }) =>
    this.#recordPerson({ subject, role, ...this.origin });

  /** To be told once the request is read, and before anything runs. */
  runs(document: AuditedDocument): void {
    this.#document = document;
  }

  admit(): void {
    this.#log.admit();
  }

  touches({ subject, role }: Who, table: string): void {
    this.#watch?.see('newTable', { subject, role, ...this.origin }, table);
  }

  /** Who a good token names, before anything is done for it. */
  cameFrom({ subject, role }: Principal): void {
    const { address } = this.origin;
    if (address === null) return;
    this.#watch?.see('newAddress', { subject, role: role?.name ?? null, address }, address);
  }

  record(event: AuditEvent): void {
    if (event.outcome === 'refused') {
      this.#watch?.count('refusals', { ...event, ...this.origin }, 1);
    }
    const document = this.#document;
    this.#log.record({
      ...emptyRecord,
      ...event,
      ...this.origin,
      atMs: Date.now(),
      operation: document?.operationName ?? null,
      fingerprint: document === null ? null : documentFingerprint(document.query),
      elapsedMs: Math.round((performance.now() - this.#startedMs) * 1_000) / 1_000,
    });
  }

  /** A class was refused to who a good token names, before the request had a ticket. */
  classRefused(error: unknown, principal: Principal, requestId: string): void {
    this.#denied(error, principal, requestId, 'class');
  }

  /** The role may not send the operation that was asked for. */
  operationRefused(error: unknown, principal: Principal, requestId: string): void {
    this.#denied(error, principal, requestId, 'persisted-operation');
  }

  #denied(
    error: unknown,
    { subject, role }: Principal,
    requestId: string,
    needs: 'class' | 'persisted-operation',
  ): void {
    if (!(error instanceof EngineError) || error.code !== 'FORBIDDEN') return;
    this.record({
      action: 'access.denied',
      outcome: 'refused',
      subject,
      role: role?.name ?? null,
      requestId,
      queryClass: null,
      code: error.code,
      details: { needs },
    });
  }

  /** A token that was refused names nobody: what it says of a subject is not proven. */
  signInRefused(error: unknown, requestId: string): void {
    if (!(error instanceof EngineError) || error.category !== 'auth') return;
    this.record({
      action: 'sign-in.refused',
      outcome: 'refused',
      subject: null,
      role: null,
      requestId,
      queryClass: null,
      code: error.code,
      details: {},
    });
  }
}

/**
 * Finds out who a token names, and records one that is refused. Answers at once where `find` does.
 */
export function recordedSignIn<T>(
  audit: RequestAudit,
  requestId: string,
  find: () => T | Promise<T>,
): T | Promise<T> {
  const refused = (error: unknown): never => {
    audit.signInRefused(error, requestId);
    throw error;
  };
  try {
    const found = find();
    return found instanceof Promise ? found.catch(refused) : found;
  } catch (error) {
    return refused(error);
  }
}

/** Tells documents apart: the first half of the SHA-256 of the text, in hexadecimal. */
export function documentFingerprint(query: string): string {
  return hash('sha256', query, 'hex').slice(0, 32);
}
