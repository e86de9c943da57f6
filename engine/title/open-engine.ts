import { join } from 'node:path';
import { Canary } from '../canary/canary.ts';
import type { ColumnStore } from '../columns/column-store.ts';
import type { ColumnLogger } from '../columns/logger.ts';
import { openColumnStore } from '../columns/open-column-store.ts';
import type { TailerObserver } from '../columns/shipping/delivery.ts';
import { gentleStorage } from '../disk/gentle-storage.ts';
import { nodeStorage } from '../disk/node-storage.ts';
import type { Storage, StorageLock } from '../disk/storage.ts';
import type { CommitLog, Durability } from '../log/commit-log.ts';
import { cutDamagedLog } from '../log/cut-damaged-log.ts';
import type { LogObserver } from '../log/file-log.ts';
import { openFileLog } from '../log/open-file-log.ts';
import type { LogReport } from '../log/recover-segments.ts';
import { firstHeldLsn } from '../log/segment-files.ts';
import { Catalog } from '../model/catalog.ts';
import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { asLsn, type Lsn } from '../model/position.ts';
import type { TitleManifest } from '../model/types.ts';
import type { Engine } from '../ports/engine.ts';
import type { EngineObserver } from '../ports/engine-observer.ts';
import { listCheckpoints, removeBeyond } from '../recover/checkpoint-directory.ts';
import { Checkpointer } from '../recover/checkpointer.ts';
import { fitManifest } from '../recover/kept-manifest.ts';
import { LogRetention } from '../recover/log-retention.ts';
import { replayRecord } from '../recover/replay-record.ts';
import { ReplayWitness } from '../recover/replay-witness.ts';
import { openStartingPoint, type StartingPointOptions } from '../recover/starting-point.ts';
import type { ViewObserver } from '../views/view-observer.ts';
import { TitleEngine } from './title-engine.ts';

export interface EngineOptions {
  readonly manifest: TitleManifest;
  /** Everything of the title lies below; made where it is absent. */
  readonly directory: string;
  /** The server's data directory around it, closed to the embedded column store; itself by default. */
  readonly dataDirectory?: string;
  readonly durability: Durability;
  /** A ready store is taken as it is, and closed with the engine; for tests and tools. */
  readonly columns: 'embedded' | { readonly url: string } | ColumnStore;
  /** Where the log lives; the file system by default. */
  readonly storage?: Storage;
  readonly logger?: ColumnLogger;
  /**
   * Predictable over fast: every tick has a sync of its own, checkpoints are whole, and every
   * invariant is checked after each tick and at the start, which `BrokenInvariant` refuses.
   */
  readonly canary?: boolean;
  /** Cuts a log that is damaged at exactly this record there. */
  readonly truncateAt?: Lsn | null;
  /**
   * Serves without rows that the column store had once and holds no longer. Else they are filled in
   * again from the log, or the start is refused where the log no longer reaches back so far.
   */
  readonly acceptLostRows?: boolean;
  readonly now?: () => number;
  /** Log bytes after which a checkpoint is taken; default `limits.checkpointEveryBytes`. */
  readonly checkpointEveryBytes?: number;
  /**
   * Default true: the next start replays nothing. False: it replays what is behind the last
   * checkpoint, as after a crash, and so fills the memory of feeds, for the cursors of subscribers.
   */
  readonly checkpointOnClose?: boolean;
  /**
   * Bytes of log that are kept at least; what is older is dropped, segment by segment, once the
   * checkpoints and the column store are past it. Null, the default: all of it is kept.
   */
  readonly logRetainBytes?: number | null;
  /** Default `limits.logSegmentBytesMax`. */
  readonly logSegmentBytesMax?: number;
  /** Default `limits.rowMemoryBytesMax`. */
  readonly rowMemoryBytesMax?: number;
  /**
   * Called, before anything of the title is touched, for a manifest that is not the one kept: throws
   * where whoever opens the engine could not serve it. Under one that is kept a start has succeeded.
   */
  readonly proveManifest?: () => Promise<void>;
  readonly onRecovery?: (report: LogReport) => void;
  readonly observer?: EngineObserver & {
    readonly log?: LogObserver;
    readonly views?: ViewObserver;
    readonly columns?: TailerObserver;
  };
}

