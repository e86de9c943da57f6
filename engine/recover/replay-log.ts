import { dirname, join } from 'node:path';
import { nodeStorage } from '../disk/node-storage.ts';
import type { LogRecord } from '../log/commit-log.ts';
import { readLog } from '../log/read-log.ts';
import { firstHeldLsn } from '../log/segment-files.ts';
import type { TornTail } from '../log/torn-tail.ts';
import { Catalog } from '../model/catalog.ts';
import { EngineError } from '../model/errors.ts';
import { asLsn, type Lsn, lsnZero } from '../model/position.ts';
import type { TitleManifest } from '../model/types.ts';
import { TitleState } from '../state/title-state.ts';
import { Projection } from '../tick/projection.ts';
import { findCheckpoints, loadCheckpoint } from './load-checkpoint.ts';

export interface ReplayOptions {
  /**
   * The title's log: `<data>/titles/<title>/log`. No server may hold it. Where its beginning was
   * dropped, `checkpoints` beside it stands in for that.
   */
  readonly directory: string;
  readonly manifest: TitleManifest;
  /** Told of the rest of an unfinished write behind the last record; it stays where it is. */
  readonly onTorn?: (torn: TornTail, lastLsn: Lsn) => void;
  /** Told after every record. */
  readonly onProgress?: (lsn: number) => void;
}

/** Where a replay begins. */
export interface ReplayStart {
  readonly projection: Projection;
  /** 0: before the first record of all. */
  readonly lsn: Lsn;
}

/**
 * Reads a log into an empty projection, record by record, as `onRecord` folds it; a log whose
 * beginning was dropped into the oldest checkpoint that it reaches. Throws `UNAVAILABLE` when there
 * is none. Changes no byte of the log.
 */
export async function replayLog(
  options: ReplayOptions,
  onRecord: (projection: Projection, record: LogRecord) => void,
  onStart: (start: ReplayStart) => void = () => {},
): Promise<ReplayStart> {
  const { directory, manifest, onProgress, onTorn } = options;
  const start = await startOf(directory, manifest);
  onStart(start);
  const { torn, lastLsn } = await readLog({
    directory,
    replayFrom: asLsn(start.lsn + 1),
    onRecord: (record) => {
      onRecord(start.projection, record);
      onProgress?.(record.lsn);
    },
  });
  if (torn) onTorn?.(torn, lastLsn);
  return start;
}

async function startOf(directory: string, manifest: TitleManifest): Promise<ReplayStart> {
  // Where there is no log, reading it says so.
  const firstLsn = await firstHeldLsn(nodeStorage, directory).catch(() => 1 as Lsn);
  const empty = () => new Projection(new TitleState(new Catalog(manifest)));
  if (firstLsn === 1) return { projection: empty(), lsn: lsnZero };
  const source = { storage: nodeStorage, directory: join(dirname(directory), 'checkpoints') };
  let start: ReplayStart | null = null;
  for await (const found of findCheckpoints(source, asLsn(Number.MAX_SAFE_INTEGER), () => {})) {
    if (found.manifest.lsn + 1 < firstLsn) break;
    start = { projection: empty(), lsn: found.manifest.lsn };
    await loadCheckpoint(start.projection, found);
  }
  if (start) return start;
  throw new EngineError(
    'UNAVAILABLE',
    `the log begins with record ${firstLsn}, what is older was dropped (--log-retain), and no whole ` +
      'checkpoint beside it stands in for that: replay a backup, or a copy of the data directory ' +
      'with its checkpoints',
    { details: { logFirstLsn: firstLsn } },
  );
}
