import { join } from 'node:path';
import { type Lsn, readLog, type Storage, timeOfRecord } from '../../engine/index.ts';
import { EngineError } from '../../engine/model/errors.ts';
import { decodeRecord } from './audit-record.ts';

/** Where the audit log of a title lies, in the title's directory. */
export function auditDirectory(titleDirectory: string): string {
  return join(titleDirectory, 'audit');
}

/** Where the log of a title's commits lies, in the title's directory. */
export function commitsDirectory(titleDirectory: string): string {
  return join(titleDirectory, 'log');
}

/** What both logs of a title prove of who did what. */
export type TitleProof = AuditProof & {
  /** Null where the title has no log yet. */
  readonly commits: AuditProof | null;
};

/** Proves both logs of a title, `served` where this process writes them. */
export async function verifyTitle(
  titleDirectory: string,
  expected: ExpectedRecord | null,
  served: { readonly auditLsn: Lsn; readonly commitsLsn: Lsn } | null,
): Promise<TitleProof> {
  const audit = await verifyAudit({
    directory: auditDirectory(titleDirectory),
    expected,
    ...(served === null ? {} : { durableLsn: served.auditLsn }),
  });
  const directory = commitsDirectory(titleDirectory);
  const commits = await verifyChain(
    { directory, ...(served === null ? {} : { durableLsn: served.commitsLsn }) },
    (payload) => timeOfRecord(payload),
  ).catch((error: unknown) => {
    if (error instanceof EngineError && error.code === 'NOT_FOUND') return null;
    throw error;
  });
  return { ...audit, commits };
}

/** What reading a whole log came to: `broken` names the first record that does not hold. */
export type AuditProof =
  | {
      readonly kind: 'whole';
      readonly records: number;
      readonly first: number;
      readonly last: number;
      /** When the first and the last record were made; null of an empty log. */
      readonly from: string | null;
      readonly to: string | null;
      /** The hash over all records in order; with `last` it is what `expected` takes later. */
      readonly chain: string;
      /** Bytes of an unfinished write at the end, which the next start cuts off. */
      readonly unfinishedBytes: number;
    }
  | {
      readonly kind: 'broken';
      /** The first record that is gone, changed or in another's place. */
      readonly record: number;
      readonly segment: string;
      readonly offset: number;
      readonly reason: string;
    };

export interface VerifyAuditOptions {
  readonly directory: string;
  readonly storage?: Storage;
  /** This process writes the log: up to here it must be whole. Left out: nobody does. */
  readonly durableLsn?: number;
  /** What an earlier proof said of a record: that one must be there, and all before it as they were. */
  readonly expected?: ExpectedRecord | null;
}

export interface ExpectedRecord {
  readonly record: number;
  readonly chain: string;
}

/**
 * Proves an audit log: the checksum of each record, and the chain of hashes from the first record held
 * to the last. What was cut off the end of a log shows only where `expected` names a record of it. No
 * byte is changed. Throws `NOT_FOUND` where there is no log, `UNAVAILABLE` where another
 * process holds it.
 */
export function verifyAudit(options: VerifyAuditOptions): Promise<AuditProof> {
  return verifyChain(options, (payload) => decodeRecord(payload).atMs);
}

/** `timeOf`: when a record was made; throws for bytes that are no record of this log. */
async function verifyChain(
  options: VerifyAuditOptions,
  recordedAt: (payload: Uint8Array) => number,
): Promise<AuditProof> {
  const { directory, storage, durableLsn, expected = null } = options;
  let records = 0;
  let fromMs: number | null = null;
  let toMs: number | null = null;
  let foreign: AuditProof | null = null;
  let expectedChain: string | null = null;
  try {
    const reading = await readLog({
      directory,
      replayFrom: 'first',
      onRecord: ({ lsn, payload }, chain) => {
        records += 1;
        if (lsn === expected?.record) expectedChain = Buffer.from(chain).toString('hex');
        try {
          const atMs = recordedAt(payload);
          fromMs ??= atMs;
          toMs = atMs;
        } catch (error) {
          const reason = `it is no record of this log (${(error as Error).message})`;
          foreign ??= { kind: 'broken', record: lsn, segment: '', offset: 0, reason };
        }
      },
      ...(storage === undefined ? {} : { storage }),
      ...(durableLsn === undefined ? {} : { isOwn: true as const }),
    });
    if (foreign !== null) return foreign;
    const { segment, offset } = reading.torn ?? { segment: '', offset: 0 };
    const wanted = Math.max(durableLsn ?? 0, expected?.record ?? 0);
    if (reading.lastLsn < wanted) {
      const reason = `the log ends before it, and has had ${wanted} records`;
      return { kind: 'broken', record: reading.lastLsn + 1, segment, offset, reason };
    }
    if (expected !== null && expected.record >= reading.firstLsn) {
      if (expectedChain !== expected.chain) {
        const reason = `its chain is ${expectedChain}, and was ${expected.chain}: it, or a record before it, is another one`;
        return { kind: 'broken', record: expected.record, segment, offset, reason };
      }
    }
    return {
      kind: 'whole',
      records,
      first: reading.firstLsn,
      last: reading.lastLsn,
      from: timeOf(fromMs),
      to: timeOf(toMs),
      chain: Buffer.from(reading.chain).toString('hex'),
      unfinishedBytes: durableLsn === undefined ? (reading.torn?.bytes ?? 0) : 0,
    };
  } catch (error) {
    const damage = damageIn(error);
    if (damage === null) throw error;
    return { kind: 'broken', ...damage };
  }
}

function damageIn(error: unknown) {
  if (!(error instanceof EngineError)) return null;
  const { segment, offset, lsn, reason } = error.details;
  if (typeof segment !== 'string' || typeof reason !== 'string') return null;
  return { record: Number(lsn), segment, offset: Number(offset), reason };
}

function timeOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
