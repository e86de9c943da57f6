import type { FixedValues } from '../model/kinds.ts';
import { countBits } from './bits.ts';

/** A burst's large blocks reserve nothing for the small ones after it. */
const reservedBytesMax = 1024 * 1024;
const bytesMin = 64;

/** The values in an array of at least `least` elements, and of twice as many as before. */
export function grown<Values extends FixedValues>(values: Values, least = 0): Values {
  const Same = values.constructor as new (length: number) => Values;
  const larger = new Same(Math.max(least, values.length * 2));
  (larger as Uint8Array).set(values as Uint8Array);
  return larger;
}

/** Elements that grow at the end by doubling. `values` may be replaced by any call that appends. */
export class GrowingArray<Values extends FixedValues> {
  values: Values;
  length = 0;
  readonly #make: (length: number) => Values;
  readonly #zero: number | bigint;

  constructor(make: (length: number) => Values, capacity: number) {
    this.#make = make;
    this.values = make(capacity);
    const isWide = this.values instanceof BigInt64Array || this.values instanceof BigUint64Array;
    this.#zero = isWide ? 0n : 0;
  }

  /** Empty, with room for as much again: blocks of a table resemble each other. */
  successor(): GrowingArray<Values> {
    const most = reservedBytesMax / this.values.BYTES_PER_ELEMENT;
    return new GrowingArray(this.#make, Math.min(this.length + (this.length >>> 3), most));
  }

  get byteLength(): number {
    return this.length * this.values.BYTES_PER_ELEMENT;
  }

  /** Empty again, with the memory it has; what was handed out of it is overwritten from now on. */
  clear(): void {
    this.length = 0;
  }

  /** Makes room for `count` more and returns where they begin; the caller writes them. */
  extend(count: number): number {
    const start = this.length;
    const end = start + count;
    if (end > this.values.length) {
      const least = bytesMin / this.values.BYTES_PER_ELEMENT;
      const larger = this.#make(Math.max(end, this.values.length * 2, least));
      (larger as Uint8Array).set(this.values.subarray(0, start) as Uint8Array);
      this.values = larger;
    }
    this.length = end;
    return start;
  }

  push(value: number | bigint): void {
    const at = this.length;
    if (at < this.values.length) this.length = at + 1;
    else this.extend(1);
    this.values[at] = value;
  }

  pushZeros(count: number): void {
    for (let i = 0; i < count; i++) this.push(this.#zero);
  }

  append(source: Values, count: number): void {
    const start = this.extend(count);
    (this.values as Uint8Array).set(source.subarray(0, count) as Uint8Array, start);
  }

  /** Appends the elements of which these are the bytes so many times: doubling copies, a few large moves. */
  appendRepeated(source: Uint8Array, times: number): void {
    const bytes = source.byteLength * times;
    if (bytes === 0) return;
    const start = this.extend(bytes / this.values.BYTES_PER_ELEMENT);
    const target = this.#bytes(start);
    target.set(source);
    for (let filled = source.byteLength; filled < bytes; filled *= 2) {
      target.copyWithin(filled, 0, Math.min(filled, bytes - filled));
    }
  }

  /** What was appended. */
  written(): Values {
    return this.values.subarray(0, this.length) as Values;
  }

  /** The bytes from an element on. */
  #bytes(start: number): Uint8Array {
    const { buffer, byteOffset, byteLength, BYTES_PER_ELEMENT } = this.values;
    const from = start * BYTES_PER_ELEMENT;
    return new Uint8Array(buffer, byteOffset + from, byteLength - from);
  }
}

/** Bytes in which texts can be written. Memory that is small comes out of a shared pool. */
export function growingBytes(capacity: number): GrowingArray<Buffer> {
  return new GrowingArray<Buffer>((length) => Buffer.allocUnsafe(length), capacity);
}

/** Bits that grow at the end, least significant first. Bits past the end are zero. */
export class GrowingBits {
  readonly #bytes: GrowingArray<Uint8Array>;
  length = 0;

  constructor(capacity: number) {
    this.#bytes = new GrowingArray((bytes) => new Uint8Array(bytes), (capacity + 7) >>> 3);
  }

