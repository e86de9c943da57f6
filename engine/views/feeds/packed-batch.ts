import { elementsOf, kindOf } from '../../model/kinds.ts';
import type { ColumnDefinition } from '../../model/types.ts';
import { aligned } from '../../vectors/aligned.ts';
import type { ColumnBatch, ColumnVector, FixedValues } from '../../vectors/column-vector.ts';

/**
 * A copy of a batch in one array of bytes: a feed keeps thousands of small batches, and one object
 * a batch is what it can afford. Columns are flat (no lists), as those of state tables are.
 *
 * ```
 * Int32  rows, then for each column: has validity (0 or 1), bytes of text data
 * then for each column, each part on a multiple of 8: validity?, values | bits | uuids | offsets, data
 * ```
 */
export function packBatch(batch: ColumnBatch): Uint8Array {
  const { length, vectors } = batch;
  const header = new Int32Array(1 + vectors.length * 2);
  header[0] = length;
  const parts: Uint8Array[] = [new Uint8Array(header.buffer)];
  vectors.forEach((vector, index) => {
    if (vector.validity !== null) {
      header[1 + index * 2] = 1;
      parts.push(vector.validity.subarray(0, bitBytes(length)));
    }
    switch (vector.layout) {
      case 'fixed':
        parts.push(bytesOf(vector.values, length));
        break;
      case 'bool':
        parts.push(vector.bits.subarray(0, bitBytes(length)));
        break;
      case 'strided':
        parts.push(bytesOf(vector.values, length * vector.stride));
        break;
      case 'binary': {
        const dataBytes = vector.offsets[length] as number;
        header[2 + index * 2] = dataBytes;
        parts.push(bytesOf(vector.offsets, length + 1), vector.data.subarray(0, dataBytes));
        break;
      }
      case 'list':
        throw new TypeError(`a list cannot be packed: ${vector.column.name}`);
    }
  });
  const packed = new Uint8Array(parts.reduce((sum, part) => sum + aligned(part.length), 0));
  let at = 0;
  for (const part of parts) {
    packed.set(part, at);
    at += aligned(part.length);
  }
  return packed;
}

/** The batch again; its vectors are views of `packed`. */
export function unpackBatch(columns: readonly ColumnDefinition[], packed: Uint8Array): ColumnBatch {
  const buffer = packed.buffer as ArrayBuffer;
  const header = new Int32Array(buffer, 0, 1 + columns.length * 2);
  const length = header[0] as number;
  let at = aligned(header.byteLength);
  const take = (bytes: number): number => {
    const from = at;
    at += aligned(bytes);
    return from;
  };
  const vectors = columns.map((column, index): ColumnVector => {
    const hasValidity = header[1 + index * 2] === 1;
    const validity = hasValidity
      ? new Uint8Array(buffer, take(bitBytes(length)), bitBytes(length))
      : null;
    const base = { column, length, validity };
    const { layout, stride } = kindOf(column);
    switch (layout) {
      case 'bool': {
        const bits = new Uint8Array(buffer, take(bitBytes(length)), bitBytes(length));
        return { ...base, layout, bits };
      }
      case 'binary': {
        const offsets = new Int32Array(buffer, take((length + 1) * 4), length + 1);
        const dataBytes = header[2 + index * 2] as number;
        const data = new Uint8Array(buffer, take(dataBytes), dataBytes);
        return { ...base, layout, offsets, data };
      }
      default: {
        const Elements = elementsOf(column.kind);
        const count = length * stride;
        const values = new Elements(buffer, take(count * Elements.BYTES_PER_ELEMENT), count);
        return layout === 'fixed'
          ? { ...base, layout, values }
          : { ...base, layout, stride, values };
      }
    }
  });
  return { length, vectors };
}

function bytesOf(values: FixedValues, length: number): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, length * values.BYTES_PER_ELEMENT);
}

function bitBytes(length: number): number {
  return (length + 7) >>> 3;
}
