/** Durations in logarithmic buckets: quantiles to within 1%, in memory that does not grow. */
export class LatencyHistogram {
  readonly #buckets = new Map<number, number>();
  #count = 0;

  add(ms: number): void {
    const bucket = Math.ceil(Math.log(Math.max(ms, leastMs)) / growth);
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + 1);
    this.#count += 1;
  }

  /** The duration that `q` of all did not pass; null where there is none. */
  quantile(q: number): number | null {
    if (this.#count === 0) return null;
    const wanted = Math.max(1, Math.ceil(q * this.#count));
    let seen = 0;
    let last = 0;
    for (const [bucket, count] of [...this.#buckets].sort(([a], [b]) => a - b)) {
      last = bucket;
      seen += count;
      if (seen >= wanted) break;
    }
    return Math.exp(last * growth);
  }
}

const growth = Math.log(1.01);
const leastMs = 0.001;
