/** Remembers what was made last, oldest forgotten first, bounded by the sum of weights. */
export class BoundedCache<Value> {
  readonly #weightMax: number;
  readonly #entries = new Map<string, { readonly value: Value; readonly weight: number }>();
  #weight = 0;

  constructor(weightMax: number) {
    this.#weightMax = weightMax;
  }

  /** `weigh` counts what the value keeps alive; every value weighs one more. */
  get(key: string, make: () => Value, weigh: (value: Value) => number): Value {
    const found = this.#entries.get(key);
    if (found) return found.value;
    const value = make();
    const weight = weigh(value) + 1;
    if (weight > this.#weightMax) return value;
    this.#entries.set(key, { value, weight });
    this.#weight += weight;
    for (const [oldest, entry] of this.#entries) {
      if (this.#weight <= this.#weightMax) break;
      this.#entries.delete(oldest);
      this.#weight -= entry.weight;
    }
    return value;
  }

  /** What is remembered, or null. */
  peek(key: string): Value | null {
    return this.#entries.get(key)?.value ?? null;
  }

  clear(): void {
    this.#entries.clear();
    this.#weight = 0;
  }
}
