import { readLog } from '../../engine/index.ts';
import { asLsn } from '../../engine/model/position.ts';
import { AuditLog } from '../../src/audit/audit-log.ts';
import { type AuditRecord, decodeRecord, emptyRecord } from '../../src/audit/audit-record.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { FaultyStorage } from '../fault/storage.ts';
import { ManualTimers } from '../log/manual-timers.ts';

export const directory = '/data/audit';

/** What the server's own log was told, by level. */
export class ToldLogger {
  readonly lines: { readonly level: string; readonly details: object; readonly text: string }[] =
    [];

  get logger(): Logger {
    const at = (level: string) => (details: object, text: string) =>
      void this.lines.push({ level, details, text });
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      fatal: at('fatal'),
    } as unknown as Logger;
  }

  of(level: string): string[] {
    return this.lines.filter((line) => line.level === level).map(({ text }) => text);
  }
}

export async function openAudit(storage: FaultyStorage, segmentBytesMax?: number) {
  const timers = new ManualTimers();
  const told = new ToldLogger();
  const audit = await AuditLog.open({
    directory,
    logger: told.logger,
    storage,
    timers,
    nowMs: () => 1_000,
    ...(segmentBytesMax === undefined ? {} : { segmentBytesMax }),
  });
  return { audit, timers, told };
}

/** A record that a number tells from others. */
export function recordOf(number: number, more: Partial<AuditRecord> = {}): AuditRecord {
  return {
    ...emptyRecord,
    atMs: 1_000 + number,
    action: 'session.open',
    outcome: 'done',
    subject: 'simulator-1',
    requestId: `request-${number}`,
    ...more,
  };
}

export function refusalOf(number: number, more: Partial<AuditRecord> = {}): AuditRecord {
  return recordOf(number, {
    action: 'access.denied',
    outcome: 'refused',
    code: 'FORBIDDEN',
    ...more,
  });
}

/** The records of a log that nobody holds open. */
export async function kept(storage: FaultyStorage): Promise<AuditRecord[]> {
  const records: AuditRecord[] = [];
  await readLog({
    storage,
    directory,
    replayFrom: asLsn(1),
    onRecord: ({ payload }) => void records.push(decodeRecord(payload)),
  });
  return records;
}

export function numbersOf(records: readonly AuditRecord[]): number[] {
  return records.map(({ requestId }) => Number(requestId?.replace('request-', '')));
}
