import type { ColumnDefinition, Value } from '../model/types.ts';
import { compareScalars } from '../query/compare-values.ts';
import type { ByteDictionary } from './byte-dictionary.ts';
import type { PartRows } from './checkpoint-part.ts';
import { laneCount, laneNames, scalarOfLanes, valueOfLanes } from './column-lanes.ts';
import { laneRows } from './lane-rows.ts';
import { type Lane, LaneTable } from './lane-table.ts';
import { partColumn } from './part-columns.ts';

interface KeyColumn {
  readonly column: ColumnDefinition;
  readonly firstLane: number;
  readonly dictionary: ByteDictionary;
}

/** The keys of a view's groups, by group number, and their order. */
export class GroupKeys {
  readonly rows: PartRows;
  readonly #table: LaneTable;
  readonly #columns: readonly KeyColumn[];
  /** Groups in key order; those that came since it was last asked for are missing. */
  #order: number[] = [];

  constructor(
    columns: readonly ColumnDefinition[],
    dictionary: (column: string) => ByteDictionary,
  ) {
    let firstLane = 0;
    this.#columns = columns.map((column) => {
      const keyColumn = { column, firstLane, dictionary: dictionary(column.name) };
      firstLane += laneCount(column);
      return keyColumn;
    });
    this.#table = new LaneTable(firstLane);
    this.rows = laneRows(
      this.#table,
      columns.flatMap((column) => laneNames(column).map((name) => partColumn(name, 'u32'))),
    );
  }

  get size(): number {
    return this.#table.size;
  }

  locate(lanes: readonly Lane[], length: number, groups: Uint32Array): void {
    this.#table.locate(lanes, length, groups);
  }

  /** The lanes of some of the key's columns, for a table of their own. */
  lanesOf(group: number, names: readonly string[]): number[] {
    return names.flatMap((name) => {
      const { column, firstLane } = this.#column(name);
      return Array.from({ length: laneCount(column) }, (_, i) =>
        this.#table.lane(group, firstLane + i),
      );
    });
  }

  laneCountOf(names: readonly string[]): number {
    return names.reduce((sum, name) => sum + laneCount(this.#column(name).column), 0);
  }

  value(group: number, name: string): Value {
    return this.#valueOf(group, this.#column(name));
  }

  write(group: number, row: Record<string, Value>): void {
    for (const column of this.#columns) row[column.column.name] = this.#valueOf(group, column);
  }

  /**
   * Key order: column by column, ascending, enums in the order of their values, nulls last. With
   * names: by those columns alone.
   */
  compare(a: number, b: number, names: readonly string[] | null = null): number {
    for (const column of names?.map((name) => this.#column(name)) ?? this.#columns) {
      const order = this.#compareColumn(a, b, column);
      if (order !== 0) return order;
    }
    return 0;
  }

  /** Groups in key order. The list stays as it is when groups come. */
  ordered(): readonly number[] {
    const known = this.#order.length;
    if (known < this.size) {
      const fresh = Array.from({ length: this.size - known }, (_, i) => known + i);
      fresh.sort((a, b) => this.compare(a, b));
      this.#order = this.#merge(this.#order, fresh);
    }
    return this.#order;
  }

  /** Whether a group is of the session; of any, for null. */
  ofSession(sessionId: string | null): (group: number) => boolean {
    if (sessionId === null) return () => true;
    const { dictionary, firstLane } = this.#column('sessionId');
    let id = dictionary.find(sessionId);
    let known = dictionary.size;
    return (group) => {
      if (id === -1 && known < dictionary.size) {
        id = dictionary.find(sessionId);
        known = dictionary.size;
      }
      return this.#table.lane(group, firstLane) === id;
    };
  }

  #merge(a: readonly number[], b: readonly number[]): number[] {
    const merged: number[] = [];
    let j = 0;
    for (const group of a) {
      while (j < b.length && this.compare(b[j] as number, group) < 0) merged.push(b[j++] as number);
      merged.push(group);
    }
    while (j < b.length) merged.push(b[j++] as number);
    return merged;
  }

  #compareColumn(a: number, b: number, { column, firstLane, dictionary }: KeyColumn): number {
    let at = firstLane;
    if (column.optional) {
      const present = this.#table.lane(a, at);
      const order = this.#table.lane(b, at) - present;
      if (order !== 0 || present === 0) return order;
      at += 1;
    }
    const left = this.#table.lane(a, at);
    const right = this.#table.lane(b, at);
    switch (column.kind) {
      case 'bool':
      case 'enum':
      case 'u8':
      case 'u16':
      case 'u32':
        return left - right;
      case 'i8':
      case 'i16':
      case 'i32':
        return (left | 0) - (right | 0);
      case 'string':
        return left === right ? 0 : compareScalars(dictionary.text(left), dictionary.text(right));
      default:
        return compareScalars(
          scalarOfLanes(column, (lane) => this.#table.lane(a, at + lane), dictionary),
          scalarOfLanes(column, (lane) => this.#table.lane(b, at + lane), dictionary),
        );
    }
  }

  #valueOf(group: number, key: KeyColumn): Value {
    return valueOfLanes(
      key.column,
      (lane) => this.#table.lane(group, key.firstLane + lane),
      key.dictionary,
    );
  }

  #column(name: string): KeyColumn {
    const column = this.#columns.find((candidate) => candidate.column.name === name);
    if (!column) throw new RangeError(`the key has no column "${name}"`);
    return column;
  }
}
