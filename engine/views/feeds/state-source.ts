import { stepUnits, type Work } from '../../govern/work.ts';
import { plainColumn } from '../../model/plain-column.ts';
import { formatPosition, type Lsn } from '../../model/position.ts';
import { systemColumns } from '../../model/system-columns.ts';
import type { ColumnDefinition, Row, TableDefinition, Value } from '../../model/types.ts';
import type { Condition } from '../../query/condition.ts';
import type { StateChanges } from '../../state/change-set.ts';
import type { StateReader } from '../../state/state-reader.ts';
import { type ColumnVector, valueAt } from '../../vectors/column-vector.ts';
import type { FeedSource, RowChange, TickMark } from './feed-source.ts';
import { packBatch, unpackBatch } from './packed-batch.ts';
import { type FeedTick, TickRing, type TickRingBounds } from './tick-ring.ts';

interface PackedRows {
  readonly bytes: Uint8Array;
  readonly committedAtMs: number;
}

/** What a frame takes beside its bytes, roughly: three objects. */
const frameOverheadBytes = 320;

/**
 * The rows of one state table as a feed. While nobody listens it costs one comparison a tick:
 * `before()` is not asked and nothing is copied. `start` makes it remember; every change is then
 * one packed copy of the rows before and after. The rows now are the state's own.
 */
export class StateSource implements FeedSource {
  readonly name: string;
  readonly fingerprint: string;
  readonly key: readonly string[];
  readonly ticks: TickRing<PackedRows>;
  readonly sessionBound: boolean;
  readonly unknownBefore: ReadonlySet<string>;
  readonly readable: ReadonlySet<string>;
  #recording = false;
  readonly #table: TableDefinition;
  readonly #state: StateReader;
  readonly #epoch: number;
  readonly #packedColumns: readonly ColumnDefinition[];
  /** What making the rows of one change costs, in units of about a comparison. */
  readonly #changeUnits: number;

  /** `epoch` differs each time the engine starts: what it remembered before is gone with it. */
  constructor(table: TableDefinition, state: StateReader, bounds: TickRingBounds, epoch: number) {
    this.name = table.name;
    this.fingerprint = JSON.stringify(table);
    this.key = table.key;
    this.sessionBound = table.key.includes('sessionId');
    this.unknownBefore = new Set(systemColumns(table).map((column) => column.name));
    this.readable = new Set(table.columns.map((column) => column.name));
    this.ticks = new TickRing<PackedRows>(bounds, 0 as Lsn, epoch);
    this.#table = table;
    this.#state = state;
    this.#epoch = epoch;
    this.#packedColumns = [...table.columns, ...table.columns, kinds, versions];
    this.#changeUnits = valueUnits * this.#packedColumns.length;
  }

  get recording(): boolean {
    return this.#recording;
  }

