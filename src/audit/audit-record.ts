import type { QueryClass } from '../../engine/model/types.ts';
import type { AuditAction, AuditOutcome } from '../../resolvers/audit-event.ts';
import { servingLimits } from '../serving-limits.ts';
import { shortName } from './recorded-person.ts';

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
  const told = toldOf(record);
  const whole = Buffer.from(JSON.stringify(told));
  if (whole.byteLength <= servingLimits.auditRecordBytesMax) return whole;
  // Names and numbers alone fit, as each is bounded.
  const details = { left: 'the details were too long for one record', bytes: whole.byteLength };
  const { columns: _, ...names } = told;
  return Buffer.from(JSON.stringify({ ...names, details }));
}

/** Throws for bytes that are no record: something else wrote this log. */
export function decodeRecord(payload: Uint8Array): AuditRecord {
  const value = JSON.parse(Buffer.from(payload).toString('utf8')) as Partial<AuditRecord>;
  if (typeof value.atMs !== 'number' || typeof value.action !== 'string') {
    throw new RangeError('not a record of the audit log');
  }
  return { ...emptyRecord, ...value } as AuditRecord;
}

/** What of a record is not empty, names within their bound. */
function toldOf(record: AuditRecord): Readonly<Record<string, unknown>> {
  const { atMs, action, outcome } = record;
  const told: Record<string, unknown> = { atMs, action, outcome };
  for (const name of mayBeLeftOut) {
    const value = record[name];
    if (value === null || value === emptyRecord[name]) continue;
    if (name === 'columns' && record.columns.length === 0) continue;
    if (name === 'details' && Object.keys(record.details).length === 0) continue;
    told[name] = madeUp.has(name) ? shortName(value as string) : value;
  }
  return told;
}

const mayBeLeftOut = Object.keys(emptyRecord) as (keyof typeof emptyRecord)[];

/** Texts that a client may have made up, at whatever length. */
const madeUp: ReadonlySet<string> = new Set([
  'subject',
  'role',
  'address',
  'client',
  'requestId',
  'operation',
  'table',
] satisfies (keyof AuditRecord)[]);
