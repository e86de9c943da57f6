/** The groups of a view in key order, sorted when they are asked for. */
export class GroupOrder {
  readonly #compare: (a: number, b: number) => number;
  #order: number[] = [];
  #size = 0;
  /** Groups that came, and that went, since then; one that did both is in both. */
  readonly #came = new Set<number>();
  readonly #went = new Set<number>();

  constructor(compare: (a: number, b: number) => number) {
    this.#compare = compare;
  }

  came(group: number): void {
    this.#came.add(group);
  }

  /** The group may come again, also with another key. */
  went(group: number): void {
    this.#came.delete(group);
    this.#went.add(group);
  }

  /** `size`: of a view whose groups only come, how many have; they need not be told one by one. */
  inOrder(size: number): readonly number[] {
    for (; this.#size < size; this.#size++) this.#came.add(this.#size);
    if (this.#went.size > 0) {
      // Gone since the last time, whatever came under the same number.
      this.#order = this.#order.filter((group) => !this.#went.has(group));
      this.#went.clear();
    }
    if (this.#came.size > 0) {
      const fresh = [...this.#came].sort(this.#compare);
      this.#order = this.#merge(this.#order, fresh);
      this.#came.clear();
    }
    return this.#order;
  }

  #merge(a: readonly number[], b: readonly number[]): number[] {
    const merged: number[] = [];
    let j = 0;
    for (const group of a) {
      while (j < b.length && this.#compare(b[j] as number, group) < 0) {
        merged.push(b[j++] as number);
      }
      merged.push(group);
    }
    while (j < b.length) merged.push(b[j++] as number);
    return merged;
  }
}
