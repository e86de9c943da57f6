import { holdsFloats } from '../model/kinds.ts';
import type { ConflictCode } from '../model/system-columns.ts';
import type { TableDefinition } from '../model/types.ts';
import type { BytePool } from '../state/byte-pool.ts';
import { type ColumnWords, columnWords, releaseWords } from '../state/column-words.ts';
import { type CompiledCondition, compileCondition } from '../state/condition-test.ts';
import { type ColumnLayout, versionWord } from '../state/row-layout.ts';
import type { SecondaryIndex } from '../state/secondary-index.ts';
import type { StateTable } from '../state/state-table.ts';
import type { TableChanges } from '../state/table-changes.ts';
import type { TitleState } from '../state/title-state.ts';
import { bitAt, type ColumnVector } from '../vectors/column-vector.ts';
import { type Adjustment, compileAdjustments } from './adjustment.ts';
import type { EffectStream } from './tick-batch.ts';

/**
 * One stream of effects made ready to run row by row: keys hashed, strings interned, its `require`
 * compiled, once for all its rows. Holds references in the byte pool until `release`, and lies in
 * the state's scratch memory.
 */
export interface EffectRun {
  readonly stream: EffectStream;
  /** Null for event tables. */
  readonly changes: TableChanges | null;
  /**
   * Applies the effect of row `row`, or leaves everything as it is and names the conflict. An
   * `adjust` under a `require` writes before it knows, so its action must be undoable.
   */
  run(row: number): ConflictCode | null;
  /** The slot under the row's key, alive or not; -1 where there is none. For conflict reports. */
  slotOf(row: number): number;
  release(): void;
}

/** Appends to an event table: conflicts only on values out of range. */
export function eventRun(stream: EffectStream): EffectRun {
  const outOfRange = nonFiniteRows(stream.rows.vectors, stream.length);
  return {
    stream,
    changes: null,
    run: (row) => (outOfRange?.[row] === 1 ? 'OUT_OF_RANGE' : null),
    slotOf: () => -1,
    release: () => {},
  };
}

export function stateRun(
  stream: EffectStream,
  changes: TableChanges,
  state: TitleState,
  sessionIdWord: number,
): EffectRun {
  return new StateRun(stream, changes, state, sessionIdWord);
}

class StateRun implements EffectRun {
  readonly stream: EffectStream;
  readonly changes: TableChanges;
  readonly #pool: BytePool;
  readonly #table: StateTable;
  readonly #keys: Uint32Array;
  readonly #keyWidth: number;
  readonly #hashes: Int32Array;
  /**
   * Where each key was found before the first effect ran: looked up together the memory accesses
   * of many keys overlap; one by one between writes they would not.
   */
  readonly #found: Int32Array;
  readonly #owned: ColumnWords[] = [];
  readonly #layouts: ColumnLayout[] = [];
  readonly #columns: ColumnWords[] = [];
  readonly #touched: readonly SecondaryIndex[];
  readonly #require: CompiledCondition | null;
  readonly #outOfRange: Uint8Array | null;
  readonly #adjustments: Adjustment[] = [];
  /** An upsert that leaves out a column a new row must have can only update. */
  readonly #mayInsert: boolean;

  constructor(
    stream: EffectStream,
    changes: TableChanges,
    state: TitleState,
    sessionIdWord: number,
  ) {
    const { pool, scratch } = state;
    this.stream = stream;
    this.changes = changes;
    this.#pool = pool;
    this.#table = changes.table;
    const { layout } = changes.table;
    const keyVectors = new Map<string, ColumnVector>();
    const set: ColumnVector[] = [];
    for (const vector of stream.rows.vectors) {
      if (stream.table.key.includes(vector.column.name)) keyVectors.set(vector.column.name, vector);
      else set.push(vector);
    }
    this.#keyWidth = layout.keyWords.length;
    this.#keys = scratch.uint32s(stream.length * this.#keyWidth);
    this.#fillKeys(keyVectors, sessionIdWord);
    this.#hashes = scratch.int32s(stream.length);
    this.#found = scratch.int32s(stream.length);
    this.#table.findAll(this.#keys, this.#hashes, this.#found);
    for (const vector of set) {
      const column = layout.columns.find((c) => c.column.name === vector.column.name);
      if (!column) throw new RangeError(`a checked stream has no column "${vector.column.name}"`);
      if (stream.op === 'adjust') {
        this.#adjustments.push(...compileAdjustments(layout, column, vector));
        continue;
      }
      const words = columnWords(vector, pool);
      this.#owned.push(words);
      this.#layouts.push(column);
      this.#columns.push(words);
    }
    const setNames = new Set(set.map((vector) => vector.column.name));
    this.#touched = this.#table.indexes.filter((index) =>
      index.columns.some((column) => setNames.has(column.column.name)),
    );
    this.#require = stream.require ? compileCondition(stream.require, layout, pool) : null;
    if (this.#require) this.#owned.push(...this.#require.operands);
    this.#outOfRange = nonFiniteRows(set, stream.length);
    this.#mayInsert = missingColumns(stream.table, setNames).length === 0;
  }

