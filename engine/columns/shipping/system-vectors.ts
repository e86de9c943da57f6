import { plainColumn } from '../../model/plain-column.ts';
import type { ColumnVector } from '../../vectors/column-vector.ts';
import type { ConstantVector, CountingVector } from '../../vectors/growing-vector.ts';

/** Columns that ClickHouse holds beside the manifest's; no manifest can name them. */
export const lsnColumn = '_lsn';
export const deletedColumn = '_deleted';

export function constantU8(value: number, length: number): ConstantVector {
  return constant(Uint8Array.of(value), length);
}

export function constantU32(value: number, length: number): ConstantVector {
  return constant(new Uint8Array(Uint32Array.of(value).buffer), length);
}

export function constantU64(value: number, length: number): ConstantVector {
  return constant(new Uint8Array(BigUint64Array.of(BigInt(value)).buffer), length);
}

export function constantTimestamp(ms: number, length: number): ConstantVector {
  return constant(new Uint8Array(BigInt64Array.of(BigInt(ms)).buffer), length);
}

export function constantText(value: string, length: number): ConstantVector {
  return constant(Buffer.from(value, 'utf8'), length);
}

/** Null on all rows, in a column of one byte a row. */
export function nullU8(length: number): ConstantVector {
  return { layout: 'constant', length, bytes: new Uint8Array(1), isNull: true };
}

export function rowNumbers(length: number): CountingVector {
  return { layout: 'counting', length };
}

export function u32Vector(values: Uint32Array, length: number): ColumnVector {
  return { column: u32, layout: 'fixed', length, validity: null, values };
}

export function u8Vector(
  values: Uint8Array,
  length: number,
  validity: Uint8Array | null = null,
): ColumnVector {
  return { column: u8, layout: 'fixed', length, validity, values };
}

function constant(bytes: Uint8Array, length: number): ConstantVector {
  return { layout: 'constant', length, bytes, isNull: false };
}

const u8 = plainColumn('', 'u8', true);
const u32 = { ...u8, kind: 'u32', optional: false } as const;
