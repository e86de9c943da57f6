import { grown } from '../../vectors/growing-array.ts';
import type { ImageRing } from '../feeds/image-ring.ts';
import type { Sign } from '../sources/source-rows.ts';

/** Groups of a view that can leave it: how many rows each has, and which numbers may be free. */
export class LeavingGroups {
  /** All that may remember how a group was. */
  readonly rings: ImageRing[] = [];
  #rows = new Uint32Array(0);
  /** Whether a group had rows before (1), by its place among those of the tick at hand. */
  #there = new Uint8Array(0);
  /** Groups to look at: gone, or forgotten by a ring. */
  readonly #candidates = new Set<number>();

  get memoryBytes(): number {
    return this.#rows.byteLength + this.#candidates.size * candidateBytes;
  }

  rowsOf(group: number): number {
    return this.#rows[group] as number;
  }

  grow(capacity: number): void {
    this.#rows = grown(this.#rows, capacity);
  }

  count(groups: Uint32Array, length: number, sign: Sign): void {
    const rows = this.#rows;
    for (let row = 0; row < length; row++) {
      const group = groups[row] as number;
      const left = (rows[group] as number) + sign;
      if (left < 0) throw new RangeError('a row is taken back that was never added');
      rows[group] = left;
    }
  }

  keepThere(groups: Uint32Array, count: number): void {
    if (this.#there.length < count) this.#there = new Uint8Array(count * 2);
    for (let i = 0; i < count; i++) {
      this.#there[i] = this.rowsOf(groups[i] as number) > 0 ? 1 : 0;
    }
  }

  moveThere(from: number, to: number): void {
    this.#there[to] = this.#there[from] as number;
  }

  wasThere(place: number): boolean {
    return this.#there[place] === 1;
  }

  mayBeFree(group: number): void {
    if (this.rowsOf(group) === 0) this.#candidates.add(group);
  }

  /** Hands over the groups that are gone and that no ring remembers. Between ticks alone. */
  freeLeft(free: (group: number) => void): void {
    if (this.#candidates.size === 0) return;
    for (const group of this.#candidates) {
      if (this.rowsOf(group) > 0 || this.rings.some((ring) => ring.remembers(group))) continue;
      free(group);
    }
    this.#candidates.clear();
  }
}

const candidateBytes = 40;
