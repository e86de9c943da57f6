import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { ColumnDefinition, Scalar, Value } from '../model/types.ts';
import type { ColumnVector, FixedValues } from './column-vector.ts';
import { listBound, tooLong, valueBound } from './value-bound.ts';

/**
 * Gathers values of one column, in rows' order, into a vector, checking each against the column's
 * kind. `push` throws `BAD_USER_INPUT` with the place where a value does not fit; the builder must
 * then be dropped.
 */
export class VectorBuilder {
  readonly column: ColumnDefinition;
  #length = 0;
  #validity: Uint8Array | null = null;
  #store: ElementStore;
  #offsets: Int32Array | null;

  constructor(column: ColumnDefinition) {
    this.column = column;
    this.#store = elementStore(column);
    this.#offsets = column.list ? new Int32Array(17) : null;
  }

  get length(): number {
    return this.#length;
  }

  /** Undefined counts as null. `place` names the value in errors. */
  push(value: Value | undefined, place: () => string): void {
    const row = this.#length;
    if (value === null || value === undefined) {
      if (!this.column.optional) throw misfit(place, `is missing; it may not be null`);
      if (!this.#offsets) this.#store.pushZero();
      this.#clearBit(row);
    } else if (this.#offsets) {
      if (!Array.isArray(value)) throw misfit(place, `must be a list of ${this.column.kind}`);
      if (value.length > limits.listElementsMax) {
        throw tooLong(value.length, listBound, place());
      }
      for (let i = 0; i < value.length; i++) {
        this.#store.push(value[i] as Scalar, () => `${place()}[${i}]`);
      }
      this.#setBit(row);
    } else {
      this.#store.push(value as Scalar, place);
      this.#setBit(row);
    }
    this.#length = row + 1;
    if (this.#offsets) {
      if (this.#length >= this.#offsets.length) {
        const larger = new Int32Array(this.#offsets.length * 2);
        larger.set(this.#offsets);
        this.#offsets = larger;
      }
      this.#offsets[this.#length] = this.#store.length;
    }
  }

  build(): ColumnVector {
    const { column } = this;
    if (!this.#offsets) return this.#store.build(column, this.#length, this.#validity);
    const element: ColumnDefinition = { ...column, list: false, optional: false };
    const child = this.#store.build(element, this.#store.length, null);
    return {
      column,
      layout: 'list',
      length: this.#length,
      validity: this.#validity,
      offsets: this.#offsets.subarray(0, this.#length + 1),
      child,
    };
  }

  #clearBit(row: number): void {
    if (!this.#validity) {
      this.#validity = new Uint8Array(Math.max(16, (row >>> 3) + 1));
      for (let i = 0; i < row; i++) this.#setBit(i);
    }
    this.#growValidity(row);
  }

  #setBit(row: number): void {
    if (!this.#validity) return;
    this.#growValidity(row);
    this.#validity[row >>> 3] = (this.#validity[row >>> 3] as number) | (1 << (row & 7));
  }

  #growValidity(row: number): void {
    if (this.#validity && row >>> 3 >= this.#validity.length) {
      const larger = new Uint8Array(this.#validity.length * 2);
      larger.set(this.#validity);
      this.#validity = larger;
    }
  }
}

function misfit(place: () => string, complaint: string): EngineError {
  const path = place();
  return new EngineError('BAD_USER_INPUT', `${path} ${complaint}`, { details: { path } });
}

type LeafVector = Exclude<ColumnVector, { layout: 'list' }>;

/** Elements of one kind without nulls or lists around them. */
interface ElementStore {
  readonly length: number;
  push(value: Scalar, place: () => string): void;
  pushZero(): void;
  build(column: ColumnDefinition, length: number, validity: Uint8Array | null): LeafVector;
}

function elementStore(column: ColumnDefinition): ElementStore {
  switch (column.kind) {
    case 'bool':
      return new BoolStore();
    case 'uuid':
      return new UuidStore();
    case 'string':
    case 'json':
    case 'bytes':
      return new BinaryStore(column.kind);
    default:
      return new FixedStore(column);
  }
}

interface FixedArray {
  new (length: number): FixedValues;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): FixedValues;
  readonly BYTES_PER_ELEMENT: number;
}
type FixedKind = Exclude<ColumnDefinition['kind'], 'bool' | 'uuid' | 'string' | 'json' | 'bytes'>;

const fixedArrays: { readonly [kind in FixedKind]: FixedArray } = {
  i8: Int8Array,
  i16: Int16Array,
  i32: Int32Array,
  i64: BigInt64Array,
  u8: Uint8Array,
  u16: Uint16Array,
  u32: Uint32Array,
  u64: BigUint64Array,
  f32: Float32Array,
  f64: Float64Array,
  enum: Uint16Array,
  timestamp: BigInt64Array,
};

/** The typed array that holds a fixed-width kind. */
export function fixedArray(kind: ColumnDefinition['kind']): FixedArray {
  const found = fixedArrays[kind as FixedKind];
  if (!found) throw new RangeError(`${kind} is not of fixed width`);
  return found;
}

/** An array for `length` values of a fixed-width kind. */
export function fixedValues(kind: ColumnDefinition['kind'], length: number): FixedValues {
  return new (fixedArray(kind))(length);
}

/** Inclusive ranges of the integer kinds. */
export const integerRanges: { readonly [kind: string]: readonly [number, number] } = {
  i8: [-128, 127],
  i16: [-32_768, 32_767],
  i32: [-2_147_483_648, 2_147_483_647],
  u8: [0, 255],
  u16: [0, 65_535],
  u32: [0, 4_294_967_295],
};

export const bigIntegerRanges: { readonly [kind: string]: readonly [bigint, bigint] } = {
  i64: [-(1n << 63n), (1n << 63n) - 1n],
  u64: [0n, (1n << 64n) - 1n],
};

class FixedStore implements ElementStore {
  readonly #column: ColumnDefinition;
  #values: FixedValues;
  length = 0;

  constructor(column: ColumnDefinition) {
    this.#column = column;
    this.#values = fixedValues(column.kind, 16);
  }

  push(value: Scalar, place: () => string): void {
    const encoded = encodeFixed(this.#column, value, place);
    this.#reserve();
    this.#values[this.length++] = encoded;
  }

  pushZero(): void {
    this.#reserve();
    this.length++;
  }

  #reserve(): void {
    if (this.length < this.#values.length) return;
    const larger = fixedValues(this.#column.kind, this.#values.length * 2);
    (larger as Uint8Array).set(this.#values as Uint8Array);
    this.#values = larger;
  }

  build(column: ColumnDefinition, length: number, validity: Uint8Array | null): LeafVector {
    return { column, layout: 'fixed', length, validity, values: this.#values.subarray(0, length) };
  }
}

function encodeFixed(
  column: ColumnDefinition,
  value: Scalar,
  place: () => string,
): number | bigint {
  switch (column.kind) {
    case 'f32':
    case 'f64':
      if (typeof value !== 'number') throw misfit(place, `must be a number`);
      return value;
    case 'enum':
      return enumOrdinal(column, value, place);
    case 'timestamp':
      if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
        throw misfit(place, `must be a time in whole milliseconds since 1970`);
      }
      return BigInt(value);
    case 'i64':
    case 'u64': {
      const integer =
        typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
      const [low, high] = bigIntegerRanges[column.kind] as readonly [bigint, bigint];
      if (typeof integer !== 'bigint' || integer < low || integer > high) {
        throw misfit(place, `must be a whole number from ${low} to ${high}`);
      }
      return integer;
    }
    default: {
      const [low, high] = integerRanges[column.kind] as readonly [number, number];
      if (typeof value !== 'number' || !Number.isInteger(value) || value < low || value > high) {
        throw misfit(place, `must be a whole number from ${low} to ${high}`);
      }
      return value;
    }
  }
}

/** Throws `BAD_USER_INPUT` for what is not one of the enum's names. */
export function enumOrdinal(column: ColumnDefinition, value: Scalar, place: () => string): number {
  const ordinal = column.values.indexOf(value as string);
  if (ordinal < 0) throw misfit(place, `must be one of ${column.values.join(', ')}`);
  return ordinal;
}

class BoolStore implements ElementStore {
  #bits = new Uint8Array(16);
  length = 0;

  push(value: Scalar, place: () => string): void {
    if (typeof value !== 'boolean') throw misfit(place, `must be true or false`);
    this.pushZero();
    const at = this.length - 1;
    if (value) this.#bits[at >>> 3] = (this.#bits[at >>> 3] as number) | (1 << (at & 7));
  }

  pushZero(): void {
    if (this.length >>> 3 >= this.#bits.length) {
      const larger = new Uint8Array(this.#bits.length * 2);
      larger.set(this.#bits);
      this.#bits = larger;
    }
    this.length++;
  }

  build(column: ColumnDefinition, length: number, validity: Uint8Array | null): LeafVector {
    return { column, layout: 'bool', length, validity, bits: this.#bits };
  }
}

const uuidPattern = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** The 16 bytes of a UUID's text, or null when it is not one. */
export function parseUuid(text: string): Uint8Array | null {
  return uuidPattern.test(text) ? Buffer.from(text.replaceAll('-', ''), 'hex') : null;
}

class UuidStore implements ElementStore {
  #bytes = new Uint8Array(256);
  length = 0;

  push(value: Scalar, place: () => string): void {
    const bytes = typeof value === 'string' ? parseUuid(value) : null;
    if (!bytes) throw misfit(place, `must be a UUID`);
    this.pushZero();
    this.#bytes.set(bytes, (this.length - 1) * 16);
  }

  pushZero(): void {
    if ((this.length + 1) * 16 > this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.length++;
  }

  build(column: ColumnDefinition, length: number, validity: Uint8Array | null): LeafVector {
    const bytes = this.#bytes.subarray(0, length * 16);
    return { column, layout: 'uuid', length, validity, bytes };
  }
}

class BinaryStore implements ElementStore {
  readonly #kind: 'string' | 'json' | 'bytes';
  #offsets = new Int32Array(17);
  #data = Buffer.allocUnsafe(256);
  length = 0;

  constructor(kind: 'string' | 'json' | 'bytes') {
    this.#kind = kind;
  }

  push(value: Scalar, place: () => string): void {
    const used = this.#offsets[this.length] as number;
    if (this.#kind === 'bytes') {
      if (!(value instanceof Uint8Array)) throw misfit(place, `must be bytes`);
      this.#room(used, value.length, place);
      this.#data.set(value, used);
      this.#end(used + value.length);
      return;
    }
    if (typeof value !== 'string') throw misfit(place, `must be a text`);
    // Half a surrogate pair has no UTF-8: it would be replaced, and texts that differ would be one.
    if (!value.isWellFormed()) throw misfit(place, `must be a text of whole Unicode characters`);
    // A UTF-16 unit is at most three bytes of UTF-8: the exact length is counted only when near the bound.
    const bytesMax = value.length * 3;
    this.#room(used, bytesMax > limits.valueBytesMax ? Buffer.byteLength(value) : bytesMax, place);
    this.#end(used + this.#data.write(value, used, 'utf8'));
  }

  pushZero(): void {
    this.#end(this.#offsets[this.length] as number);
  }

  #room(used: number, bytes: number, place: () => string): void {
    if (bytes > limits.valueBytesMax) {
      throw tooLong(bytes, valueBound, place());
    }
    if (used + bytes <= this.#data.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#data.length * 2, used + bytes));
    larger.set(this.#data.subarray(0, used));
    this.#data = larger;
  }

  #end(offset: number): void {
    this.length++;
    if (this.length >= this.#offsets.length) {
      const larger = new Int32Array(this.#offsets.length * 2);
      larger.set(this.#offsets);
      this.#offsets = larger;
    }
    this.#offsets[this.length] = offset;
  }

  build(column: ColumnDefinition, length: number, validity: Uint8Array | null): LeafVector {
    const offsets = this.#offsets.subarray(0, length + 1);
    const data = this.#data.subarray(0, offsets[length]);
    return { column, layout: 'binary', length, validity, offsets, data };
  }
}
