import { nodeStorage } from '../disk/node-storage.ts';
import type { Storage, StorageLock } from '../disk/storage.ts';
import { EngineError } from '../model/errors.ts';
import type { Lsn } from '../model/position.ts';
import type { LogRecord } from './commit-log.ts';
import { examineSegments } from './examine-segments.ts';
import { damageError } from './log-damage.ts';
import { requireReplayRange } from './recover-segments.ts';
import { firstHeldLsn } from './segment-files.ts';
import { type TornTail, tornTailOf } from './torn-tail.ts';

export interface ReadLogOptions {
  readonly directory: string;
  /** The first record that is handed over; `first`: the first that is still held. */
  readonly replayFrom: Lsn | 'first';
  /** As `FileLogOptions.onRecord`; with the record's chain, valid as long as its payload. */
  readonly onRecord: (record: LogRecord, chain: Uint8Array) => void | Promise<void>;
  readonly storage?: Storage;
  /**
   * The caller's own process writes the log meanwhile, and holds its lock. What it is just writing
   * may then look torn.
   */
  readonly isOwn?: true;
}

export interface LogReading {
  readonly firstLsn: Lsn;
  /** One before the first where the log is empty. */
  readonly lastLsn: Lsn;
  /** The chain of the last record: no other log that ends there has it. */
  readonly chain: Uint8Array;
  /** The unfinished write at the end, which the next start cuts off. */
  readonly torn: TornTail | null;
}

/**
 * Reads and verifies a log without changing a byte of it: a torn tail stays for the start that
 * reports it. Holds the directory's lock meanwhile, since a server that starts would cut the tail
 * under the reader. Throws `UNAVAILABLE` where another process holds the directory, where the log
 * is damaged, and where `replayFrom` is not in it; `NOT_FOUND` where there is none.
 */
export async function readLog(options: ReadLogOptions): Promise<LogReading> {
  const { directory, onRecord, storage = nodeStorage } = options;
  const lock = options.isOwn ? null : await lockHeld(storage, directory);
  try {
    const replayFrom =
      options.replayFrom === 'first' ? await firstHeldLsn(storage, directory) : options.replayFrom;
    const { segments, file, nextLsn, chain, end } = await examineSegments({
      storage,
      directory,
      replayFrom,
      onRecord: (lsn, payload, chain) => onRecord({ lsn, payload }, chain),
    });
    await file?.close();
    if (end.kind === 'damaged') throw damageError(end.damage, null, replayFrom);
    const lastLsn = ((nextLsn ?? 1) - 1) as Lsn;
    const firstLsn = segments[0]?.firstLsn ?? (1 as Lsn);
    requireReplayRange(replayFrom, { firstLsn, lastLsn });
    return { firstLsn, lastLsn, chain, torn: tornTailOf(end) };
  } finally {
    await lock?.release();
  }
}

async function lockHeld(storage: Storage, directory: string): Promise<StorageLock> {
  try {
    return await storage.lock(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new EngineError('NOT_FOUND', `there is no log in ${directory}`);
  }
}
