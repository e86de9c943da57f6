import { notTaken } from './not-taken.ts';

/**
 * The bytes of a body, and behind them what decoding made of some of its texts: values with
 * escapes, UUIDs, JSON in the one form in which it is stored. Both are named by a place, so that a
 * cell is two places wherever its bytes lie.
 */
export class BodyText {
  readonly #body: Buffer;
  #added: Buffer = noBytes;
  #addedLength = 0;

  constructor(body: Buffer) {
    this.#body = body;
  }

  /** Adds bytes and answers their place. */
  add(bytes: Uint8Array): number {
    const at = this.#reserve(bytes.length);
    this.#added.set(bytes, at);
    return this.#body.length + at;
  }

  /** Adds the 16 bytes of a UUID that stands in the body as `8-4-4-4-12` digits. */
  addUuid(from: number, to: number): number {
    if (to - from !== 36) throw notTaken;
    const at = this.#reserve(16);
    for (let i = 0, digit = from; i < 16; i++, digit += 2) {
      if (i === 4 || i === 6 || i === 8 || i === 10) {
        if (this.#body[digit++] !== 0x2d) throw notTaken;
      }
      this.#added[at + i] = (this.#digit(digit) << 4) | this.#digit(digit + 1);
    }
    return this.#body.length + at;
  }

  /** Copies the bytes from one place to another into `target`. */
  copy(from: number, to: number, target: Uint8Array, at: number): void {
    const { length } = this.#body;
    const source = from < length ? this.#body : this.#added;
    const first = from < length ? from : from - length;
    const bytes = to - from;
    if (bytes > loopBytesMax) {
      target.set(source.subarray(first, first + bytes), at);
      return;
    }
    for (let i = 0; i < bytes; i++) target[at + i] = source[first + i] as number;
  }

  #digit(at: number): number {
    const value = hexValues[this.#body[at] as number] as number;
    if (value < 0) throw notTaken;
    return value;
  }

  #reserve(bytes: number): number {
    const at = this.#addedLength;
    this.#addedLength += bytes;
    if (this.#addedLength > this.#added.length) {
      const larger = Buffer.allocUnsafe(Math.max(256, this.#added.length * 2, this.#addedLength));
      larger.set(this.#added.subarray(0, at));
      this.#added = larger;
    }
    return at;
  }
}

const noBytes = Buffer.alloc(0);
/** Up to here a loop is faster than a call of `set`. */
const loopBytesMax = 48;

const hexValues = new Int8Array(256).fill(-1);
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16);
  hexValues[digit.charCodeAt(0)] = value;
  hexValues[digit.toUpperCase().charCodeAt(0)] = value;
}