  run(row: number): ConflictCode | null {
    const keyStart = row * this.#keyWidth;
    const hash = this.#hashes[row] as number;
    const slot = this.slotOf(row);
    const alive = slot !== -1 && this.#table.isAlive(slot);
    switch (this.stream.op) {
      case 'insert':
        if (alive) return 'ROW_EXISTS';
        return this.#rangeOf(row) ?? this.#insert(slot, hash, keyStart, row);
      case 'upsert':
        if (!alive) {
          if (!this.#mayInsert) return 'ROW_NOT_FOUND';
          return this.#rangeOf(row) ?? this.#insert(slot, hash, keyStart, row);
        }
        return this.#requireOf(slot, row) ?? this.#rangeOf(row) ?? this.#update(slot, row);
      case 'compareAndSet':
        if (!alive) return 'ROW_NOT_FOUND';
        if (this.#version(slot) !== this.stream.expectedVersions?.[row]) return 'VERSION_MISMATCH';
        return this.#requireOf(slot, row) ?? this.#rangeOf(row) ?? this.#update(slot, row);
      case 'adjust':
        if (!alive) return 'ROW_NOT_FOUND';
        return this.#adjust(slot, row);
      case 'delete': {
        if (!alive) return 'ROW_NOT_FOUND';
        const expected = this.stream.expectedVersions;
        if (expected && this.#version(slot) !== expected[row]) return 'VERSION_MISMATCH';
        const unmet = this.#requireOf(slot, row);
        if (unmet) return unmet;
        this.changes.delete(slot);
        return null;
      }
      case 'append':
        throw new RangeError('a checked stream appends to event tables only');
    }
  }

  slotOf(row: number): number {
    const found = this.#found[row] as number;
    const keyStart = row * this.#keyWidth;
    // Earlier effects of the tick may have moved the key in or out.
    if (found !== -1 && this.#table.holdsKey(found, this.#keys, keyStart)) return found;
    return this.#table.find(this.#hashes[row] as number, this.#keys, keyStart);
  }

  release(): void {
    for (const words of this.#owned) releaseWords(words, this.#pool);
  }

  #insert(slot: number, hash: number, keyStart: number, row: number): null {
    this.changes.insert(slot, hash, this.#keys, keyStart, this.#layouts, this.#columns, row);
    return null;
  }

  #update(slot: number, row: number): null {
    this.changes.update(slot, this.#layouts, this.#columns, row, this.#touched);
    return null;
  }

  /** The `require` sees the result; a result that its column cannot hold has nothing to show it. */
  #adjust(slot: number, row: number): ConflictCode | null {
    const page = this.#table.pages.page(slot);
    const offset = this.#table.pages.offset(slot);
    for (const adjustment of this.#adjustments) {
      if (!adjustment.fits(page, offset, row)) return 'OUT_OF_RANGE';
    }
    const depth = this.changes.undoDepth;
    this.changes.rewrite(slot, this.#touched, (target, at) => {
      for (const adjustment of this.#adjustments) adjustment.write(target, at, row);
    });
    const unmet = this.#requireOf(slot, row);
    // At once: the conflict's report tells the row, and who wrote it, as they were before.
    if (unmet) this.changes.undoTo(depth);
    return unmet;
  }

  #version(slot: number): number {
    const { pages } = this.#table;
    return pages.page(slot).u32[pages.offset(slot) + versionWord] as number;
  }

  #requireOf(slot: number, row: number): ConflictCode | null {
    if (!this.#require) return null;
    const { pages } = this.#table;
    return this.#require.test(pages.page(slot), pages.offset(slot), row) ? null : 'GUARD_FAILED';
  }

  #rangeOf(row: number): ConflictCode | null {
    return this.#outOfRange?.[row] === 1 ? 'OUT_OF_RANGE' : null;
  }

  #fillKeys(keys: ReadonlyMap<string, ColumnVector>, sessionIdWord: number): void {
    const { key } = this.#table.layout;
    const { length } = this.stream;
    const words = this.#keys;
    let at = 0;
    for (const part of key) {
      const vector = keys.get(part.column.name);
      if (vector) {
        const column = columnWords(vector, this.#pool);
        this.#owned.push(column);
        for (let row = 0; row < length; row++) {
          for (let word = 0; word < column.width; word++) {
            words[row * this.#keyWidth + at + word] = column.words[
              row * column.width + word
            ] as number;
          }
        }
      } else {
        for (let row = 0; row < length; row++) words[row * this.#keyWidth + at] = sessionIdWord;
      }
      at += part.words;
    }
  }
}

/** Columns that a new row must be given and `set` does not give. */
export function missingColumns(table: TableDefinition, set: ReadonlySet<string>): string[] {
  return table.columns
    .filter((column) => !column.optional && !table.key.includes(column.name))
    .filter((column) => !set.has(column.name))
    .map((column) => column.name);
}

/** Byte i is 1 where row i holds a NaN or an infinity; null when no row does. */
function nonFiniteRows(vectors: readonly ColumnVector[], length: number): Uint8Array | null {
  let rows: Uint8Array | null = null;
  for (const vector of vectors) {
    if (!holdsFloats(vector.column)) continue;
    for (let row = 0; row < length; row++) {
      if (isFiniteAt(vector, row)) continue;
      rows ??= new Uint8Array(length);
      rows[row] = 1;
    }
  }
  return rows;
}

/** Whether a float, or each of a list or of the parts of a value, is neither a NaN nor an infinity. */
export function isFiniteAt(vector: ColumnVector, row: number): boolean {
  if (vector.layout === 'fixed') {
    return Number.isFinite(vector.values[row] as number);
  }
  if (vector.layout === 'strided') {
    const { values, stride } = vector;
    for (let i = row * stride; i < (row + 1) * stride; i++) {
      if (!Number.isFinite(values[i] as number)) return false;
    }
    return true;
  }
  if (vector.layout !== 'list') return true;
  if (vector.validity !== null && !bitAt(vector.validity, row)) return true;
  const end = vector.offsets[row + 1] as number;
  for (let i = vector.offsets[row] as number; i < end; i++) {
    if (!isFiniteAt(vector.child, i)) return false;
  }
  return true;
}
