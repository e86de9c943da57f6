/** One allocation serves as many frames as fit; larger ones than a quarter of it get their own. */
const slabBytes = 1024 * 1024;

/**
 * Memory for frames, which live until they are written. Carved from slabs: a small record is filled
 * in less time than a buffer of its own takes to allocate and to collect.
 */
export class FrameMemory {
  #slab = Buffer.alloc(0);
  #used = 0;

  /** Uninitialised bytes at a multiple of 8. */
  take(bytes: number): Buffer {
    if (bytes > slabBytes / 4) return Buffer.allocUnsafeSlow(bytes);
    if (this.#used + bytes > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(slabBytes);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used = (start + bytes + 7) & ~7;
    return this.#slab.subarray(start, start + bytes);
  }
}
