import type { Catalog } from '../../model/catalog.ts';
import { wholeName } from '../../model/kinds.ts';
import { formatPosition } from '../../model/position.ts';
import type { ColumnDefinition, Scalar, TableDefinition, WhereInput } from '../../model/types.ts';
import type { ChangeSet } from '../../state/change-set.ts';
import type { ColumnBatch, ColumnVector, FixedValues } from '../../vectors/column-vector.ts';
import { partVectors } from '../../vectors/part-vector.ts';
import { ByteDictionary } from './byte-dictionary.ts';
import { valueLanes, vectorLanes } from './column-lanes.ts';
import type { Lane } from './lane-table.ts';
import { type RowCondition, RowConditions } from './row-conditions.ts';
import type { SourceRows, ViewSource } from './source-rows.ts';

/** A column of the rows a tick appended: a vector, or one value that all of them share. */
export type SourceColumn =
  | { readonly layout: 'constant'; readonly column: ColumnDefinition; readonly value: Scalar }
  | ColumnVector;

/** Which of the rows at hand meet a condition, and of which tick these are. */
interface HeldMask {
  rows: Uint8Array;
  serial: number;
}

/**
 * The rows that one tick appended to one event or action table, as columns by name, system columns
 * included. All views of the table read the same source, so that what two of them need (the lanes
 * of a key column, the mask of a condition) is worked out once a tick.
 */
export class TableSource implements ViewSource, SourceRows {
  readonly added = this;
  /** Rows of actions and events stay for good. */
  readonly removed = null;
  readonly table: TableDefinition;
  readonly columns: ReadonlyMap<string, ColumnDefinition>;
  length = 0;
  #serial = 0;
  #changes: ChangeSet | null = null;
  #verdicts: Uint8Array | null = null;
  #seq: Uint32Array | null = null;
  #batch: ColumnBatch = { length: 0, vectors: [] };
  readonly #batchIndex: ReadonlyMap<string, number>;
  #derived = new Map<string, SourceColumn>();
  #lanes = new Map<string, readonly Lane[]>();
  readonly #dictionaries = new Map<string, ByteDictionary>();
  readonly #conditions: RowConditions;
  readonly #masks = new Map<RowCondition, HeldMask>();

  constructor(catalog: Catalog, table: TableDefinition) {
    this.table = table;
    this.columns = catalog.columnsOf(table);
    this.#conditions = new RowConditions(this.columns);
    const names = table.columns.map((column) => column.name);
    if (table.kind === 'action') names.unshift('actionId');
    this.#batchIndex = new Map(names.map((name, index) => [name, index]));
  }

