/** Rows of a page: a power of two. A page is the unit of memory growth and of checkpoints. */
export const pageRowBits = 13;
export const pageRows = 1 << pageRowBits;
const pageRowMask = pageRows - 1;

/**
 * One page of rows, seen through four views of the same memory: the word at offset `o` is
 * `u32[o]`, as a double `f64[o >> 1]`.
 */
export interface RowPage {
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly f32: Float32Array;
  readonly f64: Float64Array;
  readonly i64: BigInt64Array;
  readonly u64: BigUint64Array;
}

export function newPage(rows: number, wordsPerRow: number): RowPage {
  const memory = new ArrayBuffer(rows * wordsPerRow * 4);
  return {
    u32: new Uint32Array(memory),
    i32: new Int32Array(memory),
    f32: new Float32Array(memory),
    f64: new Float64Array(memory),
    i64: new BigInt64Array(memory),
    u64: new BigUint64Array(memory),
  };
}

/** Fixed-size slots for rows. Memory is never given back; freed slots are used again. */
export class RowPages {
  readonly wordsPerRow: number;
  readonly pages: RowPage[] = [];
  readonly #free: number[] = [];
  #slotCount = 0;
  /** By page: position of the newest write. */
  readonly #touchedAt: number[] = [];

  constructor(wordsPerRow: number) {
    this.wordsPerRow = wordsPerRow;
  }

  /** Slots ever used; all rows lie below. */
  get slotCount(): number {
    return this.#slotCount;
  }

  get memoryBytes(): number {
    return this.pages.length * pageRows * this.wordsPerRow * 4;
  }

  /** A slot whose words are all zero. */
  allocate(): number {
    const freed = this.#free.pop();
    if (freed !== undefined) return freed;
    const slot = this.#slotCount++;
    if (slot >>> pageRowBits === this.pages.length) {
      this.pages.push(newPage(pageRows, this.wordsPerRow));
    }
    return slot;
  }

  free(slot: number): void {
    const offset = this.offset(slot);
    this.page(slot).u32.fill(0, offset, offset + this.wordsPerRow);
    this.#free.push(slot);
  }

  /** Notes that a row of the slot's page is written at this position. */
  touch(slot: number, lsn: number): void {
    this.#touchedAt[slot >>> pageRowBits] = lsn;
  }

  /** Pages with a write after the position, in order. */
  touchedAfter(lsn: number): number[] {
    return this.pages.flatMap((_, page) => ((this.#touchedAt[page] ?? 0) > lsn ? [page] : []));
  }

  /** Position of the page's newest write; 0 where there was none. */
  touchedAt(pageIndex: number): number {
    return this.#touchedAt[pageIndex] ?? 0;
  }

  /** Slots to be used again. */
  get freeSlots(): readonly number[] {
    return this.#free;
  }

  /** Makes room for the page's rows as a checkpoint has them; `finishLoad` follows. */
  loadPage(pageIndex: number, lsn: number): RowPage {
    while (this.pages.length <= pageIndex) this.pages.push(newPage(pageRows, this.wordsPerRow));
    this.#touchedAt[pageIndex] = lsn;
    return this.pages[pageIndex] as RowPage;
  }

  /** Ends loading: slots below `slotCount` for which `isTaken` does not hold are free. */
  finishLoad(slotCount: number, isTaken: (slot: number) => boolean): void {
    this.#slotCount = slotCount;
    for (let slot = slotCount - 1; slot >= 0; slot--) if (!isTaken(slot)) this.#free.push(slot);
  }

  page(slot: number): RowPage {
    return this.pages[slot >>> pageRowBits] as RowPage;
  }

  /** The row's first word within its page. */
  offset(slot: number): number {
    return (slot & pageRowMask) * this.wordsPerRow;
  }
}

/** Row images saved aside: before-images of a tick, undo of an action. Grows, never shrinks. */
export class RowImages {
  readonly #wordsPerRow: number;
  #page: RowPage;
  #capacity: number;
  #length = 0;

  constructor(wordsPerRow: number) {
    this.#wordsPerRow = wordsPerRow;
    this.#capacity = 64;
    this.#page = newPage(this.#capacity, wordsPerRow);
  }

  get page(): RowPage {
    return this.#page;
  }

  get length(): number {
    return this.#length;
  }

  /** Saves a row's words; returns the image's index. */
  push(page: RowPage, offset: number): number {
    if (this.#length === this.#capacity) {
      const larger = newPage(this.#capacity * 2, this.#wordsPerRow);
      larger.u32.set(this.#page.u32);
      this.#page = larger;
      this.#capacity *= 2;
    }
    const words = this.#wordsPerRow;
    const from = page.u32;
    const to = this.#page.u32;
    const base = this.#length * words;
    for (let i = 0; i < words; i++) to[base + i] = from[offset + i] as number;
    return this.#length++;
  }

  offset(index: number): number {
    return index * this.#wordsPerRow;
  }

  /** Overwrites image `to` with image `from`. */
  move(from: number, to: number): void {
    const words = this.#wordsPerRow;
    this.#page.u32.copyWithin(to * words, from * words, (from + 1) * words);
  }

  truncate(length: number): void {
    this.#length = length;
  }
}
