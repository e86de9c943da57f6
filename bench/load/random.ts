/** Xorshift, 32 bits: the same seed gives the same load. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0 || 1;
  }

  uint32(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state;
  }

  /** From 0 up to, not including, `bound`. */
  below(bound: number): number {
    return Math.floor((this.uint32() / 2 ** 32) * bound);
  }

  unit(): number {
    return this.uint32() / 2 ** 32;
  }
}

/**
 * `length` picks of `count` things. Exponent 0: uniform. Else the k-th most popular is picked with
 * a probability in proportion to k^-exponent (Zipf), by inversion of the exact distribution;
 * which thing is how popular is scattered over the range.
 */
export function picks(
  count: number,
  exponent: number,
  length: number,
  random: Random,
): Uint32Array {
  const chosen = new Uint32Array(length);
  if (exponent === 0) {
    for (let i = 0; i < length; i++) chosen[i] = random.below(count);
    return chosen;
  }
  const cumulative = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) {
    sum += (rank + 1) ** -exponent;
    cumulative[rank] = sum;
  }
  const thingOf = shuffled(count, random);
  for (let i = 0; i < length; i++) {
    const wanted = random.unit() * sum;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((cumulative[middle] as number) < wanted) low = middle + 1;
      else high = middle;
    }
    chosen[i] = thingOf[low] as number;
  }
  return chosen;
}

function shuffled(count: number, random: Random): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const other = random.below(i + 1);
    const kept = order[i] as number;
    order[i] = order[other] as number;
    order[other] = kept;
  }
  return order;
}
