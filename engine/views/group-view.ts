import { OpenReads, steadyRead } from '../govern/open-reads.ts';
import type { Work } from '../govern/work.ts';
import { viewColumns } from '../manifest/view-columns.ts';
import type { Catalog } from '../model/catalog.ts';
import type { Lsn } from '../model/position.ts';
import type { ColumnDefinition, GroupViewDefinition, Row, Value } from '../model/types.ts';
import { rowUnits } from '../query/condition-units.ts';
import type { Filter } from '../query/filter.ts';
import { rowPredicate } from '../query/row-predicate.ts';
import { type Aggregate, createAggregate } from './aggregate.ts';
import type { CheckpointPart } from './checkpoint-part.ts';
import { ChunkMarks } from './chunk-marks.ts';
import type { FeedSource, RowChange, TickMark } from './feed-source.ts';
import type { FrameBounds } from './frame-log.ts';
import { GroupKeys } from './group-keys.ts';
import { GroupRows, type NamedLane } from './group-rows.ts';
import { ImageRing, type RowImage } from './image-ring.ts';
import type { Lane } from './lane-table.ts';
import { sessionOf } from './pinned-session.ts';
import type { RowCondition, TableSource } from './table-source.ts';
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
 * group of every row first, then each aggregate over all rows. Groups never leave.
 */
export class GroupView implements FeedSource {
  readonly name: string;
  readonly fingerprint: string;
  readonly key: readonly string[];
  readonly sessionBound: boolean;
  readonly unknownBefore: ReadonlySet<string> = new Set();
  readonly keys: GroupKeys;
  readonly ring: ImageRing;
  /** Of all aggregates, in order; indexed by group. */
  readonly lanes: readonly ValueLane[];
  /** The groups that the newest tick touched: `touched[0…touchedCount)`. */
  touched = new Uint32Array(16);
  touchedCount = 0;
  readonly source: TableSource;
  readonly reads = new OpenReads();
  readonly #window: number | null;
  readonly #columns: readonly Column[];
  readonly #rows: GroupRows;
  readonly #marks: ChunkMarks;
  #capacity = 0;
  #groups = new Uint32Array(0);
  /** By group, the last tick that touched it. */
  #stamps = new Uint32Array(0);
  #serial = 0;

  constructor(
    catalog: Catalog,
    definition: GroupViewDefinition,
    source: TableSource,
    bounds: FrameBounds,
    chunkRowBits: number,
  ) {
    const { key, values } = viewColumns(catalog.manifest, definition);
    this.name = definition.name;
    this.fingerprint = JSON.stringify([definition, key, values]);
    this.key = key.map((column) => column.name);
    this.sessionBound = this.key.includes('sessionId');
    this.source = source;
    this.#window = definition.tickWindow;
    this.keys = new GroupKeys(key, (name) => source.dictionary(name));
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
    this.ring = new ImageRing(this.lanes, bounds);
    this.#marks = new ChunkMarks(chunkRowBits);
    this.#rows = new GroupRows(this.keys.rows, namedLanes(this.#columns), this.#marks);
  }

  get frames(): ImageRing['frames'] {
    return this.ring.frames;
  }

