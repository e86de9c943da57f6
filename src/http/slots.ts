/**
 * Values that come and go by the thousand a second, a slot each while they are here. A Set would do,
 * but for V8: its tables, made anew after every few removals, are linked to each other, and one that
 * has grown old keeps all that came after it from being collected young.
 */
export class Slots<Value> {
  readonly #values: (Value | null)[] = [];
  readonly #free: number[] = [];

  /** Answers its slot, for `remove`. */
  add(value: Value): number {
    const slot = this.#free.pop() ?? this.#values.length;
    this.#values[slot] = value;
    return slot;
  }

  /** Once a slot. */
  remove(slot: number): void {
    this.#values[slot] = null;
    this.#free.push(slot);
  }

  /** The values that are here. */
  values(): Value[] {
    return this.#values.filter((value): value is Value => value !== null);
  }
}
