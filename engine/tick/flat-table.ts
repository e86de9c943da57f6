/**
 * A table of a flatbuffer from outside, read with every offset and length checked: the readers that
 * flatbuffers generates believe them, and a flipped bit in a length makes them loop for minutes.
 * Throws `RangeError` for what does not lie within the buffer.
 *
 * Layout: https://flatbuffers.dev/internals
 */
export class FlatTable {
  readonly #view: DataView;
  readonly #at: number;
  /** Shared by all tables of a buffer: offsets may lead to the same table again and again. */
  readonly #budget: { tablesLeft: number };

  private constructor(view: DataView, at: number, budget: { tablesLeft: number }) {
    if (--budget.tablesLeft < 0) throw new RangeError('more tables than the buffer can hold');
    this.#view = view;
    this.#at = at;
    this.#budget = budget;
  }

  static root(bytes: Uint8Array): FlatTable {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const budget = { tablesLeft: bytes.byteLength >>> 2 };
    return new FlatTable(view, view.getUint32(0, true), budget);
  }

  has(slot: number): boolean {
    return this.#field(slot) !== null;
  }

  uint8(slot: number): number {
    const at = this.#field(slot);
    return at === null ? 0 : this.#view.getUint8(at);
  }

  int64(slot: number): bigint {
    const at = this.#field(slot);
    return at === null ? 0n : this.#view.getBigInt64(at, true);
  }

  table(slot: number): FlatTable | null {
    const at = this.#field(slot);
    return at === null ? null : this.#tableAt(at);
  }

  tables(slot: number): FlatTable[] {
    const { at, length } = this.#vector(slot, 4);
    return Array.from({ length }, (_, i) => this.#tableAt(at + i * 4));
  }

  /** The text's bytes lie within the buffer. */
  checkText(slot: number): void {
    this.#vector(slot, 1);
  }

  /** 64-bit numbers: structs of `words` of them each, one after the other. */
  int64s(slot: number, words: number): bigint[] {
    const { at, length } = this.#vector(slot, words * 8);
    return Array.from({ length: length * words }, (_, i) =>
      this.#view.getBigInt64(at + i * 8, true),
    );
  }

  #field(slot: number): number | null {
    const vtable = this.#at - this.#view.getInt32(this.#at, true);
    const entry = 4 + slot * 2;
    if (entry + 2 > this.#view.getUint16(vtable, true)) return null;
    const offset = this.#view.getUint16(vtable + entry, true);
    return offset === 0 ? null : this.#at + offset;
  }

  #tableAt(at: number): FlatTable {
    return new FlatTable(this.#view, at + this.#view.getUint32(at, true), this.#budget);
  }

  #vector(slot: number, elementBytes: number): { readonly at: number; readonly length: number } {
    const field = this.#field(slot);
    if (field === null) return { at: 0, length: 0 };
    const start = field + this.#view.getUint32(field, true);
    const length = this.#view.getUint32(start, true);
    const at = start + 4;
    if (at + length * elementBytes > this.#view.byteLength) {
      throw new RangeError('a vector reaches beyond the buffer');
    }
    return { at, length };
  }
}
