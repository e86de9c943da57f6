import { join } from 'node:path';
import type { ColumnStore } from './columns/column-store.ts';
import type { ColumnLogger } from './columns/logger.ts';
import { openColumnStore } from './columns/open-column-store.ts';
import type { TailerObserver } from './columns/tailer.ts';
import type { Engine } from './engine.ts';
import { limits } from './limits.ts';
import type { Durability } from './log/commit-log.ts';
import type { LogObserver } from './log/file-log.ts';
import { nodeStorage } from './log/node-storage.ts';
import { openFileLog } from './log/open-file-log.ts';
import type { LogReport } from './log/recover-segments.ts';
import type { Storage } from './log/storage.ts';
import { Catalog } from './manifest/catalog.ts';
import type { TitleManifest } from './manifest/types.ts';
import { asLsn, type Lsn, lsnZero } from './position.ts';
import type { CheckpointManifest } from './recover/checkpoint-manifest.ts';
import { Checkpointer } from './recover/checkpointer.ts';
import { keepManifest } from './recover/kept-manifest.ts';
import { findCheckpoint, loadCheckpoint, viewsOf } from './recover/load-checkpoint.ts';
import { replayRecord } from './recover/replay-record.ts';
import { ReplayWitness } from './recover/replay-witness.ts';
import { LiveState } from './state/live-state.ts';
import { TitleState } from './state/title-state.ts';
import { Projection } from './tick/projection.ts';
import { type EngineObserver, TitleEngine } from './title-engine.ts';
import { createViewEngine, type OwnedViewEngine } from './views/open-views.ts';
import type { ViewObserver } from './views/view-observer.ts';

export interface EngineOptions {
  readonly manifest: TitleManifest;
  /** Everything of the title lies below; made where it is absent. */
  readonly directory: string;
  readonly durability: Durability;
  /** A ready store is taken as it is, and closed with the engine; for tests and tools. */
  readonly columns: 'embedded' | { readonly url: string } | ColumnStore;
  /** Where the log lives; the file system by default. */
  readonly storage?: Storage;
  readonly logger?: ColumnLogger;
  /**
   * Predictable over fast: every tick has a sync of its own, checkpoints are whole, and every
   * invariant is checked after each tick.
   */
  readonly canary?: boolean;
  /** Cuts a log that is damaged at exactly this record there. */
  readonly truncateAt?: Lsn | null;
  readonly now?: () => number;
  /** Log bytes after which a checkpoint is taken; default `limits.checkpointEveryBytes`. */
  readonly checkpointEveryBytes?: number;
  /** Default `limits.rowMemoryBytesMax`. */
  readonly rowMemoryBytesMax?: number;
  readonly onRecovery?: (report: LogReport) => void;
  readonly observer?: EngineObserver & {
    readonly log?: LogObserver;
    readonly views?: ViewObserver;
    readonly columns?: TailerObserver;
  };
}

/**
 * Opens a title: starts its column store, loads the newest checkpoint that the column store has
 * the prefix of, replays the log from there into rows, sessions and views, and offers the column
 * store what it lacks. Resolves when everything logged can be read.
 */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const { directory, observer = {} } = options;
  const manifest = await keepManifest(directory, options.manifest);
  const catalog = new Catalog(manifest);
  const storage = options.storage ?? nodeStorage;
  // ClickHouse starts in its own process while the checkpoint is loaded here.
  const starting = columnsOf(options, catalog);
  let columns: ColumnStore | null = null;
  try {
    const [opened, store] = await Promise.all([
      openProjections(options, catalog, storage, null),
      starting,
    ]);
    columns = store;
    const { projection, views, checkpoint } = await fitting(
      options,
      catalog,
      storage,
      opened,
      store,
    );
    let appliedLsn = checkpoint?.lsn ?? lsnZero;
    let logBytes = 0;
    const witness = new ReplayWitness();
    const log = await openFileLog({
      directory: join(directory, 'log'),
      durability: options.durability,
      truncateAt: options.truncateAt ?? null,
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
      ...(options.onRecovery ? { onReport: options.onRecovery } : {}),
      ...(observer.log ? { observer: observer.log } : {}),
      ...(options.canary ? { groupRecordsMax: 1 } : {}),
    });
    if (columns.neededFromLsn > log.durableLsn + 1) {
      // It holds rows that the log has lost (a power failure, or a cut).
      await columns.close();
      columns = await columnsOf(options, catalog, log.durableLsn);
    }
    const checkpointer = new Checkpointer(
      {
        storage,
        directory: join(directory, 'checkpoints'),
        projection,
        views,
        columns,
        syncedLsn: () => log.syncedLsn,
        incremental: !options.canary,
      },
      checkpoint,
    );
    return new TitleEngine({
      catalog,
      log,
      projection,
      views,
      columns,
      checkpointer,
      checkpointEveryBytes: options.checkpointEveryBytes ?? limits.checkpointEveryBytes,
      bytesSinceCheckpoint: logBytes,
      rowMemoryBytesMax: options.rowMemoryBytesMax ?? limits.rowMemoryBytesMax,
      canary: options.canary ?? false,
      appliedLsn,
      now: options.now ?? Date.now,
      observer,
    });
  } catch (error) {
    await (columns ?? (await starting.catch(() => null)))?.close();
    throw error;
  }
}

interface Projections {
  readonly projection: Projection;
  readonly views: OwnedViewEngine;
  readonly checkpoint: CheckpointManifest | null;
}

/** The checkpoint loaded ahead, or an older one where the column store lacks a part of its prefix. */
function fitting(
  options: EngineOptions,
  catalog: Catalog,
  storage: Storage,
  opened: Projections,
  columns: ColumnStore,
): Projections | Promise<Projections> {
  const held = columns.neededFromLsn - 1;
  if (!opened.checkpoint || opened.checkpoint.lsn <= held) return opened;
  return openProjections(options, catalog, storage, asLsn(held));
}

/** Rows, sessions and views as of the newest checkpoint up to a position, or empty. */
async function openProjections(
  options: EngineOptions,
  catalog: Catalog,
  storage: Storage,
  upToLsn: Lsn | null,
): Promise<Projections> {
  const observer = options.observer?.views;
  const empty = (): Projections => {
    const state = new TitleState(catalog);
    const views = createViewEngine({
      catalog,
      state: new LiveState(state),
      ...(observer ? { observer } : {}),
    });
    return { projection: new Projection(state), views, checkpoint: null };
  };
  const opened = empty();
  const found = await findCheckpoint({
    storage,
    directory: join(options.directory, 'checkpoints'),
    // A log that is cut ends before what is cut: no checkpoint may be ahead of it.
    upToLsn: asLsn(
      Math.min(upToLsn ?? Number.MAX_SAFE_INTEGER, (options.truncateAt ?? Infinity) - 1),
    ),
  });
  // Views that were defined otherwise have to be folded anew, from the first record on.
  if (!found || !opened.views.restore(viewsOf(found))) return opened;
  loadCheckpoint(opened.projection, found);
  return { ...opened, checkpoint: found.manifest };
}

async function columnsOf(
  options: EngineOptions,
  catalog: Catalog,
  logEndLsn?: Lsn,
): Promise<ColumnStore> {
  const { columns, directory, logger, observer } = options;
  if (columns !== 'embedded' && !('url' in columns)) return columns;
  return openColumnStore({
    catalog,
    target: columns,
    directory: join(directory, 'columns'),
    ...(logger ? { logger } : {}),
    ...(logEndLsn === undefined ? {} : { logEndLsn }),
    ...(observer?.columns ? { observer: observer.columns } : {}),
  });
}
