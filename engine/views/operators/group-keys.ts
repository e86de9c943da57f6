import { kindOf } from '../../model/kinds.ts';
import { plainColumn } from '../../model/plain-column.ts';
import type { ColumnDefinition, Value } from '../../model/types.ts';
import { compareScalars } from '../../query/compare-values.ts';
import type { PartRows } from '../checkpoint/checkpoint-part.ts';
import { laneRows } from '../checkpoint/lane-rows.ts';
import { laneCount, laneNames, scalarOfLanes, valueOfLanes } from '../sources/column-lanes.ts';
import { type Lane, LaneTable } from '../sources/lane-table.ts';
import type { TextNumbers } from '../sources/text-numbers.ts';
import { GroupOrder } from './group-order.ts';

interface KeyColumn {
  readonly column: ColumnDefinition;
  readonly firstLane: number;
  readonly dictionary: TextNumbers;
}

/**
 * The keys of a view's groups, by group number, and their order. In a view whose groups can leave
 * (`leaves`), a group is there from `came` to `went`, and its key and number are held until `free`.
 */
export class GroupKeys {
  readonly rows: PartRows;
  readonly #table: LaneTable;
  readonly #columns: readonly KeyColumn[];
  /** The text columns of the key, and where their numbers lie. */
  readonly #texts: readonly { readonly dictionary: TextNumbers; readonly textLane: number }[];
  readonly #order = new GroupOrder((a, b) => this.compare(a, b));
  /** Groups whose key is new; null where groups only come. */
  readonly #fresh: number[] | null;

  constructor(
    columns: readonly ColumnDefinition[],
    dictionary: (column: string) => TextNumbers,
    leaves: boolean,
  ) {
    let firstLane = 0;
    this.#columns = columns.map((column) => {
      const keyColumn = { column, firstLane, dictionary: dictionary(column.name) };
      firstLane += laneCount(column);
      return keyColumn;
    });
    this.#texts = this.#columns
      .filter(({ column }) => kindOf(column).layout === 'binary')
      .map(({ column, dictionary, firstLane }) => ({
        dictionary,
        textLane: firstLane + Number(column.optional),
      }));
    this.#fresh = leaves ? [] : null;
    this.#table = new LaneTable(firstLane, this.#fresh);
    this.rows = laneRows(
      this.#table,
      columns.flatMap((column) => laneNames(column).map((name) => plainColumn(name, 'u32'))),
    );
  }

  /** Groups are numbered below it. */
  get size(): number {
    return this.#table.size;
  }

  get memoryBytes(): number {
    return this.#table.memoryBytes;
  }

  locate(lanes: readonly Lane[], length: number, groups: Uint32Array): void {
    this.#table.locate(lanes, length, groups);
    if (this.#fresh === null) return;
    for (const group of this.#fresh) {
      for (const { dictionary, textLane } of this.#texts) {
        dictionary.retain(this.#table.lane(group, textLane));
      }
    }
    this.#fresh.length = 0;
  }

  came(group: number): void {
    this.#order.came(group);
  }

  went(group: number): void {
    this.#order.went(group);
  }

  /** Forgets the key of a group that went; its number goes to another one. */
  free(group: number): void {
    for (const { dictionary, textLane } of this.#texts) {
      dictionary.release(this.#table.lane(group, textLane));
    }
    this.#table.remove(group);
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

  /** Groups in key order. The list stays as it is when groups come and go. */
  ordered(): readonly number[] {
    return this.#order.inOrder(this.#fresh === null ? this.size : 0);
  }

  /** Whether a group is of the session; of any, for null. Holds while groups come and go. */
  ofSession(sessionId: string | null): (group: number) => boolean {
    if (sessionId === null) return () => true;
    const { dictionary, firstLane } = this.#column('sessionId');
    if (this.#fresh !== null) {
      // The number of the session's text may become another text's.
      const bytes = Buffer.from(sessionId, 'utf8');
      return (group) => bytes.equals(dictionary.bytes(this.#table.lane(group, firstLane)));
    }
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
    const { word, layout } = kindOf(column);
    if (layout === 'binary') return dictionary.compare(left, right);
    switch (word) {
      case 'bool':
      case 'enum':
      case 'u32':
        return left - right;
      case 'i32':
        return (left | 0) - (right | 0);
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
