/**
 * Seeded random numbers: the same seed gives the same sequence everywhere. The generator is
 * sfc32 (Chris Doty-Humphrey, PractRand), good enough for shapes and not for secrets.
 */
export class Random {
  #a = 0x9e3779b9 | 0;
  #b = 0x243f6a88 | 0;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#c = seed | 0;
    for (let i = 0; i < 12; i++) this.#next();
  }

  /** At least 0, below 1. */
  unit(): number {
    return this.#next() / 2 ** 32;
  }

  /** A whole number, at least 0, below `bound`. */
  below(bound: number): number {
    return Math.floor(this.unit() * bound);
  }

  /** Normally distributed around 0 with deviation 1 (Box and Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.unit())) * Math.cos(2 * Math.PI * this.unit());
  }

  /** How often an event of this mean rate happened (Knuth; for small means). */
  poisson(mean: number): number {
    const limit = Math.exp(-mean);
    let product = this.unit();
    let count = 0;
    while (product > limit) {
      product *= this.unit();
      count += 1;
    }
    return count;
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }
}

/** Values with weights, to pick from. */
export class Weighted<T> {
  readonly #values: readonly T[];
  readonly #ends: readonly number[];

  constructor(weights: readonly (readonly [T, number])[]) {
    let end = 0;
    this.#values = weights.map(([value]) => value);
    this.#ends = weights.map(([, weight]) => {
      end += weight;
      return end;
    });
  }

  pick(random: Random): T {
    const at = random.unit() * (this.#ends.at(-1) ?? 0);
    const index = this.#ends.findIndex((end) => at < end);
    return this.#values[index < 0 ? this.#values.length - 1 : index] as T;
  }
}
