import { notTaken } from './not-taken.ts';

/** Names by their bytes: which of a list of names stands in a body. */
export class NameTable {
  readonly #names: readonly Buffer[];
  /** Index plus one of the name in that place; 0: none. */
  readonly #slots: Uint16Array;
  readonly #mask: number;

  /** The names are ASCII, as all names of a manifest are. */
  constructor(names: readonly string[]) {
    this.#names = names.map((name) => Buffer.from(name, 'latin1'));
    let capacity = 8;
    while (capacity < names.length * 4) capacity *= 2;
    this.#mask = capacity - 1;
    this.#slots = new Uint16Array(capacity);
    this.#names.forEach((name, i) => {
      let slot = hashOf(name, 0, name.length) & this.#mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask;
      this.#slots[slot] = i + 1;
    });
  }

  /** The index of the name from `from` to `to`. Throws `notTaken` where it is none of them. */
  indexOf(bytes: Buffer, from: number, to: number): number {
    let slot = hashOf(bytes, from, to) & this.#mask;
    for (;;) {
      const index = (this.#slots[slot] as number) - 1;
      if (index < 0) throw notTaken;
      const name = this.#names[index] as Buffer;
      if (name.length === to - from && standsAt(name, bytes, from)) return index;
      slot = (slot + 1) & this.#mask;
    }
  }
}

/** Whether the bytes of `text` stand at `at`. */
function standsAt(text: Uint8Array, bytes: Buffer, at: number): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false;
  return true;
}

/** FNV-1a. */
function hashOf(bytes: Buffer, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  return hash ^ (hash >>> 15);
}