  /** What making a row costs, in units of about a comparison. */
  get rowUnits(): number {
    return valueUnits * (this.key.length + this.#columns.length);
  }

  get size(): number {
    return this.keys.size;
  }

  /** Folds in what the source holds. False: the tick was larger than the ring, which forgot. */
  fold(mark: TickMark): boolean {
    const { source } = this;
    const { length } = source;
    if (this.#groups.length < length) this.#groups = new Uint32Array(length * 2);
    const known = this.keys.size;
    this.keys.locate(this.#keyLanes(), length, this.#groups);
    this.#reserve();
    this.#findTouched(length);
    this.#marks.touch(this.touched, this.touchedCount, mark.lsn);
    const remembered = this.ring.begin(mark, this.touchedCount);
    if (remembered) {
      for (let i = 0; i < this.touchedCount; i++) {
        const group = this.touched[i] as number;
        this.ring.add(group, group < known ? { lanes: this.lanes, index: group } : null);
      }
      this.ring.end();
    }
    for (let i = 0; i < this.touchedCount; i++) this.reads.wrote(this.touched[i] as number);
    for (const { aggregate, condition } of this.#columns) {
      aggregate.fold(source, this.#groups, source.mask(condition));
    }
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

  /** One column of a group's row now. */
  value(group: number, name: string): Value {
    const column = this.#columns.find((candidate) => candidate.name === name);
    return column
      ? column.aggregate.value(this.lanes, column.firstLane, group)
      : this.keys.value(group, name);
  }

  /** In key order. */
  *snapshot(where: Filter | null): Work<readonly Row[]> {
    const matches = rowPredicate(where);
    const units = rowUnits(where) + this.rowUnits;
    const isOfSession = this.keys.ofSession(this.sessionBound ? sessionOf(where) : null);
    const rows = new Map<number, Row>();
    let disordered = false;
    const read = this.reads.open();
    try {
      yield units;
      yield* steadyRead(read, this.keys.ordered(), {
        take: (group) => {
          if (!isOfSession(group)) return 1;
          const row = this.row(group);
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
    return inOrder(this.keys.ordered(), rows);
  }

  changes(from: Lsn, to: Lsn, sessionId: string | null): readonly RowChange[] {
    return this.ring.changes(from, to, sessionId, (group, image) => this.row(group, image));
  }

  /** Everything it holds but the ring, for a checkpoint: its groups, then its aggregates' memory. */
  parts(): CheckpointPart[] {
    const memories = this.#columns.flatMap(({ name, aggregate }) =>
      aggregate.memory ? [{ name: `distinct-${this.name}-${name}`, rows: aggregate.memory }] : [],
    );
    return [{ name: `groups-${this.name}`, rows: this.#rows }, ...memories];
  }

  /** Once its parts are loaded; the feed's memory begins at `lsn`. */
  begin(lsn: Lsn, stamp: number): void {
    this.#reserve();
    this.ring.frames.restart(lsn, stamp);
  }

  #keyLanes(): readonly Lane[] {
    const { source } = this;
    const lanes: Lane[] = [];
    const columns = this.#window === null ? this.key.length : this.key.length - 1;
    for (let i = 0; i < columns; i++) {
      for (const lane of source.lanes(this.key[i] as string)) lanes.push(lane);
    }
    if (this.#window !== null) lanes.push(source.tick - (source.tick % this.#window));
    return lanes;
  }

  #reserve(): void {
    if (this.keys.size <= this.#capacity) return;
    this.#capacity = Math.max(this.keys.size, this.#capacity * 2, 16);
    for (const lane of this.lanes) lane.grow(this.#capacity);
    const stamps = new Uint32Array(this.#capacity);
    stamps.set(this.#stamps);
    this.#stamps = stamps;
  }

  #findTouched(length: number): void {
    this.#serial = (this.#serial + 1) >>> 0 || 1;
    const serial = this.#serial;
    const stamps = this.#stamps;
    const groups = this.#groups;
    let count = 0;
    for (let row = 0; row < length; row++) {
      const group = groups[row] as number;
      if (stamps[group] === serial) continue;
      stamps[group] = serial;
      if (count === this.touched.length) {
        const touched = new Uint32Array(count * 2);
        touched.set(this.touched);
        this.touched = touched;
      }
      this.touched[count] = group;
      count += 1;
    }
    this.touchedCount = count;
  }
}

const valueUnits = 8;

/** The rows there are, in the order of their numbers. */
export function inOrder(order: Iterable<number>, rows: ReadonlyMap<number, Row>): Row[] {
  const ordered: Row[] = [];
  for (const number of order) {
    const row = rows.get(number);
    if (row) ordered.push(row);
  }
  return ordered;
}

function namedLanes(columns: readonly Column[]): NamedLane[] {
  return columns.flatMap(({ name, aggregate: { lanes, laneNames } }) =>
    lanes.map((lane, i) => ({ name: laneNames ? `${name}.${laneNames[i]}` : name, lane })),
  );
}
