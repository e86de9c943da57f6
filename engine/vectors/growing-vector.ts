import { elementColumn, elementsOf, type FixedValues, kindOf } from '../model/kinds.ts';
import type { ColumnDefinition } from '../model/types.ts';
import type { ColumnVector, LeafVector, ListVector } from './column-vector.ts';
import { GrowingArray, GrowingBits, GrowingOffsets, growingBytes } from './growing-array.ts';

/** One value on all rows: its bytes are repeated in place, and no vector is made of it. */
export interface ConstantVector {
  readonly layout: 'constant';
  readonly length: number;
  /** The bytes of one row, as Arrow lays them out; zeros where `isNull`. */
  readonly bytes: Uint8Array;
  readonly isNull: boolean;
}

/** The rows' numbers from 0 on, as u32. */
export interface CountingVector {
  readonly layout: 'counting';
  readonly length: number;
}

/** A column, or what stands for one. */
export type AppendedVector = ColumnVector | ConstantVector | CountingVector;

/**
 * A column that grows at its end, value by value or by copies of whole vectors, and is a vector at
 * any time. Its memory can be used again (`clear`), or reserved for one like it (`successor`).
 */
export class GrowingVector {
  readonly column: ColumnDefinition;
  /** The values; without a store for nulls, which have zeros there. */
  readonly store: GrowingStore;
  /** Which rows are present; in use from the first null on. */
  readonly #validity: GrowingBits;
  #hasNulls = false;
  #length = 0;

  private constructor(column: ColumnDefinition, store: GrowingStore, validity: GrowingBits) {
    this.column = column;
    this.store = store;
    this.#validity = validity;
  }

  static of(column: ColumnDefinition, capacity: number): GrowingVector {
    return new GrowingVector(column, storeOf(column, capacity), new GrowingBits(0));
  }

