/** Bitmaps as Arrow has them: one bit a row, the least significant of a byte first. */

/** Bits `from` to `from + length` from bit 0 on, zero beyond the last; `source` must have them. */
export function copyBits(source: Uint8Array, from: number, length: number): Uint8Array {
  const first = from >>> 3;
  const shift = from & 7;
  const bytes = (length + 7) >>> 3;
  const bits = new Uint8Array(bytes);
  bits.set(source.subarray(first, first + bytes));
  if (shift > 0) {
    for (let i = 0; i < bytes; i++) {
      const next = source[first + i + 1] ?? 0;
      bits[i] = ((bits[i] as number) >>> shift) | (next << (8 - shift));
    }
  }
  if ((length & 7) !== 0) {
    bits[bytes - 1] = (bits[bytes - 1] as number) & ((1 << (length & 7)) - 1);
  }
  return bits;
}

/** How many of the first `length` bits are 1. */
export function countBits(bits: Uint8Array, length: number): number {
  const whole = length >>> 3;
  let count = 0;
  for (let i = 0; i < whole; i++) count += onesOf[bits[i] as number] as number;
  const rest = (1 << (length & 7)) - 1;
  return rest === 0 ? count : count + (onesOf[(bits[whole] as number) & rest] as number);
}

const onesOf = Uint8Array.from({ length: 256 }, (_, byte) => {
  let ones = 0;
  for (let rest = byte; rest > 0; rest >>>= 1) ones += rest & 1;
  return ones;
});
