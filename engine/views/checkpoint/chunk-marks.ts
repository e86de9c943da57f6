import type { Lsn } from '../../model/position.ts';
import { grown } from '../../vectors/growing-array.ts';

/** The last position that changed a row of each chunk. */
export class ChunkMarks {
  readonly #rowBits: number;
  #lsns = new Float64Array(16);

  constructor(rowBits: number) {
    this.#rowBits = rowBits;
  }

  /** The first `count` of `rows` were changed at `lsn`. */
  touch(rows: Uint32Array, count: number, lsn: Lsn): void {
    for (let i = 0; i < count; i++) {
      const chunk = (rows[i] as number) >>> this.#rowBits;
      if (chunk >= this.#lsns.length) this.#lsns = grown(this.#lsns, chunk + 1);
      this.#lsns[chunk] = lsn;
    }
  }

  isTouched(chunk: number, afterLsn: Lsn): boolean {
    return (this.#lsns[chunk] ?? 0) > afterLsn;
  }
}