/**
 * Opens a title: starts its column store, loads the newest checkpoint whose kept backlog joins up
 * with what the column store has, replays the log from there into rows, sessions and views, and
 * offers the column store what it lacks. Resolves when everything logged can be read.
 */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const { directory, storage = nodeStorage } = options;
  const logDirectory = join(directory, 'log');
  await storage.makeDirectory(logDirectory);
  // Before anything of the title is touched: another process may be using it.
  const lock = await storage.lock(logDirectory);
  try {
    return await openLocked(options, storage, lock);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function openLocked(
  options: EngineOptions,
  storage: Storage,
  lock: StorageLock,
): Promise<Engine> {
  const { directory, observer = {} } = options;
  const fitting = await fitManifest(directory, options.manifest);
  if (!fitting.isKept) await options.proveManifest?.();
  const cut = await cutLog(options, storage);
  const catalog = new Catalog(options.manifest);
  const misfits: string[] = [];
  const points: StartingPointOptions = {
    catalog,
    source: { storage, directory: join(directory, 'checkpoints') },
    spoolDirectory: spoolDirectoryOf(directory),
    logFirstLsn: await firstHeldLsn(storage, join(directory, 'log')),
    observer: observer.views,
    onMisfit: (lsn, reason) => {
      options.logger?.warn({ lsn, reason }, 'a checkpoint is passed over');
      misfits.push(`the one at ${lsn}: ${reason}`);
    },
    misfits,
  };
  // ClickHouse starts in its own process while the checkpoint is loaded here.
  const starting = columnsOf(options, catalog);
  let opened: CommitLog | null = null;
  try {
    const [start, store] = await Promise.all([openStartingPoint(points, starting), starting]);
    const { projection, views } = start;
    let appliedLsn = start.lsn;
    let logBytes = 0;
    const witness = new ReplayWitness(start.lsn);
    const log = await openFileLog({
      directory: join(directory, 'log'),
      lock,
      durability: options.durability,
      replayFrom: asLsn(appliedLsn + 1),
      storage,
      onRecord: (record) => {
        const changes = replayRecord(projection, record, witness);
        views.apply(changes);
        store.offer(changes);
        store.advance(record.lsn);
        appliedLsn = record.lsn;
        logBytes += record.payload.byteLength;
      },
      onReport: (report) => {
        const torn = report.torn ?? cut?.torn ?? null;
        options.onRecovery?.({ ...report, torn, dropped: cut?.dropped ?? null });
        if (isShortened(options, store.heldLsn, report.lastLsn)) {
          throw shortenedError(store.heldLsn, report.lastLsn);
        }
      },
      ...(observer.log ? { observer: observer.log } : {}),
      ...(options.canary ? { groupRecordsMax: 1 } : {}),
      ...(options.logSegmentBytesMax ? { segmentBytesMax: options.logSegmentBytesMax } : {}),
    });
    opened = log;
    const canary = options.canary ? new Canary({ projection, views, log, appliedLsn }) : null;
    // Nothing can refuse this start any more, and nothing has been logged under this manifest yet.
    await fitting.keep();
    // It holds rows that the log has lost (a power failure, or a cut).
    if (store.heldLsn > log.durableLsn) await store.rewind(log.durableLsn);
    store.recovered(log.durableLsn);
    const checkpointer = new Checkpointer(
      {
        storage: gentleStorage(storage),
        directory: join(directory, 'checkpoints'),
        projection,
        views,
        columns: store,
        log,
        incremental: !options.canary,
      },
      start.checkpoints,
    );
    return new TitleEngine({
      catalog,
      log,
      projection,
      views,
      columns: store,
      checkpointer,
      retention: new LogRetention({
        log,
        checkpointer,
        columns: store,
        keepBytes: options.logRetainBytes ?? null,
      }),
      checkpointEveryBytes: options.checkpointEveryBytes ?? limits.checkpointEveryBytes,
      checkpointOnClose: options.checkpointOnClose ?? true,
      bytesSinceCheckpoint: logBytes,
      rowMemoryBytesMax: options.rowMemoryBytesMax ?? limits.rowMemoryBytesMax,
      canary,
      appliedLsn,
      now: options.now ?? Date.now,
      observer,
    });
  } catch (error) {
    await opened?.close();
    await (await starting.catch(() => null))?.close();
    throw error;
  }
}

/**
 * The column store gets what is durable, so it is never ahead of a log that is written strictly,
 * unless its end was cut, or is gone.
 */
function isShortened({ durability, truncateAt }: EngineOptions, held: Lsn, last: Lsn): boolean {
  return durability.mode === 'strict' && held > last && truncateAt !== last + 1;
}

function shortenedError(held: Lsn, last: Lsn): EngineError {
  return new EngineError(
    'UNAVAILABLE',
    `the log ends with record ${last}, and the column store has rows up to record ${held}: files of ` +
      'the log are missing, or its end is damaged, or it was written in a durability that does not ' +
      'sync, before a power failure. Restore what is missing, or a backup; or start once with ' +
      `--truncate-at ${last + 1}, which gives the records from there up, acknowledged or not, and ` +
      'deletes their rows from the column store. Nothing was deleted.',
    { details: { lastLsn: last, columnsLsn: held } },
  );
}

/**
 * Cuts the log where it is asked to; tells what was found. Checkpoints beyond its end go with what
 * was cut, of an earlier start too that did not come to it. Where the log's beginning was dropped and
 * no checkpoint would be left, nothing could start from the rest: nothing is cut then.
 */
async function cutLog(options: EngineOptions, storage: Storage): Promise<LogReport | null> {
  const { directory, truncateAt } = options;
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

async function columnsOf(options: EngineOptions, catalog: Catalog): Promise<ColumnStore> {
  const { columns, directory, logger, observer } = options;
  if (columns !== 'embedded' && !('url' in columns)) return columns;
  return openColumnStore({
    catalog,
    target: columns,
    directory: join(directory, 'columns'),
    dataDirectory: options.dataDirectory ?? directory,
    spoolDirectory: spoolDirectoryOf(directory),
    ...(options.storage ? { storage: options.storage } : {}),
    ...(options.acceptLostRows ? { acceptLostRows: true } : {}),
    ...(logger ? { logger } : {}),
    ...(observer?.columns ? { observer: observer.columns } : {}),
  });
}

/** Where the column store of a title keeps the blocks that ClickHouse lacks. */
export function spoolDirectoryOf(titleDirectory: string): string {
  return join(titleDirectory, 'columns', 'spool');
}
