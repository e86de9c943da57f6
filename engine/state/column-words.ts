import { kindOf } from '../model/kinds.ts';
import {
  bitAt,
  type ColumnVector,
  type FixedVector,
  type StridedVector,
} from '../vectors/column-vector.ts';
import { type BytePool, noBytes } from './byte-pool.ts';
import { wordsOf } from './row-layout.ts';

/**
 * A vector as the words its values have in a row. Ids of pooled values hold one
 * reference each until `releaseWords`.
 */
export interface ColumnWords {
  readonly words: Uint32Array;
  /** Words a row. */
  readonly width: number;
  readonly validity: Uint8Array | null;
  readonly pooled: boolean;
}

/** Shared memory where the vector's values are words already; a copy otherwise. */
export function columnWords(vector: ColumnVector, pool: BytePool): ColumnWords {
  const { validity, length } = vector;
  switch (vector.layout) {
    case 'bool': {
      const words = new Uint32Array(length);
      for (let i = 0; i < length; i++) words[i] = bitAt(vector.bits, i) ? 1 : 0;
      return { words, width: 1, validity, pooled: false };
    }
    case 'binary': {
      const words = new Uint32Array(length);
      const { offsets, data } = vector;
      for (let i = 0; i < length; i++) {
        const absent = validity !== null && !bitAt(validity, i);
        words[i] = absent
          ? noBytes
          : pool.intern(data, offsets[i] as number, offsets[i + 1] as number);
      }
      return { words, width: 1, validity, pooled: true };
    }
    case 'strided':
    case 'fixed': {
      const { values } = vector;
      if (kindOf(vector.column).word === 'pool') return pooledElements(vector, pool);
      const width = wordsOf(vector.column);
      if (values.BYTES_PER_ELEMENT >= 4) {
        const words = new Uint32Array(values.buffer, values.byteOffset, length * width);
        return { words, width, validity, pooled: false };
      }
      // Widened: a signed value keeps its sign, `Uint32Array` takes it modulo 2^32.
      const words = Uint32Array.from(values as Int8Array);
      return { words, width, validity, pooled: false };
    }
    case 'list':
      throw new RangeError('state tables hold no lists');
  }
}

/** Each row's elements as bytes of the pool. */
function pooledElements(
  { column, values, length, validity }: FixedVector | StridedVector,
  pool: BytePool,
): ColumnWords {
  const words = new Uint32Array(length);
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const width = values.BYTES_PER_ELEMENT * kindOf(column).stride;
  for (let i = 0; i < length; i++) {
    const absent = validity !== null && !bitAt(validity, i);
    words[i] = absent ? noBytes : pool.intern(bytes, i * width, (i + 1) * width);
  }
  return { words, width: 1, validity, pooled: true };
}

export function releaseWords(column: ColumnWords, pool: BytePool): void {
  if (!column.pooled) return;
  for (const id of column.words) pool.release(id);
}
