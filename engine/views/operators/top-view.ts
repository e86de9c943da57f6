import { OpenReads } from '../../govern/open-reads.ts';
import type { Work } from '../../govern/work.ts';
import type { Lsn } from '../../model/position.ts';
import type { Row, Scalar, TopViewDefinition, Value } from '../../model/types.ts';
import { compareScalars } from '../../query/compare-values.ts';
import type { Condition } from '../../query/condition.ts';
import { rowUnits } from '../../query/condition-units.ts';
import { rowPredicate } from '../../query/row-predicate.ts';
import type { FeedSource, RowChange, TickMark } from '../feeds/feed-source.ts';
import type { ImageRing, RowImage } from '../feeds/image-ring.ts';
import type { TickRingBounds } from '../feeds/tick-ring.ts';
import { LaneTable } from '../sources/lane-table.ts';
import { groupSnapshot } from './group-snapshot.ts';
import type { GroupView } from './group-view.ts';

interface Ranked {
  readonly group: number;
  readonly value: Value;
}

interface Partition {
  /** The partition's groups that have rows, in no order. */
  readonly groups: number[];
  /**
   * At most `limit`, best first, with the values they had when they were ranked. Null: all groups
   * are in it and nobody has asked for their order yet.
   */
  top: readonly Ranked[] | null;
}

/**
 * The first `limit` groups of a group view in each partition, by one column descending, ties by
 * key ascending; null ranks last. Rows are the group view's.
 *
 * A tick is folded from the groups it touched: they and the top so far are ranked anew. Whoever is
 * neither cannot have risen, so this is exact unless somebody of the top left, or the last of the
 * new top ranks below the last of the old one: then somebody fell, and the whole partition is
 * ranked. A partition that has no more groups than the limit is ranked only when it is read: a tick
 * changes nobody's being in it, but for those that come and go.
 */
export class TopView implements FeedSource {
  readonly name: string;
  readonly fingerprint: string;
  readonly key: readonly string[];
  readonly isTable = false;
  readonly sessionBound: boolean;
  readonly unknownBefore: ReadonlySet<string> = new Set();
  readonly readable: ReadonlySet<string>;
  readonly groups: GroupView;
  readonly #definition: TopViewDefinition;
  readonly #ring: ImageRing;
  readonly #partitionKeys: LaneTable;
  /** The partitions by number; undefined: no partition has the number. */
  readonly #partitions: (Partition | undefined)[] = [];
  /** Each group's partition, and in `#placeOf` its place there; -1: it is in none. */
  readonly #partitionOf: number[] = [];
  readonly #placeOf: number[] = [];
  readonly #inTop = new Set<number>();
  readonly #reads = new OpenReads();

