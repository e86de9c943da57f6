import { emptyBacklog, type FoundBacklog, findBacklog } from '../columns/shipping/kept-backlog.ts';
import { EngineError } from '../errors.ts';
import type { Catalog } from '../manifest/catalog.ts';
import { asLsn, type Lsn, lsnZero } from '../position.ts';
import { LiveState } from '../state/live-state.ts';
import { TitleState } from '../state/title-state.ts';
import { Projection } from '../tick/projection.ts';
import { createViewEngine, type OwnedViewEngine } from '../views/open-views.ts';
import type { ViewObserver } from '../views/view-observer.ts';
import { type CheckpointManifest, listCheckpoints } from './checkpoint-manifest.ts';
import {
  type CheckpointSource,
  findCheckpoints,
  loadCheckpoint,
  viewsOf,
} from './load-checkpoint.ts';

/** Where the replay begins: rows, sessions and views as of `lsn`, and what the column store lacks. */
export interface StartingPoint {
  /** 0: before the first record of all; everything is empty. */
  readonly lsn: Lsn;
  readonly projection: Projection;
  readonly views: OwnedViewEngine;
  readonly backlog: FoundBacklog;
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

/** The newest checkpoint up to a position that is whole and has these views; else the beginning. */
export async function openStartingPoint(
  options: StartingPointOptions,
  upToLsn: Lsn,
): Promise<StartingPoint> {
  const { catalog, source, observer, onMisfit } = options;
  const state = new TitleState(catalog);
  const projection = new Projection(state);
  const views = createViewEngine({
    catalog,
    state: new LiveState(state),
    ...(observer ? { observer } : {}),
  });
  const onDamaged = (lsn: Lsn) => onMisfit(lsn, 'its files are damaged');
  for await (const found of findCheckpoints(source, upToLsn, onDamaged)) {
    const { lsn } = found.manifest;
    if (!views.restore(viewsOf(found))) {
      onMisfit(lsn, 'its views are defined otherwise');
      continue;
    }
    await loadCheckpoint(projection, found);
    const all = await listCheckpoints(source.storage, source.directory);
    const checkpoints = all.filter((one) => one.lsn <= lsn);
    const backlog = await findBacklog(
      source.storage,
      options.spoolDirectory,
      found.manifest.backlog,
    );
    return { lsn, projection, views, backlog, checkpoints };
  }
  return { lsn: lsnZero, projection, views, backlog: emptyBacklog, checkpoints: [] };
}

/**
 * A starting point whose backlog joins up with the column store, and that the log reaches: `first`,
 * or an older one. Throws `UNAVAILABLE`, and has touched nothing, when the beginning of the log is
 * gone and no checkpoint stands in for it.
 */
export async function joinColumns(
  options: StartingPointOptions,
  first: StartingPoint,
  columns: { resume(lsn: Lsn, backlog: FoundBacklog): Promise<string | null> },
): Promise<StartingPoint> {
  let point = first;
  for (;;) {
    if (point.lsn + 1 < options.logFirstLsn) throw noStart(options);
    const reason = await columns.resume(point.lsn, point.backlog);
    if (reason === null) return point;
    options.onMisfit(point.lsn, reason);
    point = await openStartingPoint(options, asLsn(point.lsn - 1));
  }
}

function noStart({ logFirstLsn, misfits }: StartingPointOptions): EngineError {
  const passedOver = misfits.length === 0 ? 'there is none' : misfits.join('; ');
  return new EngineError(
    'UNAVAILABLE',
    `the log begins with record ${logFirstLsn}, what is older was dropped (--log-retain), and no ` +
      `checkpoint stands in for it: ${passedOver}. Mend that (views defined as they were, the ` +
      "column store's own data restored), or restore a backup of the data directory. No data " +
      'was touched.',
    { details: { logFirstLsn, misfits: [...misfits] } },
  );
}
