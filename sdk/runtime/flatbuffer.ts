/** A node of a flatbuffer: what a field of a table points to. */
export type FlatNode =
  | { readonly kind: 'table'; readonly slots: readonly FlatSlot[] }
  | { readonly kind: 'tables'; readonly items: readonly FlatNode[] }
  /** A vector of structs of two 64-bit numbers, which follow each other here. */
  | { readonly kind: 'pairs'; readonly numbers: readonly number[] }
  | { readonly kind: 'text'; readonly text: string };

/** A field of a table: a number of so many bytes, a node, or absent. */
export type FlatSlot =
  | { readonly kind: 'number'; readonly bytes: 1 | 2 | 4 | 8; readonly value: number }
  | FlatNode
  | null;

export const table = (...slots: readonly FlatSlot[]): FlatNode => ({ kind: 'table', slots });
export const tables = (items: readonly FlatNode[]): FlatNode => ({ kind: 'tables', items });
export const pairs = (numbers: readonly number[]): FlatNode => ({ kind: 'pairs', numbers });
export const text = (content: string): FlatNode => ({ kind: 'text', text: content });
export const int8 = (value: number): FlatSlot => ({ kind: 'number', bytes: 1, value });
export const int16 = (value: number): FlatSlot => ({ kind: 'number', bytes: 2, value });
export const int32 = (value: number): FlatSlot => ({ kind: 'number', bytes: 4, value });
/** Whole, not negative, and at most 2^53. */
export const int64 = (value: number): FlatSlot => ({ kind: 'number', bytes: 8, value });

const utf8 = new TextEncoder();

/**
 * Writes a flatbuffer, front to back: a table comes after its own vtable and before what its fields
 * point to. It holds the few shapes of node that messages of Arrow are made of.
 * https://flatbuffers.dev/internals/
 */
export function writeFlatbuffer(root: FlatNode): Uint8Array {
  const writer = new FlatWriter();
  writer.reserve(4);
  writer.pointTo(0, root);
  return writer.finish();
}

class FlatWriter {
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);
  #end = 0;

  /** Zeros at the end, so that `bytes` come to lie at a multiple of `alignment`; gives their place. */
  reserve(bytes: number, alignment = 4): number {
    const start = aligned(this.#end, alignment);
    this.#end = start + bytes;
    if (this.#end > this.#bytes.length) {
      const larger = new Uint8Array(this.#end * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return start;
  }

  /** Writes the node, and how far it is from `at`. */
  pointTo(at: number, node: FlatNode): void {
    const start = this.#write(node);
    this.#view.setUint32(at, start - at, true);
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, aligned(this.#end, 8));
  }

  #write(node: FlatNode): number {
    switch (node.kind) {
      case 'table':
        return this.#writeTable(node.slots);
      case 'tables': {
        const start = this.reserve(4 + 4 * node.items.length);
        this.#view.setUint32(start, node.items.length, true);
        node.items.forEach((item, i) => {
          this.pointTo(start + 4 + 4 * i, item);
        });
        return start;
      }
      case 'pairs': {
        // The length stands before the first struct, which lies at a multiple of 8.
        const start = this.reserve(8 + 8 * node.numbers.length, 8) + 4;
        this.#view.setUint32(start, node.numbers.length / 2, true);
        node.numbers.forEach((number, i) => {
          this.#writeNumber(start + 4 + 8 * i, 8, number);
        });
        return start;
      }
      case 'text': {
        const content = utf8.encode(node.text);
        // A zero ends it.
        const start = this.reserve(4 + content.length + 1);
        this.#view.setUint32(start, content.length, true);
        this.#bytes.set(content, start + 4);
        return start;
      }
    }
  }

  #writeTable(slots: readonly FlatSlot[]): number {
    const vtableBytes = 4 + 2 * slots.length;
    let tableBytes = 4;
    const places = slots.map((slot) => {
      if (slot === null) return 0;
      const bytes = slot.kind === 'number' ? slot.bytes : 4;
      const place = aligned(tableBytes, bytes);
      tableBytes = place + bytes;
      return place;
    });
    const vtable = this.reserve(vtableBytes);
    const start = this.reserve(tableBytes, 8);
    this.#view.setUint16(vtable, vtableBytes, true);
    this.#view.setUint16(vtable + 2, tableBytes, true);
    this.#view.setInt32(start, start - vtable, true);
    slots.forEach((slot, i) => {
      const place = places[i] ?? 0;
      this.#view.setUint16(vtable + 4 + 2 * i, place, true);
      if (slot === null) return;
      if (slot.kind === 'number') this.#writeNumber(start + place, slot.bytes, slot.value);
      else this.pointTo(start + place, slot);
    });
    return start;
  }

  #writeNumber(at: number, bytes: 1 | 2 | 4 | 8, value: number): void {
    const view = this.#view;
    if (bytes === 1) view.setUint8(at, value);
    else if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    if (bytes === 8) view.setUint32(at + 4, value / 2 ** 32, true);
  }
}

/** The first multiple of `alignment` from `place` on. */
export function aligned(place: number, alignment: number): number {
  return Math.ceil(place / alignment) * alignment;
}
