import { aligned } from '../../vectors/aligned.ts';

/** A burst's large blocks reserve nothing for the small ones after it. */
const reservedBytesMax = 1024 * 1024;

/**
 * Bytes that grow at the end by doubling. `bytes` may be replaced by any call that appends; its
 * buffer's length is a multiple of 8, so that it can be seen as wider numbers.
 */
export class GrowingBytes {
  bytes: Uint8Array<ArrayBuffer>;
  length = 0;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(aligned(capacity));
  }

  /** Empty, with room for as much again: blocks of a table resemble each other. */
  successor(): GrowingBytes {
    return new GrowingBytes(Math.min(this.length + (this.length >>> 3), reservedBytesMax));
  }

  /** Empty again, with the memory it has; what was handed out of it is overwritten from now on. */
  clear(): void {
    this.length = 0;
  }

  /** Makes room for `count` more and returns where they begin; the caller writes them. */
  extend(count: number): number {
    const start = this.length;
    const end = start + count;
    if (end > this.bytes.byteLength) {
      const larger = new Uint8Array(aligned(Math.max(end, this.bytes.byteLength * 2, 64)));
      larger.set(this.bytes.subarray(0, start));
      this.bytes = larger;
    }
    this.length = end;
    return start;
  }

  append(source: Uint8Array): void {
    const start = this.extend(source.byteLength);
    this.bytes.set(source, start);
  }

  /** Appends the same bytes so many times: doubling copies, a few large moves. */
  appendRepeated(source: Uint8Array, times: number): void {
    const count = source.byteLength * times;
    if (count === 0) return;
    const start = this.extend(count);
    const target = this.bytes;
    target.set(source, start);
    for (let filled = source.byteLength; filled < count; filled *= 2) {
      target.copyWithin(start + filled, start, start + Math.min(filled, count - filled));
    }
  }

  written(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}

/** Bits that grow at the end, least significant first. Bits past the end are zero. */
export class GrowingBits {
  readonly #bytes: GrowingBytes;
  length = 0;

  constructor(capacity: number) {
    this.#bytes = new GrowingBytes((capacity + 7) >>> 3);
  }

  successor(): GrowingBits {
    return new GrowingBits(this.#bytes.successor().bytes.byteLength * 8);
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
    const target = this.#bytes.bytes;
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
    const target = this.#bytes.bytes;
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
    const { bytes, length } = this.#bytes;
    let ones = 0;
    for (let i = 0; i < length; i++) ones += onesOf[bytes[i] as number] as number;
    return ones;
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

const onesOf = Uint8Array.from({ length: 256 }, (_, byte) => {
  let ones = 0;
  for (let rest = byte; rest > 0; rest >>>= 1) ones += rest & 1;
  return ones;
});
