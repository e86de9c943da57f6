import type { ColumnDefinition } from '../../model/types.ts';
import type { ColumnMemory } from '../../vectors/column-memory.ts';
import { bitAt, type ColumnVector } from '../../vectors/column-vector.ts';
import { grown } from '../../vectors/growing-array.ts';
import { assertBinaryBytes, binaryOf, float64sOf } from '../checkpoint/part-columns.ts';

/**
 * One growable column of what aggregates hold, indexed by group in a view and by entry in a ring
 * of before-images. It is written in place, which no vector is: a fold adds to a group's number
 * wherever that lies. Numbers lie off the JavaScript heap; only texts that a `min` or `max` holds
 * are objects, since a table of texts would keep each that was ever the greatest.
 */
export type ValueLane = NumberLane | BytesLane;

/** What a lane held at from…to when it was captured. */
type CapturedLane = (memory: ColumnMemory) => ColumnVector;

export class NumberLane {
  readonly kind = 'number';
  /** What an index that was never written holds. */
  readonly initial: number;
  values = new Float64Array(0);

  constructor(initial: number) {
    this.initial = initial;
  }

  /** An empty lane of the same kind. */
  emptyCopy(): NumberLane {
    return new NumberLane(this.initial);
  }

  get memoryBytes(): number {
    return this.values.byteLength;
  }

  grow(capacity: number): void {
    if (capacity <= this.values.length) return;
    const { length } = this.values;
    this.values = grown(this.values, capacity);
    if (this.initial !== 0) this.values.fill(this.initial, length);
  }

  copyFrom(source: ValueLane, from: number, to: number): void {
    this.values[to] = (source as NumberLane).values[from] as number;
  }

  /** Whether what it holds at `to` is what `source` holds at `from`. */
  isSameAs(source: ValueLane, from: number, to: number): boolean {
    const value = this.values[to] as number;
    const other = (source as NumberLane).values[from] as number;
    return value === other || (Number.isNaN(value) && Number.isNaN(other));
  }

  capture(column: ColumnDefinition, from: number, to: number): CapturedLane {
    const values = this.values.slice(from, to);
    return () => ({ layout: 'fixed', column, length: to - from, values, validity: null });
  }

  load(pieces: readonly ColumnVector[]): void {
    this.values = new Float64Array(pieces.reduce((length, piece) => length + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
      this.values.set(float64sOf(piece), at);
      at += piece.length;
    }
  }
}

export class BytesLane {
  readonly kind = 'bytes';
  readonly values: (Uint8Array | null)[] = [];
  #bytes = 0;

  get memoryBytes(): number {
    return this.#bytes + this.values.length * valueOverheadBytes;
  }

  set(index: number, value: Uint8Array | null): void {
    this.#bytes += (value?.length ?? 0) - (this.values[index]?.length ?? 0);
    this.values[index] = value;
  }

  emptyCopy(): BytesLane {
    return new BytesLane();
  }

  grow(capacity: number): void {
    while (this.values.length < capacity) this.values.push(null);
  }

  copyFrom(source: ValueLane, from: number, to: number): void {
    this.set(to, (source as BytesLane).values[from] ?? null);
  }

  isSameAs(source: ValueLane, from: number, to: number): boolean {
    const value = this.values[to] ?? null;
    const other = (source as BytesLane).values[from] ?? null;
    if (value === null || other === null) return value === other;
    return Buffer.compare(value, other) === 0;
  }

  /** Copies references: a value is replaced, never written to. */
  capture(column: ColumnDefinition, from: number, to: number): CapturedLane {
    const values = this.values.slice(from, to);
    return (memory) => {
      const offsets = memory.int32s(values.length + 1);
      const validity = memory.bytes((values.length + 7) >>> 3);
      let bytes = 0;
      values.forEach((value, i) => {
        bytes += value?.length ?? 0;
        offsets[i + 1] = bytes;
        if (value) validity[i >>> 3] = (validity[i >>> 3] as number) | (1 << (i & 7));
      });
      assertBinaryBytes(column, bytes);
      const data = new Uint8Array(bytes);
      values.forEach((value, i) => {
        if (value) data.set(value, offsets[i]);
      });
      return { layout: 'binary', column, length: values.length, offsets, data, validity };
    };
  }

  load(pieces: readonly ColumnVector[]): void {
    this.values.length = 0;
    this.#bytes = 0;
    for (const { length, offsets, data, validity } of pieces.map(binaryOf)) {
      for (let i = 0; i < length; i++) {
        const isPresent = validity === null || bitAt(validity, i);
        this.set(this.values.length, isPresent ? data.slice(offsets[i], offsets[i + 1]) : null);
      }
    }
  }
}

/** What a value on the heap takes beside its bytes: its place, and the object around them. */
const valueOverheadBytes = 104;
