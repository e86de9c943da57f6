import type { BatchNode } from '../../vectors/arrow/ipc-messages.ts';
import type { ArrowField } from '../../vectors/arrow/wire-field.ts';
import type { ColumnVector, ListVector } from '../../vectors/column-vector.ts';
import { GrowingBits, GrowingBytes } from './growing-bytes.ts';
import type { ConstantVector, CountingVector, ShippedVector } from './system-vectors.ts';

/** What a column contributes to a record batch, in the order of the Arrow format. */
export interface BatchParts {
  readonly nodes: BatchNode[];
  readonly buffers: Uint8Array[];
}

/** A column of a block being filled: copies of vectors, one after the other. */
export class GrowingColumn {
  readonly field: ArrowField;
  readonly #validity: GrowingBits | null;
  readonly #store: GrowingStore;
  #length = 0;

  private constructor(field: ArrowField, validity: GrowingBits | null, store: GrowingStore) {
    this.field = field;
    this.#validity = validity;
    this.#store = store;
  }

  static of(field: ArrowField, capacity: number): GrowingColumn {
    const validity = field.nullable ? new GrowingBits(capacity) : null;
    return new GrowingColumn(field, validity, storeOf(field, capacity));
  }

  /** An empty one with room for as much as this one holds. */
  successor(): GrowingColumn {
    const validity = this.#validity?.successor() ?? null;
    return new GrowingColumn(this.field, validity, this.#store.successor());
  }

  get byteLength(): number {
    return this.#store.byteLength + (this.#length >>> 3);
  }

  /** Empty again, in the memory it has. */
  clear(): void {
    this.#validity?.clear();
    this.#store.clear();
    this.#length = 0;
  }

  append(vector: ShippedVector): void {
    const { length } = vector;
    if (length === 0) return;
    if (vector.layout === 'constant') {
      if (vector.isNull) this.#validity?.appendZeros(length);
      else this.#validity?.appendOnes(length);
      this.#store.appendConstant(vector);
    } else if (vector.layout === 'counting') {
      this.#validity?.appendOnes(length);
      this.#store.appendCounting(vector);
    } else {
      if (vector.validity) this.#validity?.append(vector.validity, length);
      else this.#validity?.appendOnes(length);
      this.#store.append(vector);
    }
    this.#length += length;
  }

  addTo(parts: BatchParts): void {
    const nullCount = this.#validity ? this.#length - this.#validity.countOnes() : 0;
    parts.nodes.push({ length: this.#length, nullCount });
    parts.buffers.push(nullCount > 0 && this.#validity ? this.#validity.written() : nothing);
    this.#store.addTo(parts);
  }
}

const nothing = new Uint8Array(0);

interface GrowingStore {
  readonly byteLength: number;
  append(vector: ColumnVector): void;
  appendConstant(vector: ConstantVector): void;
  appendCounting(vector: CountingVector): void;
  addTo(parts: BatchParts): void;
  successor(): GrowingStore;
  clear(): void;
}

function storeOf(field: ArrowField, capacity: number): GrowingStore {
  switch (field.type.id) {
    case 'int':
      return fixedStore(field.type.bits >>> 3, capacity);
    case 'float':
      return fixedStore(field.type.bits >>> 3, capacity);
    case 'timestampMs':
      return fixedStore(8, capacity);
    case 'fixedBinary':
      return fixedStore(field.type.byteWidth, capacity);
    case 'bool':
      return new BitStore(new GrowingBits(capacity));
    case 'utf8':
    case 'binary':
      return new BinaryStore(GrowingOffsets.of(capacity), new GrowingBytes(capacity * 8));
    case 'list':
      return new ListStore(
        GrowingOffsets.of(capacity),
        GrowingColumn.of(field.type.item, capacity),
      );
  }
}

function fixedStore(width: number, capacity: number): FixedStore {
  return new FixedStore(width, new GrowingBytes(width * capacity));
}

class FixedStore implements GrowingStore {
  readonly #width: number;
  readonly #data: GrowingBytes;

  constructor(width: number, data: GrowingBytes) {
    this.#width = width;
    this.#data = data;
  }

  successor(): FixedStore {
    return new FixedStore(this.#width, this.#data.successor());
  }

  clear(): void {
    this.#data.clear();
  }

  get byteLength(): number {
    return this.#data.length;
  }

  append(vector: ColumnVector): void {
    const source = vector.layout === 'uuid' ? vector.bytes : fixedValuesOf(vector);
    const bytes = new Uint8Array(source.buffer, source.byteOffset, vector.length * this.#width);
    this.#data.append(bytes);
  }

  appendConstant(vector: ConstantVector): void {
    if (vector.bytes.byteLength !== this.#width) throw mismatch(vector);
    this.#data.appendRepeated(vector.bytes, vector.length);
  }

  appendCounting(vector: CountingVector): void {
    if (this.#width !== 4) throw mismatch(vector);
    const start = this.#data.extend(4 * vector.length);
    const target = new Uint32Array(this.#data.bytes.buffer);
    const at = start >>> 2;
    for (let row = 0; row < vector.length; row++) target[at + row] = row;
  }

  addTo(parts: BatchParts): void {
    parts.buffers.push(this.#data.written());
  }
}

class BitStore implements GrowingStore {
  readonly #bits: GrowingBits;

  constructor(bits: GrowingBits) {
    this.#bits = bits;
  }

  successor(): BitStore {
    return new BitStore(this.#bits.successor());
  }

  clear(): void {
    this.#bits.clear();
  }

  get byteLength(): number {
    return this.#bits.length >>> 3;
  }

  append(vector: ColumnVector): void {
    if (vector.layout !== 'bool') throw mismatch(vector);
    this.#bits.append(vector.bits, vector.length);
  }

  appendConstant(vector: ConstantVector): void {
    throw mismatch(vector);
  }

  appendCounting(vector: CountingVector): void {
    throw mismatch(vector);
  }

  addTo(parts: BatchParts): void {
    parts.buffers.push(this.#bits.written());
  }
}

class BinaryStore implements GrowingStore {
  readonly #offsets: GrowingOffsets;
  readonly #data: GrowingBytes;

  constructor(offsets: GrowingOffsets, data: GrowingBytes) {
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
    return this.#data.length + this.#offsets.byteLength;
  }

  append(vector: ColumnVector): void {
    if (vector.layout !== 'binary') throw mismatch(vector);
    const bytes = this.#offsets.append(vector.offsets, vector.length);
    this.#data.append(vector.data.subarray(0, bytes));
  }

  appendConstant(vector: ConstantVector): void {
    this.#offsets.appendSteps(vector.bytes.byteLength, vector.length);
    this.#data.appendRepeated(vector.bytes, vector.length);
  }

  appendCounting(vector: CountingVector): void {
    throw mismatch(vector);
  }

  addTo(parts: BatchParts): void {
    parts.buffers.push(this.#offsets.written(), this.#data.written());
  }
}

class ListStore implements GrowingStore {
  readonly #offsets: GrowingOffsets;
  readonly #child: GrowingColumn;

  constructor(offsets: GrowingOffsets, child: GrowingColumn) {
    this.#offsets = offsets;
    this.#child = child;
  }

  successor(): ListStore {
    return new ListStore(this.#offsets.successor(), this.#child.successor());
  }

  clear(): void {
    this.#offsets.clear();
    this.#child.clear();
  }

  get byteLength(): number {
    return this.#child.byteLength + this.#offsets.byteLength;
  }

  append(vector: ColumnVector): void {
    if (vector.layout !== 'list') throw mismatch(vector);
    const elements = this.#offsets.append(vector.offsets, vector.length);
    this.#child.append(firstElements(vector, elements));
  }

  appendConstant(vector: ConstantVector): void {
    throw mismatch(vector);
  }

  appendCounting(vector: CountingVector): void {
    throw mismatch(vector);
  }

  addTo(parts: BatchParts): void {
    parts.buffers.push(this.#offsets.written());
    this.#child.addTo(parts);
  }
}

/** Int32 offsets that begin at 0 and continue from the last one. */
class GrowingOffsets {
  readonly #bytes: GrowingBytes;

  private constructor(bytes: GrowingBytes) {
    this.#bytes = bytes;
    bytes.extend(4);
  }

  static of(capacity: number): GrowingOffsets {
    return new GrowingOffsets(new GrowingBytes(4 * (capacity + 1)));
  }

  successor(): GrowingOffsets {
    return new GrowingOffsets(this.#bytes.successor());
  }

  /** The first offset, a zero, stays. */
  clear(): void {
    this.#bytes.clear();
    this.#bytes.extend(4);
  }

  get byteLength(): number {
    return this.#bytes.length;
  }

  /** Appends `length` ranges; returns how many bytes or elements they span. */
  append(source: Int32Array, length: number): number {
    const span = source[length] as number;
    const { target, at, base } = this.#extend(length, span);
    if (base === 0) target.set(source.subarray(1, length + 1), at);
    else for (let i = 1; i <= length; i++) target[at + i - 1] = base + (source[i] as number);
    return span;
  }

  /** Appends `length` ranges of the same width. */
  appendSteps(width: number, length: number): void {
    const { target, at, base } = this.#extend(length, width * length);
    for (let i = 0; i < length; i++) target[at + i] = base + width * (i + 1);
  }

  written(): Uint8Array {
    return this.#bytes.written();
  }

  #extend(length: number, span: number) {
    const at = this.#bytes.extend(4 * length) >>> 2;
    const target = new Int32Array(this.#bytes.bytes.buffer);
    const base = target[at - 1] as number;
    if (base + span > 0x7fff_ffff) {
      throw new RangeError('a block holds 2 GiB of one column at most');
    }
    return { target, at, base };
  }
}

/** A list's child may be longer than its last offset says. */
function firstElements(vector: ListVector, count: number): ColumnVector {
  return vector.child.length === count ? vector.child : { ...vector.child, length: count };
}

function fixedValuesOf(vector: ColumnVector) {
  if (vector.layout !== 'fixed') throw mismatch(vector);
  return vector.values;
}

function mismatch(vector: ShippedVector): TypeError {
  return new TypeError(`a column came in layout ${vector.layout}`);
}
