import { randomBytes } from 'node:crypto';

/** HalfSipHash-1-3 of Aumasson and Bernstein, 32 bits, under a key that nobody outside knows. */
export class KeyedHash {
  readonly #low: number;
  readonly #high: number;

  constructor(key: Uint8Array = randomBytes(8)) {
    const words = new DataView(key.buffer, key.byteOffset, 8);
    this.#low = words.getInt32(0, true);
    this.#high = words.getInt32(4, true);
  }

  /** The hash of the bytes from `start` to `end`. */
  of(words: DataView, start: number, end: number): number {
    let v0 = this.#low;
    let v1 = this.#high;
    let v2 = 0x6c796765 ^ this.#low;
    let v3 = 0x74656462 ^ this.#high;
    const whole = start + ((end - start) & ~3);
    let last = (end - start) << 24;
    for (let at = whole, shift = 0; at < end; at++, shift += 8) last |= words.getUint8(at) << shift;
    // The words, the rest with the length, and three rounds more.
    const rounds = whole + 16;
    for (let at = start; at < rounds; at += 4) {
      const isWord = at <= whole;
      const word = at < whole ? words.getInt32(at, true) : isWord ? last : 0;
      if (at === whole + 4) v2 ^= 0xff;
      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
    }
    return v1 ^ v3;
  }
}
