/**
 * The exact value of a double times 2^1074, which is an integer for every finite one: what every
 * sum of doubles is a multiple of.
 */
export function scaledDouble(value: number): bigint {
  doubles[0] = value;
  const word = words[0] as bigint;
  const exponent = Number((word >> 52n) & 0x7ffn);
  const fraction = word & 0xf_ffff_ffff_ffffn;
  // Subnormal numbers have the exponent of the least normal ones, and no hidden bit.
  const magnitude = exponent === 0 ? fraction : (fraction | (1n << 52n)) << BigInt(exponent - 1);
  return word >> 63n === 0n ? magnitude : -magnitude;
}

/** The double nearest to `scaled` / 2^1074, ties to even; past the largest one, infinity. */
export function unscaledDouble(scaled: bigint): number {
  const magnitude = scaled < 0n ? -scaled : scaled;
  const excessBits = Math.max(magnitude.toString(16).length * 4 - leadingBits, 0);
  const shift = BigInt(excessBits);
  const leading = magnitude >> shift;
  // A set bit below the leading ones decides ties, as one that is far enough below the rounding.
  const sticky = leading << shift === magnitude ? leading : leading | 1n;
  // Exact but for overflow: what has more than 53 bits comes to a normal number.
  const value = Number(sticky) * 2 ** (excessBits - 1074);
  return scaled < 0n ? -value : value;
}

/** At least 61 of them are significant: more than a double has, and room for the sticky bit. */
const leadingBits = 64;

const doubles = new Float64Array(1);
const words = new BigUint64Array(doubles.buffer);
