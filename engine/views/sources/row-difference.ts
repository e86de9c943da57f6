import { bitAt, type ColumnVector } from '../../vectors/column-vector.ts';

/** Sets `differs[row]` to 1 where two vectors of one column hold different values. */
export function markDifferences(a: ColumnVector, b: ColumnVector, differs: Uint8Array): void {
  const { length } = a;
  if (a.validity !== null || b.validity !== null) {
    for (let row = 0; row < length; row++) {
      if (isPresent(a, row) !== isPresent(b, row)) differs[row] = 1;
    }
  }
  // Values under nulls are zeros, so two nulls have the same.
  if (a.layout === 'fixed' && b.layout === 'fixed') {
    for (let row = 0; row < length; row++) if (a.values[row] !== b.values[row]) differs[row] = 1;
  } else if (a.layout === 'bool' && b.layout === 'bool') {
    for (let row = 0; row < length; row++) {
      if (bitAt(a.bits, row) !== bitAt(b.bits, row)) differs[row] = 1;
    }
  } else if (a.layout === 'strided' && b.layout === 'strided') {
    for (let i = 0; i < length * a.stride; i++) {
      if (a.values[i] !== b.values[i]) differs[Math.floor(i / a.stride)] = 1;
    }
  } else if (a.layout === 'binary' && b.layout === 'binary') {
    for (let row = 0; row < length; row++) {
      const from = a.offsets[row] as number;
      const bytes = (a.offsets[row + 1] as number) - from;
      const other = b.offsets[row] as number;
      const isSame =
        bytes === (b.offsets[row + 1] as number) - other &&
        sameBytes(a.data, from, b.data, other, bytes);
      if (!isSame) differs[row] = 1;
    }
  } else {
    throw new TypeError(`"${a.column.name}" cannot be compared`);
  }
}

function isPresent({ validity }: ColumnVector, row: number): boolean {
  return validity === null || bitAt(validity, row);
}

function sameBytes(
  a: Uint8Array,
  from: number,
  b: Uint8Array,
  other: number,
  bytes: number,
): boolean {
  for (let i = 0; i < bytes; i++) if (a[from + i] !== b[other + i]) return false;
  return true;
}