  /** An empty one with room for as much as this one holds. */
  successor(): GrowingVector {
    return new GrowingVector(this.column, this.store.successor(), this.#validity.successor());
  }

  get length(): number {
    return this.#length;
  }

  get byteLength(): number {
    return this.store.byteLength + this.#validity.byteLength;
  }

  /** Empty again, in the memory it has. */
  clear(): void {
    this.#validity.clear();
    this.#hasNulls = false;
    this.store.clear();
    this.#length = 0;
  }

  append(vector: AppendedVector): void {
    const { length } = vector;
    if (length === 0) return;
    if (vector.layout === 'constant') {
      this.#present(length, vector.isNull ? 'none' : null);
      this.store.appendConstant(vector);
    } else if (vector.layout === 'counting') {
      this.#present(length, null);
      this.store.appendCounting(vector);
    } else {
      this.#present(length, vector.validity);
      this.store.append(vector);
    }
    this.#length += length;
  }

  /** Ends a row whose value is in the store now. */
  endRow(): void {
    if (this.#hasNulls) this.#validity.push(true);
    this.#length++;
  }

  pushNull(): void {
    this.#noteNulls();
    this.#validity.push(false);
    this.store.pushZero();
    this.#length++;
  }

  /** The vector so far: a view of this memory. */
  build(): ColumnVector {
    const validity = this.#hasNulls ? this.#validity.written() : null;
    return this.store.build(this.column, this.#length, validity);
  }

  #present(length: number, validity: Uint8Array | 'none' | null): void {
    if (validity !== null) this.#noteNulls();
    if (!this.#hasNulls) return;
    if (validity === null) this.#validity.appendOnes(length);
    else if (validity === 'none') this.#validity.appendZeros(length);
    else this.#validity.append(validity, length);
  }

  /** All rows before the first null are present. */
  #noteNulls(): void {
    if (this.#hasNulls) return;
    this.#hasNulls = true;
    this.#validity.appendOnes(this.#length);
  }
}

/** The values of a growing column, in the layout of its kind. */
export interface GrowingStore {
  readonly byteLength: number;
  append(vector: ColumnVector): void;
  appendConstant(vector: ConstantVector): void;
  appendCounting(vector: CountingVector): void;
  pushZero(): void;
  build(column: ColumnDefinition, length: number, validity: Uint8Array | null): ColumnVector;
  successor(): GrowingStore;
  clear(): void;
}

function storeOf(column: ColumnDefinition, capacity: number): GrowingStore {
  if (column.list) {
    const items = GrowingVector.of(elementColumn(column), capacity);
    return new ListStore(GrowingOffsets.of(capacity), items);
  }
  const { layout, stride } = kindOf(column);
  switch (layout) {
    case 'bool':
      return new BitStore(new GrowingBits(capacity));
    case 'binary':
      return new BinaryStore(GrowingOffsets.of(capacity), growingBytes(capacity * 8));
    default: {
      const Elements = elementsOf(column.kind);
      const make = (length: number) => new Elements(length);
      return new FixedStore(layout, stride, new GrowingArray(make, capacity * stride));
    }
  }
}

export class FixedStore implements GrowingStore {
  readonly values: GrowingArray<FixedValues>;
  readonly #layout: 'fixed' | 'strided';
  readonly #stride: number;

  constructor(layout: 'fixed' | 'strided', stride: number, values: GrowingArray<FixedValues>) {
    this.#layout = layout;
    this.#stride = stride;
    this.values = values;
  }

  successor(): FixedStore {
    return new FixedStore(this.#layout, this.#stride, this.values.successor());
  }

  clear(): void {
    this.values.clear();
  }

  get byteLength(): number {
    return this.values.byteLength;
  }

  append(vector: ColumnVector): void {
    if (vector.layout !== this.#layout) throw mismatch(vector);
    this.values.append(vector.values, vector.length * this.#stride);
  }

  appendConstant(vector: ConstantVector): void {
    this.values.appendRepeated(vector.bytes, vector.length);
  }

  appendCounting(vector: CountingVector): void {
    const start = this.values.extend(vector.length);
    const { values } = this.values;
    if (!(values instanceof Uint32Array)) throw mismatch(vector);
    for (let row = 0; row < vector.length; row++) values[start + row] = row;
  }

  pushZero(): void {
    this.values.pushZeros(this.#stride);
  }

  build(column: ColumnDefinition, length: number, validity: Uint8Array | null): LeafVector {
    const values = this.values.written();
    return this.#layout === 'fixed'
      ? { column, layout: 'fixed', length, validity, values }
      : { column, layout: 'strided', length, validity, stride: this.#stride, values };
  }
}

export class BitStore implements GrowingStore {
  readonly bits: GrowingBits;

  constructor(bits: GrowingBits) {
    this.bits = bits;
  }

  successor(): BitStore {
    return new BitStore(this.bits.successor());
  }

  clear(): void {
    this.bits.clear();
  }

  get byteLength(): number {
    return this.bits.byteLength;
  }

  append(vector: ColumnVector): void {
    if (vector.layout !== 'bool') throw mismatch(vector);
    this.bits.append(vector.bits, vector.length);
  }

  appendConstant(vector: ConstantVector): void {
    throw mismatch(vector);
  }

  appendCounting(vector: CountingVector): void {
    throw mismatch(vector);
  }

  pushZero(): void {
    this.bits.push(false);
  }

  build(column: ColumnDefinition, length: number, validity: Uint8Array | null): LeafVector {
    return { column, layout: 'bool', length, validity, bits: this.bits.written() };
  }
}

export class BinaryStore implements GrowingStore {
  readonly #offsets: GrowingOffsets;
  readonly #data: GrowingArray<Buffer>;

  constructor(offsets: GrowingOffsets, data: GrowingArray<Buffer>) {
    this.#offsets = offsets;
    this.#data = data;
  }

  successor(): BinaryStore {
    return new BinaryStore(this.#offsets.successor(), this.#data.successor());
  }

  clear(): void {
    this.#offsets.clear();
    this.#data.clear();
  }

  get byteLength(): number {
    return this.#data.byteLength + this.#offsets.byteLength;
  }

  append(vector: ColumnVector): void {
    if (vector.layout !== 'binary') throw mismatch(vector);
    const bytes = this.#offsets.append(vector.offsets, vector.length);
    this.#data.append(vector.data as Buffer, bytes);
  }

  appendConstant(vector: ConstantVector): void {
    this.#offsets.appendSteps(vector.bytes.byteLength, vector.length);
    this.#data.appendRepeated(vector.bytes, vector.length);
  }

  appendCounting(vector: CountingVector): void {
    throw mismatch(vector);
  }

  pushBytes(bytes: Uint8Array): void {
    this.#data.append(bytes as Buffer, bytes.length);
    this.#offsets.push(this.#data.length);
  }

  /** Appends a text that takes at most `bytesMax` bytes. */
  pushText(text: string, bytesMax: number): void {
    const start = this.#data.extend(bytesMax);
    this.#data.length = start + this.#data.values.write(text, start, 'utf8');
    this.#offsets.push(this.#data.length);
  }

  pushZero(): void {
    this.#offsets.push(this.#data.length);
  }

  build(column: ColumnDefinition, length: number, validity: Uint8Array | null): LeafVector {
    const offsets = this.#offsets.written();
    return { column, layout: 'binary', length, validity, offsets, data: this.#data.written() };
  }
}

export class ListStore implements GrowingStore {
  readonly items: GrowingVector;
  readonly #offsets: GrowingOffsets;

  constructor(offsets: GrowingOffsets, items: GrowingVector) {
    this.#offsets = offsets;
    this.items = items;
  }

  successor(): ListStore {
    return new ListStore(this.#offsets.successor(), this.items.successor());
  }

  clear(): void {
    this.#offsets.clear();
    this.items.clear();
  }

  get byteLength(): number {
    return this.items.byteLength + this.#offsets.byteLength;
  }

  append(vector: ColumnVector): void {
    if (vector.layout !== 'list') throw mismatch(vector);
    const elements = this.#offsets.append(vector.offsets, vector.length);
    this.items.append(firstElements(vector, elements));
  }

  appendConstant(vector: ConstantVector): void {
    throw mismatch(vector);
  }

  appendCounting(vector: CountingVector): void {
    throw mismatch(vector);
  }

  /** Ends a list whose elements are the items since the list before. */
  endList(): void {
    this.#offsets.push(this.items.length);
  }

  pushZero(): void {
    this.endList();
  }

  build(column: ColumnDefinition, length: number, validity: Uint8Array | null): ListVector {
    const child = this.items.build() as LeafVector;
    return { column, layout: 'list', length, validity, offsets: this.#offsets.written(), child };
  }
}

/** A list's child may be longer than its last offset says. */
function firstElements(vector: ListVector, count: number): LeafVector {
  return vector.child.length === count ? vector.child : { ...vector.child, length: count };
}

function mismatch(vector: AppendedVector): TypeError {
  return new TypeError(`a column came in layout ${vector.layout}`);
}
