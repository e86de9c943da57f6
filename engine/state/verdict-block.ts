import { plainColumn } from '../model/plain-column.ts';
import type { ColumnDefinition } from '../model/types.ts';
import { utf8 } from '../model/utf8.ts';
import type { BinaryVector, ColumnBatch, ColumnVector } from '../vectors/column-vector.ts';
import type { FirstVerdict } from './first-verdicts.ts';

/** Entries of one block, a power of two. */
export const verdictBlockEntries = 4096;

const idBytesInitial = verdictBlockEntries * 16;

/** The columns of a block in a checkpoint. */
export const verdictBlockColumns: readonly ColumnDefinition[] = [
  plainColumn('actionId', 'string'),
  plainColumn('lsn', 'f64'),
  plainColumn('committedAt', 'f64'),
  plainColumn('verdict', 'u8'),
  plainColumn('contentLow', 'u32'),
  plainColumn('contentHigh', 'u32'),
];

/** So many first verdicts in columns. Written at its end alone: what is there never changes. */
export class VerdictBlock {
  length = 0;
  readonly offsets = new Int32Array(verdictBlockEntries + 1);
  /** The ids' bytes. */
  words = new DataView(new ArrayBuffer(idBytesInitial));
  readonly #lsns = new Float64Array(verdictBlockEntries);
  readonly #committedAt = new Float64Array(verdictBlockEntries);
  readonly #verdicts = new Uint8Array(verdictBlockEntries);
  readonly #contentLow = new Uint32Array(verdictBlockEntries);
  readonly #contentHigh = new Uint32Array(verdictBlockEntries);
  #ids = new Uint8Array(this.words.buffer);

  get memoryBytes(): number {
    return this.offsets.byteLength + this.#ids.byteLength + verdictBlockEntries * 25;
  }

  /** Adds the id that lies in `data` from `start` to `end`. */
  push(data: Uint8Array, start: number, end: number, entry: FirstVerdict): void {
    const row = this.length++;
    const from = this.offsets[row] as number;
    this.#makeRoom(from + end - start);
    for (let i = start, at = from; i < end; i++, at++) this.#ids[at] = data[i] as number;
    this.offsets[row + 1] = from + end - start;
    this.#lsns[row] = entry.lsn;
    this.#committedAt[row] = entry.committedAtMs;
    this.#verdicts[row] = entry.verdict;
    this.#contentLow[row] = entry.contentLow;
    this.#contentHigh[row] = entry.contentHigh;
  }

  at(row: number): FirstVerdict {
    return {
      lsn: this.#lsns[row] as number,
      committedAtMs: this.#committedAt[row] as number,
      verdict: this.#verdicts[row] as number,
      contentLow: this.#contentLow[row] as number,
      contentHigh: this.#contentHigh[row] as number,
    };
  }

  idAt(row: number): string {
    return utf8.decode(this.#ids.subarray(this.offsets[row], this.offsets[row + 1]));
  }

  /** Whether the id of a row is the bytes of `data` from `start` to `end`. */
  holds(row: number, data: Uint8Array, start: number, end: number): boolean {
    const from = this.offsets[row] as number;
    const length = end - start;
    if ((this.offsets[row + 1] as number) - from !== length) return false;
    for (let i = 0; i < length; i++) if (this.#ids[from + i] !== data[start + i]) return false;
    return true;
  }

  /** The first so many entries, views of its memory. */
  batch(entries: number): ColumnBatch {
    const [actionId, lsn, committedAt, verdict, contentLow, contentHigh] =
      verdictBlockColumns as readonly [
        ColumnDefinition,
        ColumnDefinition,
        ColumnDefinition,
        ColumnDefinition,
        ColumnDefinition,
        ColumnDefinition,
      ];
    const shape = { length: entries, validity: null };
    const ids: BinaryVector = {
      ...shape,
      column: actionId,
      layout: 'binary',
      offsets: this.offsets,
      data: this.#ids,
    };
    const fixed = { ...shape, layout: 'fixed' } as const;
    return {
      length: entries,
      vectors: [
        ids,
        { ...fixed, column: lsn, values: this.#lsns },
        { ...fixed, column: committedAt, values: this.#committedAt },
        { ...fixed, column: verdict, values: this.#verdicts },
        { ...fixed, column: contentLow, values: this.#contentLow },
        { ...fixed, column: contentHigh, values: this.#contentHigh },
      ],
    };
  }

  /** What `batch` gave, read back from a checkpoint. */
  static of(vectors: readonly ColumnVector[]): VerdictBlock {
    const [ids, lsns, committedAt, verdicts, contentLow, contentHigh] = vectors;
    if (ids?.layout !== 'binary') throw new RangeError('a block begins with its ids');
    const block = new VerdictBlock();
    const { length, offsets, data } = ids;
    const bytes = offsets[length] as number;
    block.#makeRoom(bytes);
    block.#ids.set(data.subarray(0, bytes));
    block.offsets.set(offsets.subarray(0, length + 1));
    block.#lsns.set(valuesOf(lsns, length));
    block.#committedAt.set(valuesOf(committedAt, length));
    block.#verdicts.set(valuesOf(verdicts, length));
    block.#contentLow.set(valuesOf(contentLow, length));
    block.#contentHigh.set(valuesOf(contentHigh, length));
    block.length = length;
    return block;
  }

  #makeRoom(bytes: number): void {
    if (bytes <= this.#ids.length) return;
    const larger = new Uint8Array(Math.max(bytes, this.#ids.length * 2));
    larger.set(this.#ids);
    this.#ids = larger;
    this.words = new DataView(larger.buffer);
  }
}

function valuesOf(vector: ColumnVector | undefined, length: number): ArrayLike<number> {
  if (vector?.layout !== 'fixed') throw new RangeError('a block has columns of fixed width');
  return vector.values.subarray(0, length) as Float64Array;
}
