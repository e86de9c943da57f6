import { finish } from '../govern/work.ts';
import type { Catalog } from '../model/catalog.ts';
import type { GroupViewDefinition, Row, Scalar, TopViewDefinition } from '../model/types.ts';
import { compareScalars } from '../query/compare-values.ts';
import type { ChangeSet } from '../state/change-set.ts';
import type { StateReader } from '../state/state-reader.ts';
import type { ViewEngine } from '../views/view-engine.ts';
import { appendedRows } from './appended-rows.ts';
import { BrokenInvariant } from './broken-invariant.ts';
import { GroupShadow } from './group-shadow.ts';

/**
 * All views a second time, to hold the folded ones against. Views of actions and events are kept
 * beside, from where they stood when this began; views of live rows are made anew of all of those
 * each time, and need nothing that was known before.
 */
export class ViewShadow {
  readonly #catalog: Catalog;
  readonly #views: Pick<ViewEngine, 'rows'>;
  readonly #state: Pick<StateReader, 'select'>;
  readonly #groups: readonly GroupShadow[];
  readonly #ofRows: readonly GroupViewDefinition[];
  readonly #tops: readonly TopViewDefinition[];

  /** Begins with the views' rows as they are. Throws `BrokenInvariant` where live rows say another. */
  constructor(
    catalog: Catalog,
    views: Pick<ViewEngine, 'rows'>,
    state: Pick<StateReader, 'select'>,
  ) {
    this.#catalog = catalog;
    this.#views = views;
    this.#state = state;
    const definitions = [...catalog.views.values()];
    const groups = definitions.filter((view) => view.kind === 'group');
    const isOfRows = ({ from }: GroupViewDefinition) => catalog.table(from).kind === 'state';
    this.#ofRows = groups.filter(isOfRows);
    this.#groups = groups
      .filter((view) => !isOfRows(view))
      .map((view) => new GroupShadow(catalog, view, views.rows(view.name, null).rows));
    this.#tops = definitions.filter((view) => view.kind === 'top');
    this.#checkOfRows();
  }

  /** `views` must have folded the change set in. Throws `BrokenInvariant`. */
  check(changes: ChangeSet): void {
    const appended = new Map<string, readonly Row[]>();
    const shown = new Map<string, readonly Row[]>();
    for (const group of this.#groups) {
      const { name, from } = group.definition;
      const rows = appended.get(from) ?? appendedRows(changes, from);
      appended.set(from, rows);
      for (const row of rows) group.add(row);
      const folded = this.#views.rows(name, null).rows;
      shown.set(name, folded);
      group.check(folded);
    }
    for (const [name, folded] of this.#checkOfRows()) shown.set(name, folded);
    for (const top of this.#tops) {
      checkTop(top, shown.get(top.from) ?? [], this.#views.rows(top.name, null).rows);
    }
  }

  /** What the views of live rows show, by name. */
  #checkOfRows(): Map<string, readonly Row[]> {
    const shown = new Map<string, readonly Row[]>();
    const live = new Map<string, readonly Row[]>();
    for (const view of this.#ofRows) {
      const rows = live.get(view.from) ?? finish(this.#state.select(view.from, null));
      live.set(view.from, rows);
      const group = new GroupShadow(this.#catalog, view, []);
      for (const row of rows) group.add(row);
      const folded = this.#views.rows(view.name, null).rows;
      shown.set(view.name, folded);
      group.check(folded);
    }
    return shown;
  }
}

/** The best of each partition of `groups`, which come in key order, ranked anew. */
function checkTop(view: TopViewDefinition, groups: readonly Row[], shown: readonly Row[]): void {
  const ranked = byPartition(view, groups);
  const tops = byPartition(view, shown);
  const where = { place: view.name, key: null };
  if (ranked.size !== tops.size) {
    throw new BrokenInvariant('views', where, `has ${tops.size} of ${ranked.size} partitions`);
  }
  for (const [partition, rows] of ranked) {
    // Sorting is stable: ties stay in key order.
    const best = rows.sort((a, b) => compareBest(view, a, b)).slice(0, view.limit);
    const top = tops.get(partition) ?? [];
    const isBest = best.length === top.length && best.every((row, i) => isSameRow(row, top[i]));
    if (isBest) continue;
    const key = partition === '' ? null : partition;
    throw new BrokenInvariant('views', { ...where, key }, `is not the best ${view.limit} groups`);
  }
}

function byPartition(view: TopViewDefinition, rows: readonly Row[]): Map<string, Row[]> {
  const partitions = new Map<string, Row[]>();
  for (const row of rows) {
    const partition = view.partitionBy.map((name) => `${name}=${String(row[name])}`).join(' ');
    const known = partitions.get(partition);
    if (known) known.push(row);
    else partitions.set(partition, [row]);
  }
  return partitions;
}

/** Descending, null last. */
function compareBest({ orderBy }: TopViewDefinition, a: Row, b: Row): number {
  const left = a[orderBy] ?? null;
  const right = b[orderBy] ?? null;
  if (left === null || right === null) return Number(left === null) - Number(right === null);
  return compareScalars(right as Scalar, left as Scalar);
}

function isSameRow(left: Row, right: Row | undefined): boolean {
  return Object.entries(left).every(([name, value]) => {
    const other = right?.[name] ?? null;
    return value === other || String(value) === String(other);
  });
}
