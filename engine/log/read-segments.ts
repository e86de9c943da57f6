import type { Storage, StorageFile } from '../disk/storage.ts';
import { EngineError } from '../model/errors.ts';
import type { Lsn } from '../model/position.ts';
import type { LogRecord } from './commit-log.ts';
import { RecordReader } from './record-reader.ts';
import type { Segment } from './segment.ts';

/**
 * Reads the records `from` to `upTo`, all of them durable. `segments` may grow and shrink meanwhile:
 * a reader that is overtaken by the dropping of segments gets `NOT_FOUND`.
 */
export async function* readSegments(
  storage: Storage,
  segments: readonly Segment[],
  from: Lsn,
  upTo: Lsn,
): AsyncGenerator<LogRecord> {
  let next = from as number;
  while (next <= upTo) {
    const index = segments.findLastIndex((held) => held.firstLsn <= next);
    const segment = segments[index];
    if (segment === undefined) throw notHeld(next, segments);
    // A segment that recovery did not read may end in zeros; its last record is known all the same.
    const last = Math.min(upTo, (segments[index + 1]?.firstLsn ?? Number.POSITIVE_INFINITY) - 1);
    const file = await openHeld(storage, segment, next, segments);
    const reader = new RecordReader(file, segment.salt, segment.offsetNear(next), segment.end);
    try {
      while (next <= last) {
        const step = reader.step();
        if (step === 'more') {
          await reader.fill();
        } else if (step !== 'record' || reader.lsn > next) {
          throw unreadable(next, segment, reader.offset);
        } else if (reader.lsn === next) {
          yield { lsn: reader.lsn, payload: reader.payload };
          next++;
        }
      }
    } finally {
      await reader.close();
      await file.close();
    }
  }
}

async function openHeld(
  storage: Storage,
  segment: Segment,
  next: number,
  segments: readonly Segment[],
): Promise<StorageFile> {
  try {
    return await storage.open(segment.path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw notHeld(next, segments);
    throw error;
  }
}

function notHeld(lsn: number, segments: readonly Segment[]): EngineError {
  return new EngineError(
    'NOT_FOUND',
    `record ${lsn} is no longer in the log, which begins with ${segments[0]?.firstLsn}`,
    { details: { lsn, firstLsn: segments[0]?.firstLsn } },
  );
}

function unreadable(lsn: number, segment: Segment, offset: number): EngineError {
  return new EngineError(
    'UNAVAILABLE',
    `record ${lsn} of the log, at offset ${offset} of the segment that begins with ${segment.firstLsn}, can no longer be read: stop, and restore a backup`,
    { details: { lsn, segment: segment.firstLsn, offset } },
  );
}
