import { copyBits, countBits } from '../bits.ts';
import type { ArrowBatch } from './arrow-batch.ts';
import type { PlacedField } from './arrow-field.ts';

/** Some rows of a batch, one after the other; of a list's elements those that its rows use. */
export interface ArrowRows {
  readonly batch: ArrowBatch;
  readonly start: number;
  readonly length: number;
}

/** The rows' bits from bit 0 on, zero beyond the last; null when no row is null. */
export function readValidity(
  field: PlacedField,
  rows: ArrowRows,
  place: string,
): Uint8Array | null {
  if (rows.batch.nullsOf(field) === 0) return null;
  const bits = readBits(field, 0, rows, place);
  return countBits(bits, rows.length) === rows.length ? null : bits;
}

/** A copy of the rows' bits in the field's buffer `index`. */
export function readBits(
  field: PlacedField,
  index: number,
  { batch, start, length }: ArrowRows,
  place: string,
): Uint8Array {
  const first = start >>> 3;
  const bytes = ((start + length + 7) >>> 3) - first;
  const source = batch.elements(field, index, Uint8Array, first, bytes, place);
  return copyBits(source, start & 7, length);
}
