import type { Storage } from '../disk/storage.ts';
import type { Lsn } from '../model/position.ts';
import { openFileLog } from './open-file-log.ts';
import type { LogReport } from './recover-segments.ts';
import { heldFrom } from './segment-files.ts';

export interface CutOptions {
  readonly storage: Storage;
  /** Locked by the caller. */
  readonly directory: string;
  readonly truncateAt: Lsn;
}

/**
 * Cuts a log that is damaged at exactly `truncateAt` there. Without damage nothing is cut, so that
 * recovery may begin wherever it likes. Tells what it found; null where the record is so old that
 * the log no longer has it. Throws `UNAVAILABLE` for damage elsewhere.
 */
export async function cutDamagedLog(options: CutOptions): Promise<LogReport | null> {
  const { storage, directory, truncateAt } = options;
  const replayFrom = await heldFrom(storage, directory, truncateAt);
  if (replayFrom === null) return null;
  let found: LogReport | null = null;
  const log = await openFileLog({
    storage,
    directory,
    durability: { mode: 'strict' },
    lock: { release: async () => {} },
    replayFrom,
    truncateAt,
    onReport: (report) => {
      found = report;
    },
  });
  await log.close();
  return found;
}