  constructor(definition: TopViewDefinition, groups: GroupView, bounds: TickRingBounds) {
    this.name = definition.name;
    this.fingerprint = JSON.stringify([definition, groups.fingerprint]);
    this.key = groups.key;
    this.readable = groups.readable;
    this.sessionBound = definition.partitionBy.includes('sessionId');
    this.groups = groups;
    this.#definition = definition;
    this.#ring = groups.newRing(bounds);
    this.#partitionKeys = new LaneTable(
      Math.max(groups.keys.laneCountOf(definition.partitionBy), 1),
    );
  }

  get ticks(): ImageRing['ticks'] {
    return this.#ring.ticks;
  }

  get memoryBytes(): number {
    const perGroup = placeBytes * this.#partitionOf.length;
    return this.#partitionKeys.memoryBytes + perGroup + this.#inTop.size * topBytes;
  }

  /** Folds in what the group view has just folded; `remembered` is what its `fold` returned. */
  fold(mark: TickMark, remembered: boolean): void {
    const { touched, touchedCount } = this.groups;
    const touchedIn = new Map<number, number[]>();
    for (let i = 0; i < touchedCount; i++) {
      const group = touched[i] as number;
      const partition = this.#partitionAround(group);
      const known = touchedIn.get(partition);
      if (known) known.push(group);
      else touchedIn.set(partition, [group]);
    }
    const changed = new Map<number, 'stays' | 'enters' | 'leaves'>();
    for (const [partition, groups] of touchedIn) this.#rankTouched(partition, groups, changed);
    for (const group of changed.keys()) this.#reads.wrote(group);
    if (!remembered) {
      this.ticks.restart(mark.lsn, mark.committedAtMs);
    } else if (this.#ring.begin(mark, changed.size)) {
      for (const [group, how] of changed) {
        this.#ring.add(group, how === 'enters' ? null : this.#imageBefore(group));
      }
      this.#ring.end();
    }
  }

  /** Ranks every group anew, after the group view was loaded. */
  load(lsn: Lsn, stamp: number): void {
    for (const group of this.groups.keys.ordered()) this.#partitionAround(group);
    for (const partition of this.#partitions) {
      if (partition) this.#rank(partition, partition.groups, false, new Map());
    }
    this.ticks.restart(lsn, stamp);
  }

  /** The rows of the top: partitions in the order of their keys, best first within each. */
  *snapshot(where: Condition | null): Work<readonly Row[]> {
    return yield* groupSnapshot({
      reads: this.#reads,
      ordered: () => this.#ranked(),
      isThere: (group) => this.#inTop.has(group),
      row: (group) => this.groups.row(group),
      matches: rowPredicate(where),
      rowUnits: rowUnits(where) + this.groups.rowUnits,
    });
  }

  *#ranked(): IterableIterator<number> {
    const { keys } = this.groups;
    const partitions = this.#partitions.filter((partition) => partition !== undefined);
    const first = (partition: Partition): number => partition.groups[0] as number;
    partitions.sort((a, b) => keys.compare(first(a), first(b), this.#definition.partitionBy));
    for (const partition of partitions) {
      for (const { group } of this.#topOf(partition)) yield group;
    }
  }

  changedValues(tick: Lsn, column: string): Iterable<Value> {
    return this.#ring.changedValues(tick, (group, image) =>
      image === 'now' && !this.#inTop.has(group) ? null : this.groups.value(group, column, image),
    );
  }

  changes(from: Lsn, to: Lsn, sessionId: string | null): Work<readonly RowChange[] | null> {
    const row = (group: number, image: RowImage | 'now') =>
      image === 'now' && !this.#inTop.has(group) ? null : this.groups.row(group, image);
    return this.#ring.changes(from, to, sessionId, row, this.groups.rowUnits);
  }

  /** The number of the group's partition, which it is put into if it has rows. */
  #partitionAround(group: number): number {
    const known = this.#partitionOf[group] ?? -1;
    if (known !== -1) return known;
    const lanes = this.groups.keys.lanesOf(group, this.#definition.partitionBy);
    const ordinal = new Uint32Array(1);
    this.#partitionKeys.locate(lanes.length > 0 ? lanes : [0], 1, ordinal);
    const number = ordinal[0] as number;
    let partition = this.#partitions[number];
    if (!partition) {
      partition = { groups: [], top: null };
      this.#partitions[number] = partition;
    }
    while (this.#partitionOf.length <= group) {
      this.#partitionOf.push(-1);
      this.#placeOf.push(-1);
    }
    this.#partitionOf[group] = number;
    this.#placeOf[group] = partition.groups.push(group) - 1;
    return number;
  }

  /** Takes a group that has no rows any more out of its partition. */
  #remove(group: number, { groups }: Partition): void {
    const last = groups.pop() as number;
    const place = this.#placeOf[group] as number;
    if (last !== group) {
      groups[place] = last;
      this.#placeOf[last] = place;
    }
    this.#partitionOf[group] = -1;
  }

  #rankTouched(
    number: number,
    touched: readonly number[],
    changed: Map<number, 'stays' | 'enters' | 'leaves'>,
  ): void {
    const partition = this.#partitions[number] as Partition;
    let isTopLeft = false;
    const there = touched.filter((group) => {
      if (this.groups.isThere(group)) return true;
      this.#remove(group, partition);
      if (this.#inTop.delete(group)) {
        changed.set(group, 'leaves');
        isTopLeft = true;
      }
      return false;
    });
    if (partition.groups.length > 0) {
      this.#rank(partition, there, isTopLeft, changed);
    } else {
      this.#partitions[number] = undefined;
      this.#partitionKeys.remove(number);
    }
  }

  /** `isTopLeft`: a group that was in the top has left the partition, so that another one rises. */
  #rank(
    partition: Partition,
    touched: readonly number[],
    isTopLeft: boolean,
    changed: Map<number, 'stays' | 'enters' | 'leaves'>,
  ): void {
    const { limit } = this.#definition;
    const { groups, top: old } = partition;
    if (groups.length <= limit) {
      partition.top = null;
      // Whoever was ranked below the limit before is in the top now.
      for (const group of old === null ? touched : groups) {
        if (this.#inTop.has(group)) continue;
        this.#inTop.add(group);
        changed.set(group, 'enters');
      }
      for (const group of touched) if (!changed.has(group)) changed.set(group, 'stays');
      return;
    }
    const before =
      old?.map(({ group }) => group).filter((group) => this.#inTop.has(group)) ??
      groups.filter((group) => this.#inTop.has(group));
    let top = this.#best(old && !isTopLeft ? new Set([...before, ...touched]) : groups);
    const oldLast = old?.[limit - 1];
    const newLast = top.at(-1);
    if (oldLast && newLast && !isTopLeft && this.#compare(newLast, oldLast) > 0) {
      top = this.#best(groups);
    }
    partition.top = top;
    const now = new Set(top.map(({ group }) => group));
    for (const group of before) {
      if (now.has(group)) continue;
      this.#inTop.delete(group);
      changed.set(group, 'leaves');
    }
    for (const group of now) {
      if (this.#inTop.has(group)) continue;
      this.#inTop.add(group);
      changed.set(group, 'enters');
    }
    for (const group of touched) {
      if (now.has(group) && !changed.has(group)) changed.set(group, 'stays');
    }
  }

  #topOf(partition: Partition): readonly Ranked[] {
    partition.top ??= this.#best(partition.groups);
    return partition.top;
  }

  /** One pass, not a sort: of many groups few are kept. */
  #best(candidates: Iterable<number>): Ranked[] {
    const { limit, orderBy } = this.#definition;
    const best: Ranked[] = [];
    for (const group of candidates) {
      const ranked = { group, value: this.groups.value(group, orderBy) };
      const last = best[limit - 1];
      if (last && this.#compare(ranked, last) > 0) continue;
      let low = 0;
      let high = best.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (this.#compare(ranked, best[middle] as Ranked) < 0) high = middle;
        else low = middle + 1;
      }
      best.splice(low, 0, ranked);
      if (best.length > limit) best.pop();
    }
    return best;
  }

  #compare(a: Ranked, b: Ranked): number {
    if (a.value === null || b.value === null) {
      if (a.value !== b.value) return a.value === null ? 1 : -1;
    } else {
      const order = compareScalars(b.value as Scalar, a.value as Scalar);
      if (order !== 0) return order;
    }
    return a.group === b.group ? 0 : this.groups.keys.compare(a.group, b.group);
  }

  /** A group that others pushed out or pulled in was not touched itself: it is as it was. */
  #imageBefore(group: number): RowImage {
    const before = this.groups.ring.beforeNewest(group);
    return before === null || before === 'absent'
      ? { lanes: this.groups.lanes, index: group }
      : before;
  }
}

/** What a group takes: its partition, its place in it, and its entry in the partition's list. */
const placeBytes = 24;
/** What a group in the top takes besides: its place in the set, and its rank. */
const topBytes = 120;
