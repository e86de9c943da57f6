import { OpenReads } from '../../govern/open-reads.ts';
import type { Work } from '../../govern/work.ts';
import { viewColumns } from '../../manifest/view-columns.ts';
import type { Catalog } from '../../model/catalog.ts';
import type { Lsn } from '../../model/position.ts';
import type { ColumnDefinition, GroupViewDefinition, Row, Value } from '../../model/types.ts';
import type { Condition } from '../../query/condition.ts';
import { rowUnits } from '../../query/condition-units.ts';
import { sessionOf } from '../../query/fixed-values.ts';
import { rowPredicate } from '../../query/row-predicate.ts';
import { grown } from '../../vectors/growing-array.ts';
import type { CheckpointPart } from '../checkpoint/checkpoint-part.ts';
import { ChunkMarks } from '../checkpoint/chunk-marks.ts';
import { GroupRows, type NamedLane } from '../checkpoint/group-rows.ts';
import type { FeedSource, RowChange, TickMark } from '../feeds/feed-source.ts';
import { ImageRing, type RowImage } from '../feeds/image-ring.ts';
import type { TickRingBounds } from '../feeds/tick-ring.ts';
import type { Lane } from '../sources/lane-table.ts';
import type { RowCondition } from '../sources/row-conditions.ts';
import type { Sign, SourceRows, ViewSource } from '../sources/source-rows.ts';
import { type Aggregate, createAggregate } from './aggregate.ts';
import { GroupKeys } from './group-keys.ts';
import { groupSnapshot } from './group-snapshot.ts';
import { LeavingGroups } from './leaving-groups.ts';
import type { ValueLane } from './value-lane.ts';

interface Column {
  readonly name: string;
  readonly aggregate: Aggregate;
  readonly condition: RowCondition | null;
  /** Where its lanes begin among those of all aggregates. */
  readonly firstLane: number;
}

/**
 * A group-by that follows its table: groups are numbered as they appear, their keys lie in a hash
 * table, their aggregates in columns indexed by group. A tick is folded in column by column: the
 * group of every row first, then each aggregate over all rows.
 *
 * Where the source takes rows back, a group without rows is gone: nobody is shown it. Its key and
 * its number stay for as long as a ring remembers how it was, and are then free:
 *
 * ```
 *            first row          last row taken back        no ring remembers it
 *   free ───────────────▶ there ───────────────────▶ gone ─────────────────────▶ free
 *                           ▲        a row again      │
 *                           └─────────────────────────┘
 * ```
 */
export class GroupView implements FeedSource {
  readonly name: string;
  readonly fingerprint: string;
  readonly key: readonly string[];
  readonly isTable = false;
  readonly sessionBound: boolean;
  readonly unknownBefore: ReadonlySet<string> = new Set();
  readonly readable: ReadonlySet<string>;
  readonly keys: GroupKeys;
  readonly ring: ImageRing;
  /** The lanes of all aggregates, in order; indexed by group. */
  readonly lanes: readonly ValueLane[];
  /** The groups that the newest tick touched: `touched[0…touchedCount)`. */
  touched = new Uint32Array(16);
  touchedCount = 0;
  readonly source: ViewSource;
  readonly reads = new OpenReads();
  readonly #window: number | null;
  readonly #columns: readonly Column[];
  readonly #rows: GroupRows;
  readonly #marks: ChunkMarks;
  #capacity = 0;
  #groups = new Uint32Array(0);
  /** What aggregates hold of groups beside what they show. */
  readonly #beside: readonly ValueLane[];
  /** Null: groups only come. */
  readonly #leaving: LeavingGroups | null;
  #removedGroups = new Uint32Array(0);
  /** What the lanes held before the tick, by place among the touched groups; where groups leave. */
  readonly #before: readonly ValueLane[];
  /** The last tick that touched each group. */
  #stamps = new Uint32Array(0);
  #serial = 0;