  successor(): GrowingBits {
    return new GrowingBits(this.#bytes.successor().values.length * 8);
  }

  get byteLength(): number {
    return this.#bytes.length;
  }

  push(bit: boolean): void {
    const at = this.length;
    if ((at & 7) === 0) this.#reserve(1);
    const target = this.#bytes.values;
    if (bit) target[at >>> 3] = (target[at >>> 3] as number) | (1 << (at & 7));
    this.length = at + 1;
  }

  clear(): void {
    this.#bytes.written().fill(0);
    this.#bytes.clear();
    this.length = 0;
  }

  append(source: Uint8Array, count: number): void {
    if (count === 0) return;
    const shift = this.length & 7;
    const whole = (count + 7) >>> 3;
    this.#reserve(count);
    const target = this.#bytes.values;
    let at = this.length >>> 3;
    if (shift === 0) {
      target.set(source.subarray(0, whole), at);
      at += whole - 1;
    } else {
      let carry = target[at] as number;
      for (let i = 0; i < whole; i++) {
        const byte = source[i] as number;
        target[at++] = carry | (byte << shift);
        carry = byte >>> (8 - shift);
      }
      if (at < this.#bytes.length) target[at] = carry;
      else at--;
    }
    this.length += count;
    // The source's last byte may have held bits past `count`.
    const used = this.length & 7;
    const last = this.#bytes.length - 1;
    if (used !== 0) target[last] = (target[last] as number) & ((1 << used) - 1);
  }

  appendOnes(count: number): void {
    if (count === 0) return;
    const start = this.length;
    const end = start + count;
    this.#reserve(count);
    const target = this.#bytes.values;
    const firstWhole = (start + 7) >>> 3;
    const lastWhole = end >>> 3;
    if (firstWhole > lastWhole) {
      target[start >>> 3] = (target[start >>> 3] as number) | mask(start & 7, end & 7);
    } else {
      if ((start & 7) !== 0) {
        target[start >>> 3] = (target[start >>> 3] as number) | mask(start & 7, 8);
      }
      target.fill(0xff, firstWhole, lastWhole);
      if ((end & 7) !== 0) target[lastWhole] = mask(0, end & 7);
    }
    this.length = end;
  }

  appendZeros(count: number): void {
    this.#reserve(count);
    this.length += count;
  }

  countOnes(): number {
    return countBits(this.#bytes.values, this.length);
  }

  written(): Uint8Array {
    return this.#bytes.written();
  }

  #reserve(count: number): void {
    const needed = (this.length + count + 7) >>> 3;
    const more = needed - this.#bytes.length;
    if (more > 0) this.#bytes.extend(more);
  }
}

function mask(from: number, to: number): number {
  return ((1 << to) - 1) & ~((1 << from) - 1);
}

/** Int32 offsets that begin at 0 and continue from the last one. */
export class GrowingOffsets {
  readonly #offsets: GrowingArray<Int32Array>;

  constructor(offsets: GrowingArray<Int32Array>) {
    this.#offsets = offsets;
    offsets.push(0);
  }

  static of(capacity: number): GrowingOffsets {
    return new GrowingOffsets(new GrowingArray((length) => new Int32Array(length), capacity + 1));
  }

  successor(): GrowingOffsets {
    return new GrowingOffsets(this.#offsets.successor());
  }

  /** The first offset, a zero, stays. */
  clear(): void {
    this.#offsets.clear();
    this.#offsets.push(0);
  }

  get byteLength(): number {
    return this.#offsets.byteLength;
  }

  get end(): number {
    return this.#offsets.values[this.#offsets.length - 1] as number;
  }

  /** Appends the range from the last offset to `end`. */
  push(end: number): void {
    this.#offsets.push(end);
  }

  /** Appends `length` ranges; returns how many bytes or elements they span. */
  append(source: Int32Array, length: number): number {
    const span = source[length] as number;
    const base = this.#baseOf(span);
    const at = this.#offsets.extend(length);
    const target = this.#offsets.values;
    if (base === 0) target.set(source.subarray(1, length + 1), at);
    else for (let i = 1; i <= length; i++) target[at + i - 1] = base + (source[i] as number);
    return span;
  }

  /** Appends `length` ranges of the same width. */
  appendSteps(width: number, length: number): void {
    const base = this.#baseOf(width * length);
    const at = this.#offsets.extend(length);
    const target = this.#offsets.values;
    for (let i = 0; i < length; i++) target[at + i] = base + width * (i + 1);
  }

  written(): Int32Array {
    return this.#offsets.written();
  }

  /** Where so much more begins. */
  #baseOf(span: number): number {
    const base = this.end;
    if (base + span > 0x7fff_ffff) throw new RangeError('a column holds 2 GiB at most');
    return base;
  }
}
