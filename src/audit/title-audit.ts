import { existsSync } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import {
  type ColumnsHost,
  Lifetime,
  type Lsn,
  SideTable,
  type Ticket,
} from '../../engine/index.ts';
import { limits } from '../../engine/model/limits.ts';
import { auditColumns } from '../../resolvers/audit-columns.ts';
import type { AuditListRequest, AuditReader } from '../../resolvers/audit-event.ts';
import type { AuditExportSource, ExportSpec } from '../../resolvers/context.ts';
import type { AuditRetention } from '../config/setting-types.ts';
import type { Logger } from '../telemetry/logger.ts';
import { AuditLog } from './audit-log.ts';
import { type AuditRecord, emptyRecord } from './audit-record.ts';
import { AuditShipper, keptDays } from './audit-shipper.ts';
import { type RecordPerson, recordAsSaid } from './recorded-person.ts';
import { type AuditOrigin, RequestAudit } from './request-audit.ts';
import {
  auditDirectory,
  type ExpectedRecord,
  type TitleProof,
  verifyTitle,
} from './verify-audit.ts';

export interface TitleAuditOptions {
  readonly title: string;
  /** The title's. */
  readonly directory: string;
  readonly retention: AuditRetention;
  /** Where the title's database is; the title's own store must be open there. */
  readonly columns: ColumnsHost;
  readonly logger: Logger;
  /** How the title's records name persons; left out: as they were said. */
  readonly recordPerson?: RecordPerson;
}

/** The audit of one title while it is served: its log, and what brings it to the column store. */
export class TitleAudit implements AuditReader {
  readonly log: AuditLog;
  readonly shipper: AuditShipper;
  readonly #directory: string;
  readonly #recordPerson: RecordPerson;
  readonly #lifetime: Lifetime;

  static open(options: TitleAuditOptions) {
    const { title, directory, retention, columns, logger, recordPerson = recordAsSaid } = options;
    return Lifetime.of(async (lifetime) => {
      const log = await openIn(directory, logger, recordPerson);
      lifetime.add(() => log.close());
      const table = { name: 'audit', columns: auditColumns, withCommits: true } as const;
      const shipper = new AuditShipper({
        audit: log,
        openTable: () => SideTable.open(columns, title, table, keptDays(retention)),
        retention,
        logger,
      });
      lifetime.add(() => shipper.close());
      return new TitleAudit(log, shipper, directory, recordPerson, lifetime);
    });
  }

  private constructor(
    log: AuditLog,
    shipper: AuditShipper,
    directory: string,
    recordPerson: RecordPerson,
    lifetime: Lifetime,
  ) {
    this.log = log;
    this.shipper = shipper;
    this.#directory = directory;
    this.#recordPerson = recordPerson;
    this.#lifetime = lifetime;
  }

  /** The audit as one request sees it. */
  of(origin: AuditOrigin): RequestAudit {
    return new RequestAudit(this.log, origin, this.#recordPerson);
  }

  async list(ticket: Ticket, request: AuditListRequest): ReturnType<AuditReader['list']> {
    const table = await this.shipper.caughtUp(limits.readWaitMs);
    return table.list(ticket, request);
  }

  async lastSequence(): Promise<number> {
    await this.log.settled();
    return this.log.durableLsn;
  }

  /** The records of an order, as one valid stream or file. */
  async export(
    ticket: Ticket,
    source: AuditExportSource,
    spec: Pick<ExportSpec, 'format' | 'compression' | 'asOfLsn'>,
  ): Promise<AsyncIterable<Uint8Array>> {
    const table = await this.shipper.caughtUp(limits.readWaitMs);
    const { where, upToSequence } = source;
    const { format, compression, asOfLsn } = spec;
    return table.export(ticket, {
      where,
      upToKey: BigInt(upToSequence),
      upToLsn: asOfLsn,
      format,
      compression,
    });
  }

  /** `commitsLsn`: up to where the title's log is durable. */
  verify(expected: ExpectedRecord | null, commitsLsn: Lsn): Promise<TitleProof> {
    const { durableLsn: auditLsn } = this.log;
    return verifyTitle(this.#directory, expected, { auditLsn, commitsLsn });
  }

  close(): Promise<void> {
    return this.#lifetime.endOrThrow();
  }
}

/** What an operator did with a title by the socket of the server, which names no person. */
export function operatorRecord(
  action: AuditRecord['action'],
  details: AuditRecord['details'] = {},
): AuditRecord {
  return {
    ...emptyRecord,
    atMs: Date.now(),
    action,
    outcome: 'done',
    subject: 'operator',
    details,
  };
}

/** Records something in the audit log of a title that is not open; nothing where it has no files. */
export async function recordInClosed(
  titleDirectory: string,
  record: AuditRecord,
  logger: Logger,
  recordPerson: RecordPerson = recordAsSaid,
): Promise<void> {
  if (!existsSync(titleDirectory)) return;
  const log = await openIn(titleDirectory, logger, recordPerson);
  log.record(record);
  // Waits for what is written, and tells the server's own log what could not be.
  await log.close();
}

/** Opens the log of a title for its owner alone: the process of ClickHouse may have an account of its own. */
async function openIn(
  titleDirectory: string,
  logger: Logger,
  recordPerson: RecordPerson,
): Promise<AuditLog> {
  const directory = auditDirectory(titleDirectory);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
  return AuditLog.open({ directory, logger, recordPerson });
}
