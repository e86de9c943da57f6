import { emptyBacklog, type FoundBacklog, findBacklog } from '../columns/shipping/kept-backlog.ts';
import type { Catalog } from '../model/catalog.ts';
import { EngineError } from '../model/errors.ts';
import { asLsn, type Lsn, lsnZero } from '../model/position.ts';
import { LiveState } from '../state/live-state.ts';
import { TitleState } from '../state/title-state.ts';
import { Projection } from '../tick/projection.ts';
import { createViewEngine, type OwnedViewEngine } from '../views/open-views.ts';
import type { ViewObserver } from '../views/view-observer.ts';
import { listCheckpoints } from './checkpoint-directory.ts';
import type { CheckpointManifest } from './checkpoint-manifest.ts';
import { type CheckpointSource, findCheckpoints, loadCheckpoint } from './load-checkpoint.ts';
import { restoreViews } from './view-files.ts';

/** Where the replay begins: rows, sessions and views as of `lsn`. */
export interface StartingPoint {
  /** 0: before the first record of all; everything is empty. */
  readonly lsn: Lsn;
  readonly projection: Projection;
  readonly views: OwnedViewEngine;
  /** The checkpoint it was loaded from, then older ones. */
  readonly checkpoints: readonly CheckpointManifest[];
}

export interface StartingPointOptions {
  readonly catalog: Catalog;
  readonly source: CheckpointSource;
  /** The column store's, where the backlogs of checkpoints are kept. */
  readonly spoolDirectory: string;
  /** The first record that the log still holds. */
  readonly logFirstLsn: Lsn;
  readonly observer?: ViewObserver | undefined;
  /** Told why a checkpoint is passed over. */
  readonly onMisfit: (lsn: Lsn, reason: string) => void;
  /** What it was told so far, for the refusal when none is left. */
  readonly misfits: readonly string[];
}

/** What a starting point needs of the column store. */
export interface BacklogTaker {
  /** Takes what a checkpoint kept; or answers why that does not join up with what it holds. */
  resume(lsn: Lsn, backlog: FoundBacklog): Promise<string | null>;
}

/**
 * Loads the newest checkpoint that is whole, has these views, and whose backlog
 * joins up with the column store, which takes that in while the rows are loaded; without one, the
 * beginning. Throws `UNAVAILABLE` when the log does not reach back to it, and has changed no file then.
 */
export async function openStartingPoint(
  options: StartingPointOptions,
  columns: Promise<BacklogTaker>,
): Promise<StartingPoint> {
  const { source, spoolDirectory, logFirstLsn, onMisfit } = options;
  for (let bound = asLsn(Number.MAX_SAFE_INTEGER); ; ) {
    const { projection, views, found } = await newestWithViews(options, bound);
    const lsn = found?.manifest.lsn ?? lsnZero;
    if (lsn + 1 < logFirstLsn) throw noStart(options);
    const backlog = found
      ? await findBacklog(source.storage, spoolDirectory, found.manifest.backlog)
      : emptyBacklog;
    const [reason] = await Promise.all([
      columns.then((store) => store.resume(lsn, backlog)),
      found && loadCheckpoint(projection, found),
    ]);
    if (reason === null) {
      if (found) views.readLiveRows();
      const all = await listCheckpoints(source.storage, source.directory);
      return { lsn, projection, views, checkpoints: all.filter((one) => one.lsn <= lsn) };
    }
    onMisfit(lsn, reason);
    bound = asLsn(lsn - 1);
  }
}

/** The newest whole checkpoint whose views are these, and the views restored from it. */
async function newestWithViews(options: StartingPointOptions, upToLsn: Lsn) {
  const { catalog, source, observer, onMisfit } = options;
  const state = new TitleState(catalog);
  const projection = new Projection(state);
  const views = createViewEngine({
    catalog,
    state: new LiveState(state),
    ...(observer ? { observer } : {}),
  });
  for await (const found of findCheckpoints(source, upToLsn, onMisfit)) {
    if (restoreViews(views, found)) return { projection, views, found };
    onMisfit(found.manifest.lsn, 'its views are defined otherwise');
  }
  return { projection, views, found: null };
}

function noStart({ logFirstLsn, misfits }: StartingPointOptions): EngineError {
  const passedOver = misfits.length === 0 ? 'there is none' : misfits.join('; ');
  return new EngineError(
    'UNAVAILABLE',
    `the log begins with record ${logFirstLsn}, what is older was dropped (--log-retain), and no ` +
      `checkpoint stands in for it: ${passedOver}. Mend that (views defined as they were, the ` +
      "column store's own data restored), or restore a backup of the data directory. No data " +
      'was lost: the log, the checkpoints and manifest.json are as they were.',
    { details: { logFirstLsn, misfits: [...misfits] } },
  );
}