  /** Remembers changes after `lsn` from now on. */
  start(lsn: Lsn): void {
    if (this.#recording) return;
    this.#recording = true;
    this.ticks.restart(lsn, this.#epoch);
  }

  /** Forgets everything; cursors from before no longer hold. */
  stop(lsn: Lsn): void {
    this.#recording = false;
    this.ticks.restart(lsn, this.#epoch);
  }

  record(changes: StateChanges, mark: TickMark): void {
    const packed = packBatch({
      length: changes.length,
      vectors: [
        ...changes.after.vectors,
        ...changes.before().vectors,
        fixed(kinds, changes.kinds, changes.length),
        fixed(versions, changes.versions, changes.length),
      ],
    });
    const { lsn, sessionId, tick, committedAtMs, appliedAtMs } = mark;
    this.ticks.push(
      { lsn, sessionId, tick, stamp: this.#epoch, appliedAtMs, rows: changes.length },
      packed.byteLength + frameOverheadBytes,
      { bytes: packed, committedAtMs },
    );
  }

  snapshot(where: Condition | null): Work<readonly Row[]> {
    return this.#state.select(this.name, where);
  }

  *changes(from: Lsn, to: Lsn, sessionId: string | null): Work<readonly RowChange[] | null> {
    const { ticks } = this;
    const second = ticks.at(ticks.indexAfter(from) + 1);
    const single = !second || second.lsn > to;
    const changes: RowChange[] = [];
    const places = new Map<string, number>();
    let units = 0;
    for (let seen = from; ; ) {
      if (units >= stepUnits) {
        yield units;
        units = 0;
        if (ticks.horizon > from) return null;
      }
      const index = ticks.indexAfter(seen);
      const tick = ticks.at(index);
      if (!tick || tick.lsn > to) return changes;
      seen = tick.lsn;
      units += frameUnits;
      if (sessionId !== null && tick.sessionId !== sessionId) continue;
      const packed = ticks.payloadAt(index) as PackedRows;
      for (const change of this.#changesOf(tick, packed)) {
        const key = single ? null : this.#keyText((change.after ?? change.before) as Row);
        const place = key === null ? undefined : places.get(key);
        if (place === undefined) {
          changes.push(change);
          if (key !== null) places.set(key, changes.length - 1);
        } else {
          const earlier = changes[place] as RowChange;
          const sameSession = earlier.sessionId === change.sessionId;
          changes[place] = {
            ...change,
            before: earlier.before,
            sessionId: sameSession ? change.sessionId : null,
          };
        }
        units += this.#changeUnits;
        if (units < stepUnits) continue;
        yield units;
        units = 0;
        if (ticks.horizon > from) return null;
      }
    }
  }

  *changedValues(tick: Lsn, column: string): Iterable<Value> {
    const at = this.ticks.indexAfter((tick - 1) as Lsn);
    const packed = this.ticks.at(at)?.lsn === tick ? this.ticks.payloadAt(at) : null;
    const place = this.#table.columns.findIndex(({ name }) => name === column);
    if (packed === null || place < 0) return;
    const { length, vectors } = unpackBatch(this.#packedColumns, packed.bytes);
    const width = this.#table.columns.length;
    const after = vectors[place] as ColumnVector;
    const before = vectors[place + width] as ColumnVector;
    const kind = vectors[width * 2] as ColumnVector;
    for (let row = 0; row < length && this.ticks.horizon < tick; row++) {
      const kindOfRow = valueAt(kind, row);
      const is = kindOfRow === deleted ? null : valueAt(after, row);
      const was = kindOfRow === inserted ? null : valueAt(before, row);
      if (is !== null) yield is;
      if (was !== null && was !== is) yield was;
    }
  }

  *#changesOf(feedTick: FeedTick, packed: PackedRows): Iterable<RowChange> {
    const { length, vectors } = unpackBatch(this.#packedColumns, packed.bytes);
    const width = this.#table.columns.length;
    const position = formatPosition(feedTick.lsn);
    for (let index = 0; index < length; index++) {
      const kind = valueAt(vectors[width * 2] as ColumnVector, index);
      const before = kind === inserted ? null : rowAt(vectors, width, width * 2, index);
      const after = kind === deleted ? null : rowAt(vectors, 0, width, index);
      if (after) {
        const version = valueAt(vectors[width * 2 + 1] as ColumnVector, index);
        Object.assign(after, { version, position, committedAt: packed.committedAtMs });
      }
      const { lsn, sessionId, tick } = feedTick;
      yield { before, after, lsn, sessionId, tick };
    }
  }

  #keyText(row: Row): string {
    return JSON.stringify(
      this.key.map((name) => {
        const value = row[name] ?? null;
        return typeof value === 'bigint' ? `${value}` : value;
      }),
    );
  }
}

/** What finding a tick, and making one value of a row, costs, in units of about a comparison. */
const frameUnits = 16;
const valueUnits = 8;

const inserted = 1;
const deleted = 3;

const kinds = plainColumn('kind', 'u8');
const versions = plainColumn('version', 'u32');

function fixed(
  column: ColumnDefinition,
  values: Uint8Array | Uint32Array,
  length: number,
): ColumnVector {
  return { layout: 'fixed', column, length, validity: null, values };
}

function rowAt(
  vectors: readonly ColumnVector[],
  from: number,
  to: number,
  index: number,
): Record<string, Value> {
  const row: Record<string, Value> = {};
  for (let i = from; i < to; i++) {
    const vector = vectors[i] as ColumnVector;
    row[vector.column.name] = valueAt(vector, index);
  }
  return row;
}
