import type { CommitLog, LogRecord } from '../../engine/log/commit-log.ts';
import { asLsn } from '../../engine/model/position.ts';
import { seededRandom } from '../fault/seeded-random.ts';

/** A payload that its number alone determines. */
export function payloadOf(number: number, bytes: number): Buffer {
  const random = seededRandom(number);
  const payload = Buffer.alloc(bytes);
  for (let i = 0; i < bytes; i++) payload[i] = Math.floor(random() * 256);
  return payload;
}

/** Copies of what a log holds from `from` on. */
export async function readAll(log: CommitLog, from = 1): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const { lsn, payload } of log.read(asLsn(from))) {
    records.push({ lsn, payload: Buffer.from(payload) });
  }
  return records;
}
