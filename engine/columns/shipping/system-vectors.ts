import type { ColumnDefinition, ScalarKind } from '../../manifest/types.ts';
import type { ColumnVector } from '../../tick/column-vector.ts';

/** Columns that ClickHouse holds beside the manifest's; no manifest can name them. */
export const lsnColumn = '_lsn';
export const deletedColumn = '_deleted';

const utf8 = new TextEncoder();

function define(name: string, kind: ScalarKind): ColumnDefinition {
  return { name, kind, optional: false, list: false, values: [] };
}

/** One value on every row. */
export function constantU32(name: string, value: number, length: number): ColumnVector {
  const values = new Uint32Array(length).fill(value);
  return { column: define(name, 'u32'), layout: 'fixed', length, validity: null, values };
}

export function constantU64(name: string, value: number, length: number): ColumnVector {
  const values = new BigUint64Array(length).fill(BigInt(value));
  return { column: define(name, 'u64'), layout: 'fixed', length, validity: null, values };
}

export function constantTimestamp(name: string, ms: number, length: number): ColumnVector {
  const values = new BigInt64Array(length).fill(BigInt(ms));
  return { column: define(name, 'timestamp'), layout: 'fixed', length, validity: null, values };
}

export function constantText(name: string, value: string, length: number): ColumnVector {
  const text = utf8.encode(value);
  const width = text.byteLength;
  const data = new Uint8Array(width * length);
  // Doubling copies: a few large moves in place of one a row.
  if (length > 0) data.set(text);
  for (let filled = width; filled < data.byteLength; filled *= 2) {
    data.copyWithin(filled, 0, Math.min(filled, data.byteLength - filled));
  }
  const offsets = new Int32Array(length + 1);
  for (let i = 1; i <= length; i++) offsets[i] = i * width;
  return {
    column: define(name, 'string'),
    layout: 'binary',
    length,
    validity: null,
    offsets,
    data,
  };
}

export function u32Vector(name: string, values: Uint32Array, length: number): ColumnVector {
  return { column: define(name, 'u32'), layout: 'fixed', length, validity: null, values };
}

export function u8Vector(name: string, values: Uint8Array, length: number): ColumnVector {
  return { column: define(name, 'u8'), layout: 'fixed', length, validity: null, values };
}

export function rowNumbers(name: string, length: number): ColumnVector {
  const values = new Uint32Array(length);
  for (let i = 0; i < length; i++) values[i] = i;
  return u32Vector(name, values, length);
}
