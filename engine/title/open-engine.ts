import { join } from 'node:path';
import type { ColumnMasks } from '../access/column-mask.ts';
import { Canary } from '../canary/canary.ts';
import type { ColumnStore } from '../columns/column-store.ts';
import { ColumnsHost, type ColumnsTarget } from '../columns/columns-host.ts';
import type { ColumnLogger } from '../columns/logger.ts';
import { openColumnStore } from '../columns/open-column-store.ts';
import type { TailerObserver } from '../columns/shipping/delivery.ts';
import { gentleStorage } from '../disk/gentle-storage.ts';
import { nodeStorage } from '../disk/node-storage.ts';
import type { Storage } from '../disk/storage.ts';
import type { Durability, LogRecord } from '../log/commit-log.ts';
import type { LogObserver } from '../log/file-log.ts';
import { openFileLog } from '../log/open-file-log.ts';
import type { LogReport } from '../log/recover-segments.ts';
import { firstHeldLsn } from '../log/segment-files.ts';
import { Catalog } from '../model/catalog.ts';
import { limits } from '../model/limits.ts';
import { asLsn, type Lsn } from '../model/position.ts';
import type { TitleManifest } from '../model/types.ts';
import type { Engine } from '../ports/engine.ts';
import type { EngineObserver } from '../ports/engine-observer.ts';
import { Checkpointer } from '../recover/checkpointer.ts';
import { fitManifest } from '../recover/kept-manifest.ts';
import { LogRetention } from '../recover/log-retention.ts';
import { replayRecord } from '../recover/replay-record.ts';
import { ReplayWitness } from '../recover/replay-witness.ts';
import {
  openStartingPoint,
  type StartingPoint,
  type StartingPointOptions,
} from '../recover/starting-point.ts';
import { LiveState } from '../state/live-state.ts';
import { Lifetime } from '../time/lifetime.ts';
import { hasPersonalColumns } from '../vault/personal-columns.ts';
import { Vault } from '../vault/vault.ts';
import type { ViewObserver } from '../views/view-observer.ts';
import { ColumnSnapshots } from './column-snapshots.ts';
import { cutLog } from './cut-log.ts';
import { refuseShortened } from './shortened-log.ts';
import { TitleEngine } from './title-engine.ts';

export interface EngineOptions {
  readonly manifest: TitleManifest;
  /** Everything of the title lies below; made where it is absent. */
  readonly directory: string;
  readonly durability: Durability;
  /**
   * The ClickHouse that the titles of a process share, open or about to be, which whoever opened it
   * closes after them; or where one is that this title has to itself. A ready store is taken as it is,
   * and closed with the engine; for tests and tools.
   */
  readonly columns: ColumnsHost | Promise<ColumnsHost> | ColumnsTarget | ColumnStore;
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
  /** What makes pseudonyms of texts in SQL and exports; without it they have none. */
  readonly masks?: ColumnMasks;
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
  /** Default `limits.scanRowsMax`. */
  readonly scanRowsMax?: number;
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
 * offers the column store what it lacks. Resolves when everything logged can be read; where a step
 * fails, what came to life before it is ended, and nothing of the title is held.
 */
export function openEngine(options: EngineOptions): Promise<Engine> {
  const onError = (error: unknown) =>
    options.logger?.error({ error }, 'a part of a title that failed to open could not be ended');
  return Lifetime.of((lifetime) => bringUp(options, lifetime), onError);
}

async function bringUp(options: EngineOptions, lifetime: Lifetime): Promise<Engine> {
  const { directory, manifest, storage = nodeStorage, observer = {} } = options;
  const logDirectory = join(directory, 'log');
  await storage.makeDirectory(logDirectory);
  // Before anything of the title is touched: another process may be using it.
  const lock = await storage.lock(logDirectory);
  lifetime.add(() => lock.release());

  const fitting = await fitManifest(directory, manifest);
  if (!fitting.isKept) await options.proveManifest?.();
  const cut = await cutLog({ ...options, storage });
  const catalog = new Catalog(manifest);

  // ClickHouse starts in its own process while the checkpoint is loaded here.
  const starting = columnsOf(options, catalog);
  lifetime.add(async () => (await starting.catch(() => null))?.close());
  const points = await startingPoints(options, catalog, storage);
  const [start, store] = await Promise.all([openStartingPoint(points, starting), starting]);

  const replay = new Replay(start, store);
  const log = await openFileLog({
    directory: logDirectory,
    lock,
    durability: options.durability,
    replayFrom: asLsn(start.lsn + 1),
    storage,
    onRecord: (record) => replay.apply(record),
    onReport: (report) => {
      const torn = report.torn ?? cut?.torn ?? null;
      options.onRecovery?.({ ...report, torn, dropped: cut?.dropped ?? null });
      refuseShortened(options, store.heldLsn, report.lastLsn);
    },
    ...(observer.log ? { observer: observer.log } : {}),
    ...(options.canary ? { groupRecordsMax: 1 } : {}),
    ...(options.logSegmentBytesMax ? { segmentBytesMax: options.logSegmentBytesMax } : {}),
  });
  lifetime.add(() => log.close());

  const { projection, views } = start;
  const scanRowsMax = options.scanRowsMax ?? limits.scanRowsMax;
  const live = new LiveState(projection.state);
  views.readFarRowsBy(new ColumnSnapshots({ catalog, live, columns: store, scanRowsMax }));
  const { appliedLsn } = replay;
  const vault = await Vault.open(storage, directory, { hasColumns: hasPersonalColumns(manifest) });
  lifetime.add(() => vault.close());
  const canary = options.canary ? new Canary({ projection, views, log, appliedLsn }) : null;
  // Nothing can refuse this start any more, and nothing has been logged under this manifest yet.
  await fitting.keep();
  // The store holds rows that the log has lost (a power failure, or a cut).
  if (store.heldLsn > log.durableLsn) await store.rewind(log.durableLsn);
  store.recovered(log.durableLsn);

  const checkpointer = new Checkpointer(
    {
      storage: gentleStorage(storage),
      directory: checkpointsOf(directory),
      projection,
      views,
      columns: store,
      log,
      incremental: !options.canary,
    },
    start.checkpoints,
  );
  const keepBytes = options.logRetainBytes ?? null;
  const retention = new LogRetention({ log, checkpointer, columns: store, keepBytes });
  return new TitleEngine({
    catalog,
    log,
    projection,
    views,
    columns: store,
    checkpointer,
    retention,
    checkpointEveryBytes: options.checkpointEveryBytes ?? limits.checkpointEveryBytes,
    checkpointOnClose: options.checkpointOnClose ?? true,
    bytesSinceCheckpoint: replay.logBytes,
    rowMemoryBytesMax: options.rowMemoryBytesMax ?? limits.rowMemoryBytesMax,
    vault,
    scanRowsMax,
    canary,
    appliedLsn,
    now: options.now ?? Date.now,
    observer,
  });
}

/** Takes the records behind a starting point, in order. */
class Replay {
  readonly #start: StartingPoint;
  readonly #store: ColumnStore;
  readonly #witness: ReplayWitness;
  appliedLsn: Lsn;
  /** Log bytes of the records taken. */
  logBytes = 0;

