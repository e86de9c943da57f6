import { elementsOf, partColumns } from '../model/kinds.ts';
import type { ColumnDefinition } from '../model/types.ts';
import type { FixedVector, StridedVector } from './column-vector.ts';

/** The parts of a column, each as a column of its own; they share which rows are present. */
export function partVectors(vector: StridedVector): FixedVector[] {
  const { column, length, validity, stride, values } = vector;
  return partColumns(column).map((part, index) => {
    const own = new (elementsOf(part.kind))(length);
    for (let row = 0; row < length; row++) own[row] = values[row * stride + index] as number;
    return { column: part, layout: 'fixed', length, validity, values: own };
  });
}

/** Arrow's struct: the parts of a column as columns side by side, for readers that want it so. */
export interface StructVector {
  readonly layout: 'struct';
  readonly column: ColumnDefinition;
  readonly length: number;
  /** The parts say which rows are present. */
  readonly validity: null;
  readonly parts: readonly FixedVector[];
}

export function structOf(vector: StridedVector): StructVector {
  const { column, length } = vector;
  return { layout: 'struct', column, length, validity: null, parts: partVectors(vector) };
}
