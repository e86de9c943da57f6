import { aligned } from '../vectors/aligned.ts';

/** A piece of memory and the slab it is of, to be given back. */
export interface RecordSpace {
  readonly bytes: Buffer;
  readonly slab: RecordSlab;
}

export interface RecordSlab {
  readonly memory: Buffer;
  used: number;
  /** Spaces not yet given back. */
  held: number;
}

/** Larger than the largest record that is copied (`record.ts`). */
export const slabBytes = 1024 * 1024;
/** Slabs kept for later, beside those in use. */
const sparesMax = 8;

/**
 * Where records are encoded: slabs that are used again once everything in them is written. Memory
 * of its own a record would be a thousand buffers a second outside the heap, which V8 answers by
 * collecting everything more often. What is never given back (a failed log's) is simply collected.
 */
export class RecordMemory {
  #open: RecordSlab = newSlab();
  readonly #spare: RecordSlab[] = [];

  /** At most `slabBytes`, at a multiple of eight; with what was there before in it. */
  reserve(bytes: number): RecordSpace {
    const reserved = aligned(bytes);
    if (this.#open.used + reserved > slabBytes) {
      // Written already, or given back by its last holder.
      const { held } = this.#open;
      if (held === 0) this.#open.used = 0;
      else this.#open = this.#spare.pop() ?? newSlab();
    }
    const slab = this.#open;
    const space = slab.memory.subarray(slab.used, slab.used + bytes);
    slab.used += reserved;
    slab.held++;
    return { bytes: space, slab };
  }

  giveBack(slab: RecordSlab): void {
    slab.held--;
    if (slab.held > 0 || slab === this.#open) return;
    slab.used = 0;
    if (this.#spare.length < sparesMax) this.#spare.push(slab);
  }
}

function newSlab(): RecordSlab {
  return { memory: Buffer.allocUnsafeSlow(slabBytes), used: 0, held: 0 };
}