  constructor(start: StartingPoint, store: ColumnStore) {
    this.#start = start;
    this.#store = store;
    this.#witness = new ReplayWitness(start.lsn);
    this.appliedLsn = start.lsn;
  }

  apply(record: LogRecord): void {
    const changes = replayRecord(this.#start.projection, record, this.#witness);
    this.#start.views.apply(changes);
    this.#store.offer(changes);
    this.#store.advance(record.lsn);
    this.appliedLsn = record.lsn;
    this.logBytes += record.payload.byteLength;
  }
}

async function startingPoints(
  options: EngineOptions,
  catalog: Catalog,
  storage: Storage,
): Promise<StartingPointOptions> {
  const { directory, logger, observer } = options;
  const misfits: string[] = [];
  return {
    catalog,
    source: { storage, directory: checkpointsOf(directory) },
    spoolDirectory: spoolDirectoryOf(directory),
    logFirstLsn: await firstHeldLsn(storage, join(directory, 'log')),
    observer: observer?.views,
    onMisfit: (lsn, reason) => {
      logger?.warn({ lsn, reason }, 'a checkpoint is passed over');
      misfits.push(`the one at ${lsn}: ${reason}`);
    },
    misfits,
  };
}

async function columnsOf(options: EngineOptions, catalog: Catalog): Promise<ColumnStore> {
  const { directory, logger, observer } = options;
  const columns = await options.columns;
  const isTarget = columns === 'embedded' || columns instanceof ColumnsHost || 'url' in columns;
  if (!isTarget) return columns;
  return openColumnStore({
    catalog,
    target: columns,
    directory: join(directory, 'columns'),
    dataDirectory: directory,
    spoolDirectory: spoolDirectoryOf(directory),
    ...(options.storage ? { storage: options.storage } : {}),
    ...(options.acceptLostRows ? { acceptLostRows: true } : {}),
    ...(options.scanRowsMax === undefined ? {} : { scanRowsMax: options.scanRowsMax }),
    ...(options.masks ? { masks: options.masks } : {}),
    ...(logger ? { logger } : {}),
    ...(observer?.columns ? { observer: observer.columns } : {}),
  });
}

function checkpointsOf(directory: string): string {
  return join(directory, 'checkpoints');
}

/** Where the column store of a title keeps the blocks that ClickHouse lacks. */
export function spoolDirectoryOf(titleDirectory: string): string {
  return join(titleDirectory, 'columns', 'spool');
}
