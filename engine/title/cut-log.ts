import { join } from 'node:path';
import type { ColumnLogger } from '../columns/logger.ts';
import type { Storage } from '../disk/storage.ts';
import { cutDamagedLog } from '../log/cut-damaged-log.ts';
import type { LogReport } from '../log/recover-segments.ts';
import { firstHeldLsn } from '../log/segment-files.ts';
import type { Lsn } from '../model/position.ts';
import { listCheckpoints, removeBeyond } from '../recover/checkpoint-directory.ts';

export interface CutOptions {
  /** The title's directory. */
  readonly directory: string;
  readonly storage: Storage;
  readonly truncateAt?: Lsn | null;
  readonly logger?: ColumnLogger;
}

/**
 * Cuts the log where it is asked to; tells what was found. Checkpoints beyond its end go with what
 * was cut, of an earlier start too that did not come to it. Where the log's beginning was dropped and
 * no checkpoint would be left, nothing could start from the rest: nothing is cut then.
 */
export async function cutLog(options: CutOptions): Promise<LogReport | null> {
  const { directory, storage, truncateAt } = options;
  if (!truncateAt) return null;
  const logDirectory = join(directory, 'log');
  const checkpoints = join(directory, 'checkpoints');
  const firstLsn = await firstHeldLsn(storage, logDirectory);
  const reached = (await listCheckpoints(storage, checkpoints)).filter(({ lsn }) => {
    return firstLsn <= lsn + 1 && lsn < truncateAt;
  });
  if (firstLsn > 1 && reached.length === 0) {
    options.logger?.error(
      { truncateAt, firstLsn },
      'the log is not cut: its beginning was dropped, and no checkpoint from before the cut would be left to start from',
    );
    return null;
  }
  const found = await cutDamagedLog({ storage, directory: logDirectory, truncateAt });
  if (found) await removeBeyond(storage, checkpoints, found.lastLsn);
  return found;
}
