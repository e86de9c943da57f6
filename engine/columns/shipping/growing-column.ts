import type { ColumnVector, ListVector } from '../../tick/column-vector.ts';
import type { ArrowField } from '../arrow/arrow-field.ts';
import type { BatchNode } from '../arrow/ipc-messages.ts';
import { GrowingBits, GrowingBytes } from './growing-bytes.ts';

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

  constructor(field: ArrowField, capacity: number) {
    this.field = field;
    this.#validity = field.nullable ? new GrowingBits(capacity) : null;
    this.#store = storeOf(field, capacity);
  }

  get byteLength(): number {
    return this.#store.byteLength + (this.#length >>> 3);
  }

  append(vector: ColumnVector): void {
    if (vector.length === 0) return;
    if (this.#validity) {
      if (vector.validity) this.#validity.append(vector.validity, vector.length);
      else this.#validity.appendOnes(vector.length);
    }
    this.#store.append(vector);
    this.#length += vector.length;
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
  addTo(parts: BatchParts): void;
}

function storeOf(field: ArrowField, capacity: number): GrowingStore {
  switch (field.type.id) {
    case 'int':
      return new FixedStore(field.type.bits >>> 3, capacity);
    case 'float':
      return new FixedStore(field.type.bits >>> 3, capacity);
    case 'timestampMs':
      return new FixedStore(8, capacity);
    case 'fixedBinary':
      return new FixedStore(field.type.byteWidth, capacity);
    case 'bool':
      return new BitStore(capacity);
    case 'utf8':
    case 'binary':
      return new BinaryStore(capacity);
    case 'list':
      return new ListStore(field.type.item, capacity);
  }
}

class FixedStore implements GrowingStore {
  readonly #width: number;
  readonly #data: GrowingBytes;

  constructor(width: number, capacity: number) {
    this.#width = width;
    this.#data = new GrowingBytes(width * capacity);
  }

  get byteLength(): number {
    return this.#data.length;
  }

  append(vector: ColumnVector): void {
    const source = vector.layout === 'uuid' ? vector.bytes : fixedValuesOf(vector);
    const bytes = new Uint8Array(source.buffer, source.byteOffset, vector.length * this.#width);
    this.#data.append(bytes);
  }

  addTo(parts: BatchParts): void {
    parts.buffers.push(this.#data.written());
  }
}

class BitStore implements GrowingStore {
  readonly #bits: GrowingBits;

  constructor(capacity: number) {
    this.#bits = new GrowingBits(capacity);
  }

  get byteLength(): number {
    return this.#bits.length >>> 3;
  }

  append(vector: ColumnVector): void {
    if (vector.layout !== 'bool') throw mismatch(vector);
    this.#bits.append(vector.bits, vector.length);
  }

  addTo(parts: BatchParts): void {
    parts.buffers.push(this.#bits.written());
  }
}

class BinaryStore implements GrowingStore {
  readonly #offsets: GrowingOffsets;
  readonly #data: GrowingBytes;

  constructor(capacity: number) {
    this.#offsets = new GrowingOffsets(capacity);
    this.#data = new GrowingBytes(capacity * 8);
  }

  get byteLength(): number {
    return this.#data.length + this.#offsets.byteLength;
  }

  append(vector: ColumnVector): void {
    if (vector.layout !== 'binary') throw mismatch(vector);
    const bytes = this.#offsets.append(vector.offsets, vector.length);
    this.#data.append(vector.data.subarray(0, bytes));
  }

  addTo(parts: BatchParts): void {
    parts.buffers.push(this.#offsets.written(), this.#data.written());
  }
}

class ListStore implements GrowingStore {
  readonly #offsets: GrowingOffsets;
  readonly #child: GrowingColumn;

  constructor(item: ArrowField, capacity: number) {
    this.#offsets = new GrowingOffsets(capacity);
    this.#child = new GrowingColumn(item, capacity);
  }

  get byteLength(): number {
    return this.#child.byteLength + this.#offsets.byteLength;
  }

  append(vector: ColumnVector): void {
    if (vector.layout !== 'list') throw mismatch(vector);
    const elements = this.#offsets.append(vector.offsets, vector.length);
    this.#child.append(firstElements(vector, elements));
  }

  addTo(parts: BatchParts): void {
    parts.buffers.push(this.#offsets.written());
    this.#child.addTo(parts);
  }
}

/** Int32 offsets that begin at 0 and continue from the last one. */
class GrowingOffsets {
  readonly #bytes: GrowingBytes;

  constructor(capacity: number) {
    this.#bytes = new GrowingBytes(4 * (capacity + 1));
    this.#bytes.extend(4);
  }

  get byteLength(): number {
    return this.#bytes.length;
  }

  /** Appends `length` ranges; returns how many bytes or elements they span. */
  append(source: Int32Array, length: number): number {
    const start = this.#bytes.extend(4 * length);
    const target = new Int32Array(this.#bytes.bytes.buffer);
    const at = start >>> 2;
    const base = target[at - 1] as number;
    const span = source[length] as number;
    if (base + span > 0x7fff_ffff)
      throw new RangeError('a block holds 2 GiB of one column at most');
    if (base === 0) target.set(source.subarray(1, length + 1), at);
    else for (let i = 1; i <= length; i++) target[at + i - 1] = base + (source[i] as number);
    return span;
  }

  written(): Uint8Array {
    return this.#bytes.written();
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

function mismatch(vector: ColumnVector): TypeError {
  return new TypeError(`column ${vector.column.name} came in layout ${vector.layout}`);
}