  /** Points the source at a change set; false when it appended no row to the table. */
  load(changes: ChangeSet): boolean {
    this.#serial += 1;
    // New maps, not cleared ones: V8 links a cleared map's table to the one after it, and a table
    // that has grown old would keep every tick since alive until the next full collection.
    if (this.#lanes.size > 0) this.#lanes = new Map();
    if (this.#derived.size > 0) this.#derived = new Map();
    this.#changes = changes;
    if (this.table.kind === 'action') {
      this.#batch = changes.actions?.rows ?? none;
      this.#verdicts = changes.actions?.verdicts ?? null;
    } else {
      const events = changes.events.find((entry) => entry.table.name === this.table.name);
      this.#batch = events?.rows ?? none;
      this.#seq = events?.seq ?? null;
    }
    this.length = this.#batch.length;
    return this.length > 0;
  }

  /** The tick of the rows; rows outside tick order count as of tick 0. */
  get tick(): number {
    return this.#changes?.tick ?? 0;
  }

  column(name: string): SourceColumn {
    const index = this.#batchIndex.get(name);
    if (index !== undefined) return this.#batch.vectors[index] as ColumnVector;
    let column = this.#derived.get(name);
    if (!column) {
      column = this.#partOf(name) ?? this.#systemColumn(name);
      this.#derived.set(name, column);
    }
    return column;
  }

  lanes(name: string): readonly Lane[] {
    let lanes = this.#lanes.get(name);
    if (!lanes) {
      const column = this.column(name);
      lanes =
        column.layout === 'constant'
          ? valueLanes(column.column, column.value, this.dictionary(name))
          : vectorLanes(column, this.dictionary(name));
      this.#lanes.set(name, lanes);
    }
    return lanes;
  }

  /** The texts behind the lanes of a column; shared by all views of the table. */
  dictionary(name: string): ByteDictionary {
    let dictionary = this.#dictionaries.get(name);
    if (!dictionary) {
      dictionary = new ByteDictionary();
      this.#dictionaries.set(name, dictionary);
    }
    return dictionary;
  }

  condition(where: WhereInput | undefined, path: string): RowCondition | null {
    return this.#conditions.of(where, path);
  }

  /** 1 for each row that meets the condition; null when there is none to meet. */
  mask(condition: RowCondition | null): Uint8Array | null {
    if (condition === null) return null;
    let held = this.#masks.get(condition);
    if (!held) {
      held = { rows: new Uint8Array(0), serial: 0 };
      this.#masks.set(condition, held);
    }
    if (held.serial !== this.#serial) {
      if (held.rows.length < this.length) held.rows = new Uint8Array(this.length * 2);
      condition.mask(this, held.rows);
      held.serial = this.#serial;
    }
    return held.rows;
  }

  /** The bytes that the texts of the source's columns take. */
  get memoryBytes(): number {
    let bytes = 0;
    for (const dictionary of this.#dictionaries.values()) bytes += dictionary.memoryBytes;
    return bytes;
  }

  #partOf(name: string): ColumnVector | undefined {
    const whole = wholeName(name);
    const vector = whole === null ? null : this.column(whole);
    if (vector?.layout !== 'strided') return undefined;
    return partVectors(vector).find((part) => part.column.name === name);
  }

  #systemColumn(name: string): SourceColumn {
    const column = this.columns.get(name);
    const changes = this.#changes;
    if (!column || !changes) throw new RangeError(`no column "${name}" in "${this.table.name}"`);
    switch (name) {
      case 'sessionId':
        return { layout: 'constant', column, value: changes.sessionId };
      case 'tick':
        return { layout: 'constant', column, value: this.tick };
      case 'position':
        return { layout: 'constant', column, value: formatPosition(changes.lsn) };
      case 'committedAt':
        return { layout: 'constant', column, value: changes.committedAtMs };
      case 'seq':
        return fixed(column, this.length, this.#seq ?? rising(this.length));
      case 'accepted':
        return { layout: 'bool', column, length: this.length, validity: null, bits: this.#bits(0) };
      case 'conflict': {
        const ordinals = new Uint16Array(this.length);
        const verdicts = this.#verdicts ?? ordinals;
        for (let row = 0; row < this.length; row++) {
          ordinals[row] = Math.max((verdicts[row] as number) - 1, 0);
        }
        return fixed(column, this.length, ordinals, this.#bits(1));
      }
      default:
        throw new RangeError(`no system column "${name}"`);
    }
  }

  /** A bit for each row: whether it was accepted (0), or whether it was rejected (1). */
  #bits(wanted: 0 | 1): Uint8Array {
    const bits = new Uint8Array((this.length + 7) >>> 3);
    const verdicts = this.#verdicts;
    for (let row = 0; row < this.length; row++) {
      const rejected = verdicts !== null && verdicts[row] !== 0 ? 1 : 0;
      if (rejected === wanted) bits[row >>> 3] = (bits[row >>> 3] as number) | (1 << (row & 7));
    }
    return bits;
  }
}

function fixed(
  column: ColumnDefinition,
  length: number,
  values: FixedValues,
  validity: Uint8Array | null = null,
): ColumnVector {
  return { layout: 'fixed', column, length, values, validity };
}

function rising(length: number): Uint32Array {
  const values = new Uint32Array(length);
  for (let row = 0; row < length; row++) values[row] = row;
  return values;
}

const none: ColumnBatch = { length: 0, vectors: [] };
