import type { ColumnDefinition } from '../../model/types.ts';
import type { ColumnVector } from '../../vectors/column-vector.ts';

export function uint32Vector(column: ColumnDefinition, values: Uint32Array): ColumnVector {
  return { layout: 'fixed', column, length: values.length, values, validity: null };
}

export function uint32sOf(vector: ColumnVector): Uint32Array {
  if (vector.layout === 'fixed' && vector.values instanceof Uint32Array) return vector.values;
  throw new TypeError(`"${vector.column.name}" holds no lanes`);
}

export function float64sOf(vector: ColumnVector): Float64Array {
  if (vector.layout === 'fixed' && vector.values instanceof Float64Array) return vector.values;
  throw new TypeError(`"${vector.column.name}" holds no floats`);
}

export function binaryOf(vector: ColumnVector): ColumnVector & { layout: 'binary' } {
  if (vector.layout === 'binary') return vector;
  throw new TypeError(`"${vector.column.name}" holds no bytes`);
}

/** What Arrow's 32-bit offsets reach. */
export function assertBinaryBytes(column: ColumnDefinition, bytes: number): void {
  if (bytes < 2 ** 31) return;
  throw new RangeError(`a chunk of "${column.name}" has ${bytes} bytes, and no file holds 2 GiB`);
}
