import type { QueryClass } from '../../engine/model/types.ts';
import type { AuditAction, AuditOutcome } from '../../resolvers/audit-event.ts';
import { servingLimits } from '../serving-limits.ts';
import { recordAsSaid, shortName } from './recorded-person.ts';

/**
 * One thing that was done, or refused, and by whom. It holds names and numbers: never values of rows,
 * tokens, or parameters of SQL.
 */
export interface AuditRecord {
  /** Unix milliseconds. */
  readonly atMs: number;
  readonly action: AuditAction;
  readonly outcome: AuditOutcome;
  /** The code of the error that it was answered with. */
  readonly code: string | null;
  readonly subject: string | null;
  readonly role: string | null;
  readonly address: string | null;
  /** The program that asked, as it calls itself: its `user-agent`. */
  readonly client: string | null;
  readonly requestId: string | null;
  readonly queryClass: QueryClass | null;
  /** The name that the GraphQL document gives to the operation. */
  readonly operation: string | null;
  /** Tells documents apart: see `documentFingerprint`. */
  readonly fingerprint: string | null;
  /** The table or view it is about, where that is one. */
  readonly table: string | null;
  readonly columns: readonly string[];
  /** The place in the title's log that it wrote, or read as of. */
  readonly lsn: number | null;
  readonly rowsRead: number | null;
  readonly bytesRead: number | null;
  readonly rowsWritten: number | null;
  readonly elapsedMs: number | null;
  /** How often it happened: more than once where the same refusals were counted. */
  readonly times: number;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Everything a record may leave out. */
export const emptyRecord = {
  code: null,
  subject: null,
  role: null,
  address: null,
  client: null,
  requestId: null,
  queryClass: null,
  operation: null,
  fingerprint: null,
  table: null,
  columns: [],
  lsn: null,
  rowsRead: null,
  bytesRead: null,
  rowsWritten: null,
  elapsedMs: null,
  times: 1,
  details: {},
} as const satisfies Omit<AuditRecord, 'atMs' | 'action' | 'outcome'>;

/** The bytes of a record in the log: JSON without what is empty, within `auditRecordBytesMax`. */
export function encodeRecord(record: AuditRecord): Buffer {
  const whole = Buffer.from(textOf(shortened(record)));
  if (whole.byteLength <= servingLimits.auditRecordBytesMax) return whole;
  // Names and numbers alone fit, as each is bounded.
  const details = { left: 'the details were too long for one record', bytes: whole.byteLength };
  return Buffer.from(textOf({ ...shortened(record), columns: [], details }));
}

/** Throws for bytes that are no record: something else wrote this log. */
export function decodeRecord(payload: Uint8Array): AuditRecord {
  const value = JSON.parse(Buffer.from(payload).toString('utf8')) as Partial<AuditRecord>;
  if (typeof value.atMs !== 'number' || typeof value.action !== 'string') {
    throw new RangeError('not a record of the audit log');
  }
  return { ...emptyRecord, ...value } as AuditRecord;
}

function textOf(record: AuditRecord): string {
  const empty = emptyRecord as Readonly<Record<string, unknown>>;
  return JSON.stringify(record, function (key, value) {
    if (this !== record) return value;
    if (value === null || value === empty[key]) return undefined;
    if (key === 'columns' && (value as readonly string[]).length === 0) return undefined;
    if (key === 'details' && Object.keys(value as object).length === 0) return undefined;
    return value;
  });
}

function shortened(record: AuditRecord): AuditRecord {
  const { requestId, operation, table } = record;
  return {
    ...record,
    // Names that went through a title's `RecordPerson` are within the bound, and stay as they are.
    ...recordAsSaid(record),
    requestId: shortName(requestId),
    operation: shortName(operation),
    table: shortName(table),
  };
}