  constructor(
    catalog: Catalog,
    definition: GroupViewDefinition,
    source: ViewSource,
    bounds: TickRingBounds,
    chunkRowBits: number,
  ) {
    const { key, values } = viewColumns(catalog.manifest, definition);
    this.name = definition.name;
    this.fingerprint = JSON.stringify([definition, key, values]);
    this.key = key.map((column) => column.name);
    this.readable = new Set([...key, ...values].map((column) => column.name));
    this.sessionBound = this.key.includes('sessionId');
    this.source = source;
    this.#window = definition.tickWindow;
    this.#leaving = source.removed === null ? null : new LeavingGroups();
    const leaves = this.#leaving !== null;
    this.keys = new GroupKeys(key, (name) => source.dictionary(name), leaves);
    let firstLane = 0;
    this.#columns = definition.columns.map(({ name, aggregate: wanted }, index) => {
      const aggregate = createAggregate(wanted, values[index] as ColumnDefinition, source);
      const path = `views.${definition.name}.columns.${name}.where`;
      const column = {
        name,
        aggregate,
        condition: source.condition(wanted.where, path),
        firstLane,
      };
      firstLane += aggregate.lanes.length;
      return column;
    });
    this.lanes = this.#columns.flatMap((column) => column.aggregate.lanes);
    this.#beside = this.#columns.flatMap(({ aggregate }) => aggregate.beside ?? []);
    this.ring = this.newRing(bounds);
    this.#before = this.lanes.map((lane) => lane.emptyCopy());
    this.#marks = new ChunkMarks(chunkRowBits);
    this.#rows = new GroupRows(this.keys.rows, namedLanes(this.#columns), this.#marks);
  }

  get ticks(): ImageRing['ticks'] {
    return this.ring.ticks;
  }

  /** What making a row costs, in units of about a comparison. */
  get rowUnits(): number {
    return valueUnits * (this.key.length + this.#columns.length);
  }

  get memoryBytes(): number {
    let bytes = this.keys.memoryBytes + this.#stamps.byteLength;
    for (const lane of this.lanes) bytes += lane.memoryBytes;
    for (const lane of this.#beside) bytes += lane.memoryBytes;
    for (const { aggregate } of this.#columns) bytes += aggregate.memoryBytes ?? 0;
    return bytes + (this.#leaving?.memoryBytes ?? 0);
  }

  /** Whether the group has rows. */
  isThere(group: number): boolean {
    return this.#leaving === null || this.#leaving.rowsOf(group) > 0;
  }

  /** A ring of this view's groups, for the view itself and for those that draw from it. */
  newRing(bounds: TickRingBounds): ImageRing {
    const leaving = this.#leaving;
    if (leaving === null) return new ImageRing(this.lanes, bounds);
    const ring = new ImageRing(this.lanes, bounds, (group) => leaving.mayBeFree(group));
    leaving.rings.push(ring);
    return ring;
  }

  /** Folds in what the source holds. False: the tick was larger than the ring, which forgot. */
  fold(mark: TickMark): boolean {
    const { added, removed } = this.source;
    return this.#leaving === null || removed === null
      ? this.#foldAdded(added, mark)
      : this.#foldBoth(added, removed, this.#leaving, mark);
  }

  #foldAdded(added: SourceRows, mark: TickMark): boolean {
    const known = this.keys.size;
    this.#groups = this.#locate(added, this.#groups);
    this.#reserve();
    this.#beginTouched();
    this.#touch(this.#groups, added.length);
    this.#marks.touch(this.touched, this.touchedCount, mark.lsn);
    const remembered = this.ring.begin(mark, this.touchedCount);
    if (remembered) {
      for (let i = 0; i < this.touchedCount; i++) {
        const group = this.touched[i] as number;
        this.ring.add(group, group < known ? { lanes: this.lanes, index: group } : null);
      }
      this.ring.end();
    }
    this.#aggregate(added, this.#groups, 1);
    this.#tellReads();
    return remembered;
  }

  /** What rows add before what rows take back, so that a group that keeps a row never goes. */
  #foldBoth(
    added: SourceRows,
    removed: SourceRows,
    leaving: LeavingGroups,
    mark: TickMark,
  ): boolean {
    leaving.freeLeft((group) => this.keys.free(group));
    this.#groups = this.#locate(added, this.#groups);
    this.#removedGroups = this.#locate(removed, this.#removedGroups);
    this.#reserve();
    this.#beginTouched();
    this.#touch(this.#groups, added.length);
    this.#touch(this.#removedGroups, removed.length);
    this.#keepBefore(leaving);
    this.#aggregate(added, this.#groups, 1);
    this.#aggregate(removed, this.#removedGroups, -1);
    leaving.count(this.#groups, added.length, 1);
    leaving.count(this.#removedGroups, removed.length, -1);
    this.#keepChanged(leaving);
    const remembered = this.ring.begin(mark, this.touchedCount);
    for (let i = 0; i < this.touchedCount; i++) {
      const group = this.touched[i] as number;
      const wasThere = leaving.wasThere(i);
      const isThere = leaving.rowsOf(group) > 0;
      if (remembered) this.ring.add(group, wasThere ? { lanes: this.#before, index: i } : null);
      if (isThere && !wasThere) this.keys.came(group);
      if (wasThere && !isThere) {
        this.keys.went(group);
        leaving.mayBeFree(group);
      }
    }
    if (remembered) this.ring.end();
    this.#tellReads();
    return remembered;
  }

  row(group: number, image: RowImage | 'now' = 'now'): Row {
    const row: Record<string, Value> = {};
    this.keys.write(group, row);
    const lanes = image === 'now' ? this.lanes : image.lanes;
    const index = image === 'now' ? group : image.index;
    for (const { name, aggregate, firstLane } of this.#columns) {
      row[name] = aggregate.value(lanes, firstLane, index);
    }
    return row;
  }

  /** One column of a group's row. */
  value(group: number, name: string, image: RowImage | 'now' = 'now'): Value {
    const column = this.#columns.find((candidate) => candidate.name === name);
    if (!column) return this.keys.value(group, name);
    const { lanes, index } = image === 'now' ? { lanes: this.lanes, index: group } : image;
    return column.aggregate.value(lanes, column.firstLane, index);
  }

  /** The rows in key order. */
  *snapshot(where: Condition | null): Work<readonly Row[]> {
    const isOfSession = this.keys.ofSession(this.sessionBound ? sessionOf(where) : null);
    return yield* groupSnapshot({
      reads: this.reads,
      ordered: () => this.keys.ordered(),
      isThere: (group) => this.isThere(group) && isOfSession(group),
      row: (group) => this.row(group),
      matches: rowPredicate(where),
      rowUnits: rowUnits(where) + this.rowUnits,
    });
  }

  changedValues(tick: Lsn, column: string): Iterable<Value> {
    return this.ring.changedValues(tick, (group, image) =>
      image === 'now' && !this.isThere(group) ? null : this.value(group, column, image),
    );
  }

  changes(from: Lsn, to: Lsn, sessionId: string | null): Work<readonly RowChange[] | null> {
    const row = (group: number, image: RowImage | 'now') =>
      image === 'now' && !this.isThere(group) ? null : this.row(group, image);
    return this.ring.changes(from, to, sessionId, row, this.rowUnits);
  }

  /** Everything it holds but the ring, for a checkpoint: its groups, then its aggregates' memory. */
  parts(): CheckpointPart[] {
    const memories = this.#columns.flatMap(({ name, aggregate }) =>
      aggregate.memory ? [{ name: `distinct-${this.name}-${name}`, rows: aggregate.memory }] : [],
    );
    return [{ name: `groups-${this.name}`, rows: this.#rows }, ...memories];
  }

  /** Folds in rows that were there before the feed's memory begins: when a start reads them. */
  load(): void {
    const { added } = this.source;
    this.#groups = this.#locate(added, this.#groups);
    this.#reserve();
    this.#beginTouched();
    this.#touch(this.#groups, added.length);
    this.#aggregate(added, this.#groups, 1);
    for (let i = 0; i < this.touchedCount; i++) {
      const group = this.touched[i] as number;
      if (this.#leaving?.rowsOf(group) === 0) this.keys.came(group);
    }
    this.#leaving?.count(this.#groups, added.length, 1);
  }

  /** Once its parts or its rows are loaded; the feed's memory begins at `lsn`. */
  begin(lsn: Lsn, stamp: number): void {
    this.#reserve();
    this.ring.ticks.restart(lsn, stamp);
  }

  /** The group of each row, in `groups` or a larger array. */
  #locate(rows: SourceRows, groups: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
    const found = groups.length < rows.length ? new Uint32Array(rows.length * 2) : groups;
    this.keys.locate(this.#keyLanes(rows), rows.length, found);
    return found;
  }

  #keyLanes(rows: SourceRows): readonly Lane[] {
    const lanes: Lane[] = [];
    const columns = this.#window === null ? this.key.length : this.key.length - 1;
    for (let i = 0; i < columns; i++) {
      for (const lane of rows.lanes(this.key[i] as string)) lanes.push(lane);
    }
    if (this.#window !== null) lanes.push(rows.tick - (rows.tick % this.#window));
    return lanes;
  }

  #aggregate(rows: SourceRows, groups: Uint32Array, sign: Sign): void {
    if (rows.length === 0) return;
    for (const { aggregate, condition } of this.#columns) {
      aggregate.fold(rows, groups, rows.mask(condition), sign);
    }
  }

  #tellReads(): void {
    for (let i = 0; i < this.touchedCount; i++) this.reads.wrote(this.touched[i] as number);
  }

  #reserve(): void {
    if (this.keys.size <= this.#capacity) return;
    this.#capacity = Math.max(this.keys.size, this.#capacity * 2, 16);
    for (const lane of this.lanes) lane.grow(this.#capacity);
    for (const lane of this.#beside) lane.grow(this.#capacity);
    this.#leaving?.grow(this.#capacity);
    this.#stamps = grown(this.#stamps, this.#capacity);
  }

  #beginTouched(): void {
    this.#serial = (this.#serial + 1) >>> 0 || 1;
    this.touchedCount = 0;
  }

  #touch(groups: Uint32Array, length: number): void {
    const serial = this.#serial;
    const stamps = this.#stamps;
    let count = this.touchedCount;
    for (let row = 0; row < length; row++) {
      const group = groups[row] as number;
      if (stamps[group] === serial) continue;
      stamps[group] = serial;
      if (count === this.touched.length) {
        this.touched = grown(this.touched);
      }
      this.touched[count] = group;
      count += 1;
    }
    this.touchedCount = count;
  }

  #keepBefore(leaving: LeavingGroups): void {
    const { touched, touchedCount } = this;
    leaving.keepThere(touched, touchedCount);
    this.lanes.forEach((lane, index) => {
      const before = this.#before[index] as ValueLane;
      before.grow(touchedCount);
      for (let i = 0; i < touchedCount; i++) before.copyFrom(lane, touched[i] as number, i);
    });
  }

  /** Leaves among the touched groups those that are not as they were. */
  #keepChanged(leaving: LeavingGroups): void {
    const { touched, touchedCount } = this;
    let kept = 0;
    for (let i = 0; i < touchedCount; i++) {
      const group = touched[i] as number;
      const wasThere = leaving.wasThere(i);
      const isThere = leaving.rowsOf(group) > 0;
      const isSame =
        wasThere === isThere &&
        this.lanes.every((lane, index) =>
          lane.isSameAs(this.#before[index] as ValueLane, i, group),
        );
      // A group that came and went within the tick is the same as well: nobody has seen it.
      if (isSame) {
        if (!isThere) leaving.mayBeFree(group);
        continue;
      }
      if (kept !== i) {
        touched[kept] = group;
        leaving.moveThere(i, kept);
        for (const before of this.#before) before.copyFrom(before, i, kept);
      }
      kept += 1;
    }
    this.touchedCount = kept;
  }
}

const valueUnits = 8;

function namedLanes(columns: readonly Column[]): NamedLane[] {
  return columns.flatMap(({ name, aggregate: { lanes, laneNames } }) =>
    lanes.map((lane, i) => ({ name: laneNames ? `${name}.${laneNames[i]}` : name, lane })),
  );
}
