import { OpenReads, steadyRead } from '../govern/open-reads.ts';
import type { Work } from '../govern/work.ts';
import type { Lsn } from '../model/position.ts';
import type { Row, Scalar, TopViewDefinition, Value } from '../model/types.ts';
import { compareScalars } from '../query/compare-values.ts';
import { rowUnits } from '../query/condition-units.ts';
import type { Filter } from '../query/filter.ts';
import { rowPredicate } from '../query/row-predicate.ts';
import type { FeedSource, RowChange, TickMark } from './feed-source.ts';
import type { FrameBounds } from './frame-log.ts';
import { type GroupView, inOrder } from './group-view.ts';
import { ImageRing, type RowImage } from './image-ring.ts';
import { LaneTable } from './lane-table.ts';

interface Ranked {
  readonly group: number;
  readonly value: Value;
}

interface Partition {
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
 * neither cannot have risen, so this is exact unless the last of the new top ranks below the last
 * of the old one: then somebody fell, and the whole partition is ranked. A partition that has no
 * more groups than the limit is ranked only when it is read: a tick changes nobody's being in it.
 */
export class TopView implements FeedSource {
  readonly name: string;
  readonly fingerprint: string;
  readonly key: readonly string[];
  readonly sessionBound: boolean;
  readonly unknownBefore: ReadonlySet<string> = new Set();
  readonly groups: GroupView;
  readonly #reads = new OpenReads();
  readonly #definition: TopViewDefinition;
  readonly #ring: ImageRing;
  readonly #partitionKeys: LaneTable;
  readonly #partitions: Partition[] = [];
  /** Groups placed in their partition so far. */
  #placed = 0;
  readonly #partitionOf: number[] = [];
  readonly #inTop = new Set<number>();

  constructor(definition: TopViewDefinition, groups: GroupView, bounds: FrameBounds) {
    this.name = definition.name;
    this.fingerprint = JSON.stringify([definition, groups.fingerprint]);
    this.key = groups.key;
    this.sessionBound = definition.partitionBy.includes('sessionId');
    this.groups = groups;
    this.#definition = definition;
    this.#ring = new ImageRing(groups.lanes, bounds);
    this.#partitionKeys = new LaneTable(
      Math.max(groups.keys.laneCountOf(definition.partitionBy), 1),
    );
  }

  get frames(): ImageRing['frames'] {
    return this.#ring.frames;
  }

  /** Folds in what the group view has just folded; `remembered` is what its `fold` returned. */
  fold(mark: TickMark, remembered: boolean): void {
    this.#place();
    const { touched, touchedCount } = this.groups;
    const touchedIn = new Map<number, number[]>();
    for (let i = 0; i < touchedCount; i++) {
      const group = touched[i] as number;
      const partition = this.#partitionOf[group] as number;
      const known = touchedIn.get(partition);
      if (known) known.push(group);
      else touchedIn.set(partition, [group]);
    }
    const changed = new Map<number, 'stays' | 'enters' | 'leaves'>();
    for (const [partition, groups] of touchedIn) {
      this.#rank(this.#partitions[partition] as Partition, groups, changed);
    }
    for (const group of changed.keys()) this.#reads.wrote(group);
    if (!remembered) {
      this.frames.restart(mark.lsn, mark.committedAtMs);
    } else if (this.#ring.begin(mark, changed.size)) {
      for (const [group, how] of changed) {
        this.#ring.add(group, how === 'enters' ? null : this.#imageBefore(group));
      }
      this.#ring.end();
    }
  }

  /** Ranks every group anew, after the group view was loaded from a checkpoint. */
  load(lsn: Lsn, stamp: number): void {
    this.#place();
    for (const partition of this.#partitions) this.#rank(partition, partition.groups, new Map());
    this.frames.restart(lsn, stamp);
  }

  /** By partition in the order of its key, best first. */
  *snapshot(where: Filter | null): Work<readonly Row[]> {
    const matches = rowPredicate(where);
    const units = rowUnits(where) + this.groups.rowUnits;
    const rows = new Map<number, Row>();
    let disordered = false;
    const read = this.#reads.open();
    try {
      yield units;
      yield* steadyRead(read, this.#ranked(), {
        take: (group) => {
          if (!this.#inTop.has(group)) return 1;
          const row = this.groups.row(group);
          if (matches(row)) rows.set(group, row);
          return units;
        },
        drop: (group) => {
          disordered = true;
          rows.delete(group);
        },
      });
    } finally {
      read.close();
    }
    if (!disordered) return [...rows.values()];
    return inOrder(this.#ranked(), rows);
  }

  *#ranked(): IterableIterator<number> {
    const { keys } = this.groups;
    const partitions = [...this.#partitions];
    const first = (partition: Partition): number => partition.groups[0] as number;
    partitions.sort((a, b) => keys.compare(first(a), first(b), this.#definition.partitionBy));
    for (const partition of partitions) {
      for (const { group } of this.#topOf(partition)) yield group;
    }
  }

  changes(from: Lsn, to: Lsn, sessionId: string | null): readonly RowChange[] {
    return this.#ring.changes(from, to, sessionId, (group, image) =>
      image === 'now' && !this.#inTop.has(group) ? null : this.groups.row(group, image),
    );
  }

  #place(): void {
    const { keys } = this.groups;
    const ordinal = new Uint32Array(1);
    for (; this.#placed < keys.size; this.#placed++) {
      const lanes = keys.lanesOf(this.#placed, this.#definition.partitionBy);
      this.#partitionKeys.locate(lanes.length > 0 ? lanes : [0], 1, ordinal);
      const partition = ordinal[0] as number;
      this.#partitionOf.push(partition);
      const known = this.#partitions[partition];
      if (known) known.groups.push(this.#placed);
      else this.#partitions.push({ groups: [this.#placed], top: null });
    }
  }

  #rank(
    partition: Partition,
    touched: readonly number[],
    changed: Map<number, 'stays' | 'enters' | 'leaves'>,
  ): void {
    const { limit } = this.#definition;
    if (partition.groups.length <= limit) {
      partition.top = null;
      for (const group of touched) {
        changed.set(group, this.#inTop.has(group) ? 'stays' : 'enters');
        this.#inTop.add(group);
      }
      return;
    }
    const old = partition.top;
    const before =
      old?.map(({ group }) => group) ?? partition.groups.filter((group) => this.#inTop.has(group));
    let top = this.#best(old ? new Set([...before, ...touched]) : partition.groups);
    const oldLast = old?.[limit - 1];
    const newLast = top.at(-1);
    if (oldLast && newLast && this.#compare(newLast, oldLast) > 0) {
      top = this.#best(partition.groups);
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

  #best(candidates: Iterable<number>): Ranked[] {
    const ranked = Array.from(candidates, (group) => ({
      group,
      value: this.groups.value(group, this.#definition.orderBy),
    }));
    ranked.sort((a, b) => this.#compare(a, b));
    return ranked.slice(0, this.#definition.limit);
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
