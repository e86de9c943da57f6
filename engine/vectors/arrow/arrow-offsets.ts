import type { EngineError } from '../../model/errors.ts';
import { bitAt } from '../column-vector.ts';
import { tooLong, type ValueBound } from '../value-bound.ts';
import type { PlacedField } from './arrow-field.ts';
import { misfit } from './arrow-misfit.ts';
import type { ArrowRows } from './arrow-rows.ts';

/**
 * The offsets of texts, bytes or lists, one more than rows: rising, within `available`, and no
 * value that is not null past the bound. They begin where the client's do.
 */
export function readOffsets(
  field: PlacedField,
  rows: ArrowRows,
  isLarge: boolean,
  available: number,
  validity: Uint8Array | null,
  bound: ValueBound,
  place: string,
): Int32Array {
  const { batch, start, length } = rows;
  if (length === 0) return new Int32Array(1);
  const offsets = isLarge
    ? narrowed(batch.elements(field, 1, Int32Array, start * 2, (length + 1) * 2, place), place)
    : batch.elements(field, 1, Int32Array, start, length + 1, place);
  let previous = offsets[0] as number;
  let longest = 0;
  if (previous < 0) throw notRising(place);
  for (let i = 1; i <= length; i++) {
    const next = offsets[i] as number;
    if (next < previous) throw notRising(place);
    if (next - previous > longest) longest = next - previous;
    previous = next;
  }
  if (previous > available) throw misfit(place, 'is cut short');
  if (longest > bound.max) requireBound(offsets, validity, bound, place);
  return offsets;
}

function requireBound(
  offsets: Int32Array,
  validity: Uint8Array | null,
  bound: ValueBound,
  place: string,
): void {
  for (let i = 0; i + 1 < offsets.length; i++) {
    const count = (offsets[i + 1] as number) - (offsets[i] as number);
    const isPresent = validity === null || bitAt(validity, i);
    if (count > bound.max && isPresent) throw tooLong(count, bound, `${place}[${i}]`);
  }
}

/** Offsets of 64 bits, given as their halves, that fit in 31: none other can lie within a body. */
function narrowed(halves: Int32Array, place: string): Int32Array {
  const offsets = new Int32Array(halves.length >>> 1);
  for (let i = 0; i < offsets.length; i++) {
    if (halves[i * 2 + 1] !== 0) throw notRising(place);
    offsets[i] = halves[i * 2] as number;
  }
  return offsets;
}

/** Whether some row is null and yet has bytes or elements. */
export function nullsHoldSome(offsets: Int32Array, validity: Uint8Array | null): boolean {
  if (validity === null) return false;
  for (let i = 0; i + 1 < offsets.length; i++) {
    if (offsets[i] !== offsets[i + 1] && !bitAt(validity, i)) return true;
  }
  return false;
}

/** Offsets counted from 0 on, whatever the first of `offsets` is. */
export function fromZero(offsets: Int32Array): Int32Array {
  const first = offsets[0] as number;
  return first === 0 ? offsets : offsets.map((offset) => offset - first);
}

function notRising(place: string): EngineError {
  return misfit(place, 'has offsets that do not rise');
}
