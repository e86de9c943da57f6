import type { Row } from '../../engine/index.ts';
import type { AuditRecord } from './audit-record.ts';

/** An audit record as a row of `auditColumns`; `sequence` is its number in the audit log. */
export function auditRow(sequence: number, record: AuditRecord): Row {
  return {
    sequence: BigInt(sequence),
    at: record.atMs,
    source: 'audit',
    action: record.action,
    outcome: record.outcome,
    code: record.code,
    subject: record.subject,
    role: record.role,
    address: record.address,
    client: record.client,
    requestId: record.requestId,
    class: record.queryClass,
    operation: record.operation,
    fingerprint: record.fingerprint,
    session: sessionOf(record),
    tick: null,
    table: record.table,
    tables: record.table === null ? [] : [record.table],
    columns: record.columns,
    lsn: wide(record.lsn),
    rowsRead: wide(record.rowsRead),
    bytesRead: wide(record.bytesRead),
    rowsWritten: wide(record.rowsWritten),
    accepted: null,
    rejected: null,
    elapsedMs: record.elapsedMs,
    times: record.times,
    details: Object.keys(record.details).length === 0 ? null : JSON.stringify(record.details),
  };
}

function sessionOf({ details }: AuditRecord): string | null {
  const { sessionId } = details;
  return typeof sessionId === 'string' ? sessionId : null;
}

function wide(count: number | null): bigint | null {
  return count === null ? null : BigInt(count);
}
