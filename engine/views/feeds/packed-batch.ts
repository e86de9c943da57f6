import type { ColumnDefinition } from '../../model/types.ts';
import { aligned } from '../../vectors/aligned.ts';
import type { ColumnBatch } from '../../vectors/column-vector.ts';
import {
  type PlacedBuffers,
  pushVectorBuffers,
  vectorOfBuffers,
} from '../../vectors/vector-bytes.ts';

/**
 * A copy of a batch in one array of bytes: a feed keeps thousands of small batches, and one object
 * a batch is what it can afford. A record batch of Arrow would be that too; of one row its metadata
 * is three times as large as all else ([bench](../../../bench/README.md#views)).
 *
 * ```
 * Int32  rows, number of buffers, the bytes of each
 * then the buffers of all columns, each on a multiple of 8
 * ```
 */
export function packBatch({ length, vectors }: ColumnBatch): Uint8Array {
  const buffers: Uint8Array[] = [];
  for (const vector of vectors) pushVectorBuffers(vector, buffers);
  const header = new Int32Array(2 + buffers.length);
  header[0] = length;
  header[1] = buffers.length;
  let bytes = aligned(header.byteLength);
  for (const [i, buffer] of buffers.entries()) {
    header[2 + i] = buffer.length;
    bytes += aligned(buffer.length);
  }
  const packed = new Uint8Array(bytes);
  packed.set(new Uint8Array(header.buffer));
  let at = aligned(header.byteLength);
  for (const buffer of buffers) {
    packed.set(buffer, at);
    at += aligned(buffer.length);
  }
  return packed;
}

/** The batch again; its vectors are views of `packed`. No column is a list. */
export function unpackBatch(columns: readonly ColumnDefinition[], packed: Uint8Array): ColumnBatch {
  const batch = new PackedBuffers(packed);
  const vectors = columns.map((column) => vectorOfBuffers(column, batch));
  return { length: batch.nextLength(), vectors };
}

class PackedBuffers implements PlacedBuffers {
  readonly memory: ArrayBuffer;
  bytes = 0;
  readonly #header: Int32Array;
  #buffer = 1;
  #end: number;

  constructor({ buffer }: Uint8Array) {
    this.memory = buffer as ArrayBuffer;
    const [, count] = new Int32Array(this.memory, 0, 2);
    this.#header = new Int32Array(this.memory, 0, 2 + (count as number));
    this.#end = aligned(this.#header.byteLength);
  }

  nextLength(): number {
    return this.#header[0] as number;
  }

  next(): number {
    const at = this.#end;
    this.bytes = this.#header[++this.#buffer] as number;
    this.#end += aligned(this.bytes);
    return at;
  }
}
