import { nodeStorage } from '../disk/node-storage.ts';
import type { Storage, StorageLock } from '../disk/storage.ts';
import { limits } from '../model/limits.ts';
import type { Lsn } from '../model/position.ts';
import { processTimers, type Timers } from '../time/timers.ts';
import type { Durability, LogRecord } from './commit-log.ts';
import { FileLog, type LogObserver } from './file-log.ts';
import { type LogReport, recoverSegments } from './recover-segments.ts';
import { heldFrom } from './segment-files.ts';

export interface FileLogOptions {
  /** Made where it is absent; held by this process alone until the log is closed. */
  readonly directory: string;
  readonly durability: Durability;
  /**
   * Handed every record from `replayFrom` on, in order, verified, while the log opens: recovery and
   * verification read the log once. A payload is valid until the call returns or its promise is
   * resolved. Records handed over before damage is found are whole, but `openFileLog` then rejects.
   */
  readonly onRecord?: (record: LogRecord) => void | Promise<void>;
  /**
   * Default: the first record of all. Segments wholly before it are not read. `lastSegment`: the first
   * record of the last segment, for a log whose older records are proven at another time.
   */
  readonly replayFrom?: Lsn | 'lastSegment';
  /** Told what was found and done, before `openFileLog` resolves. */
  readonly onReport?: (report: LogReport) => void;
  /** The directory's lock, where the caller has taken it already; the log releases it. */
  readonly lock?: StorageLock;
  /** Cuts a log that is damaged at exactly this record there. Without damage nothing is cut. */
  readonly truncateAt?: Lsn | null;
  readonly observer?: LogObserver;
  readonly storage?: Storage;
  readonly timers?: Timers;
  /** Default `limits.logSegmentBytesMax`. */
  readonly segmentBytesMax?: number;
  /** Default `limits.logGroupRecordsMax`; 1: each record has a write and a sync of its own. */
  readonly groupRecordsMax?: number;
}

/**
 * Opens the commit log of a directory: verifies its records, cuts off the rest of a write that a
 * crash interrupted, makes everything it hands over durable. Throws `UNAVAILABLE` where another
 * process holds the directory, where the log is damaged, and where `replayFrom` is not in it.
 */
export async function openFileLog(options: FileLogOptions): Promise<FileLog> {
  const { directory, durability, onRecord, storage = nodeStorage } = options;
  await storage.makeDirectory(directory);
  const lock = options.lock ?? (await storage.lock(directory));
  try {
    const { replayFrom = firstOfAll } = options;
    const recovered = await recoverSegments({
      storage,
      directory,
      replayFrom:
        replayFrom === 'lastSegment'
          ? ((await heldFrom(storage, directory, lastOfAll)) ?? firstOfAll)
          : replayFrom,
      truncateAt: options.truncateAt ?? null,
      rewriteUnproven: durability.mode !== 'none',
      onRecord: (lsn, payload) => onRecord?.({ lsn, payload }),
    });
    options.onReport?.(recovered.report);
    return new FileLog({
      storage,
      directory,
      lock,
      durability,
      timers: options.timers ?? processTimers,
      observer: options.observer ?? {},
      segmentBytesMax: options.segmentBytesMax ?? limits.logSegmentBytesMax,
      groupRecordsMax: options.groupRecordsMax ?? limits.logGroupRecordsMax,
      segments: recovered.segments,
      file: recovered.file,
      lastLsn: recovered.report.lastLsn,
      chain: recovered.chain,
    });
  } catch (error) {
    await lock.release();
    throw error;
  }
}

const firstOfAll = 1 as Lsn;
const lastOfAll = Number.MAX_SAFE_INTEGER as Lsn;
