import type {
  ColumnDefinition,
  GroupViewDefinition,
  TableDefinition,
  WhereInput,
} from '../../model/types.ts';
import { namedColumns } from '../../query/named-columns.ts';
import { parseWhere } from '../../query/parse-where.ts';
import type { StateChanges } from '../../state/change-set.ts';
import type { ColumnBatch, ColumnVector } from '../../vectors/column-vector.ts';
import { pickRows } from '../../vectors/vector-rows.ts';
import { vectorLanes } from './column-lanes.ts';
import type { Lane } from './lane-table.ts';
import type { PooledTexts } from './pooled-texts.ts';
import { type RowCondition, RowConditions } from './row-conditions.ts';
import { markDifferences } from './row-difference.ts';
import type { SourceRows, ViewSource } from './source-rows.ts';

/**
 * The live rows of one state table as group views read them: a tick adds rows as they are now and
 * takes back rows as they were.
 *
 * | change | added | removed |
 * |---|---|---|
 * | inserted | after | |
 * | updated, in a column that a view reads | after | before |
 * | updated in others alone | | |
 * | deleted | | before |
 */
export class StateRows implements ViewSource {
  readonly table: TableDefinition;
  readonly columns: ReadonlyMap<string, ColumnDefinition>;
  readonly added: RowSet;
  readonly removed: RowSet;
  readonly #texts: PooledTexts;
  /** The columns that views read, by place among the table's columns. */
  readonly #used: readonly number[];
  readonly #conditions: RowConditions;
  #differs = new Uint8Array(0);

  constructor(table: TableDefinition, views: readonly GroupViewDefinition[], texts: PooledTexts) {
    this.table = table;
    this.columns = new Map(table.columns.map((column) => [column.name, column]));
    this.#conditions = new RowConditions(this.columns);
    this.#texts = texts;
    const isUsed = (name: string) => views.some((view) => this.#reads(view, name));
    this.#used = table.columns.flatMap(({ name }, place) => (isUsed(name) ? [place] : []));
    this.added = new RowSet(table, texts);
    this.removed = new RowSet(table, texts);
  }

  /** Points at what a tick changed; false when it concerns no view. */
  load(changes: StateChanges): boolean {
    const { kinds, length } = changes;
    const before = changes.before();
    if (this.#differs.length < length) this.#differs = new Uint8Array(length * 2);
    const differs = this.#differs.fill(0, 0, length);
    for (const place of this.#used) {
      markDifferences(
        before.vectors[place] as ColumnVector,
        changes.after.vectors[place] as ColumnVector,
        differs,
      );
    }
    const added = new Uint32Array(length);
    const removed = new Uint32Array(length);
    let addedCount = 0;
    let removedCount = 0;
    for (let row = 0; row < length; row++) {
      const kind = kinds[row];
      if (kind === updated && differs[row] === 0) continue;
      if (kind !== deleted) added[addedCount++] = row;
      if (kind !== inserted) removed[removedCount++] = row;
    }
    this.added.load(changes.after, added.subarray(0, addedCount));
    this.removed.load(before, removed.subarray(0, removedCount));
    return addedCount + removedCount > 0;
  }

  /** Points at rows that are all new to the views, when a start reads them. */
  loadAll(rows: ColumnBatch): void {
    this.added.load(rows, null);
    this.removed.load(none, null);
  }

  dictionary(): PooledTexts {
    return this.#texts;
  }

  condition(where: WhereInput | undefined, path: string): RowCondition | null {
    return this.#conditions.of(where, path);
  }

  #reads({ groupBy, columns }: GroupViewDefinition, name: string): boolean {
    if (groupBy.includes(name)) return true;
    return columns.some(({ name: path, aggregate }) => {
      if (aggregate.op !== 'count' && aggregate.column === name) return true;
      const { where } = aggregate;
      return (
        where !== undefined && namedColumns(parseWhere(this.columns, where, path)).includes(name)
      );
    });
  }
}

/** Some rows of a batch. What views need of a column is picked out and worked out once a tick. */
class RowSet implements SourceRows {
  readonly tick = 0;
  length = 0;
  readonly #places: ReadonlyMap<string, number>;
  readonly #texts: PooledTexts;
  #batch: ColumnBatch = none;
  /** Null: all rows. */
  #rows: Uint32Array | null = null;
  #picked = new Map<string, ColumnVector>();
  #lanes = new Map<string, readonly Lane[]>();
  #masks = new Map<RowCondition, Uint8Array>();

  constructor(table: TableDefinition, texts: PooledTexts) {
    this.#places = new Map(table.columns.map((column, place) => [column.name, place]));
    this.#texts = texts;
  }

  load(batch: ColumnBatch, rows: Uint32Array | null): void {
    this.#batch = batch;
    // As many as there are, in rising order: all of them.
    this.#rows = rows?.length === batch.length ? null : rows;
    this.length = rows?.length ?? batch.length;
    // New maps, not cleared ones, for the reason that `TableSource.load` gives.
    if (this.#picked.size > 0) this.#picked = new Map();
    if (this.#lanes.size > 0) this.#lanes = new Map();
    if (this.#masks.size > 0) this.#masks = new Map();
  }

  column(name: string): ColumnVector {
    const vector = this.#batch.vectors[this.#places.get(name) ?? -1];
    if (!vector) throw new RangeError(`no column "${name}"`);
    const rows = this.#rows;
    if (rows === null) return vector;
    let picked = this.#picked.get(name);
    if (!picked) {
      picked = pickRows([vector], { of: new Uint32Array(rows.length), rows });
      this.#picked.set(name, picked);
    }
    return picked;
  }

  lanes(name: string): readonly Lane[] {
    let lanes = this.#lanes.get(name);
    if (!lanes) {
      lanes = vectorLanes(this.column(name), this.#texts);
      this.#lanes.set(name, lanes);
    }
    return lanes;
  }

  mask(condition: RowCondition | null): Uint8Array | null {
    if (condition === null) return null;
    let mask = this.#masks.get(condition);
    if (!mask) {
      mask = new Uint8Array(this.length);
      condition.mask(this, mask);
      this.#masks.set(condition, mask);
    }
    return mask;
  }
}

const inserted = 1;
const updated = 2;
const deleted = 3;
const none: ColumnBatch = { length: 0, vectors: [] };
