import { kindOf } from '../model/kinds.ts';
import { countBits } from './bits.ts';
import type { ColumnVector } from './column-vector.ts';
import type { StructVector } from './part-vector.ts';

/**
 * The vector's Arrow buffers in Arrow's order, cut to its length: validity, then offsets and data
 * or values; of a list: validity, offsets, and the buffers of its elements. An absent validity
 * buffer is empty. Views of the vector's memory.
 */
export function vectorBuffers(vector: ColumnVector): Uint8Array[] {
  const buffers: Uint8Array[] = [];
  pushVectorBuffers(vector, buffers);
  return buffers;
}

/** Appends the vector's buffers. */
export function pushVectorBuffers(
  vector: ColumnVector | StructVector,
  buffers: Uint8Array[],
): void {
  buffers.push(validityBuffer(vector));
  switch (vector.layout) {
    case 'fixed':
      buffers.push(bytesOf(vector.values, vector.length));
      break;
    case 'bool':
      buffers.push(vector.bits.subarray(0, (vector.length + 7) >>> 3));
      break;
    case 'strided':
      // In Arrow the elements are a column without nulls.
      if (kindOf(vector.column).parts) buffers.push(empty);
      buffers.push(bytesOf(vector.values, vector.length * vector.stride));
      break;
    case 'binary':
      buffers.push(bytesOf(vector.offsets, vector.length + 1));
      buffers.push(vector.data.subarray(0, vector.offsets[vector.length]));
      break;
    case 'struct':
      for (const part of vector.parts) pushVectorBuffers(part, buffers);
      break;
    case 'list':
      buffers.push(bytesOf(vector.offsets, vector.length + 1));
      pushVectorBuffers(vector.child, buffers);
      break;
  }
}

/** The bytes of memory that these views keep alive: of whole buffers, each once. */
export function heldBytes(views: readonly Uint8Array[]): number {
  const buffers = new Set(views.map(({ buffer }) => buffer));
  let bytes = 0;
  for (const { byteLength } of buffers) bytes += byteLength;
  return bytes;
}

/** Every row is null: the column says no more than one that is not there. */
export function isNullThroughout(vector: ColumnVector): boolean {
  return vector.validity !== null && countBits(vector.validity, vector.length) === 0;
}

const empty = new Uint8Array(0);

function validityBuffer(vector: ColumnVector | StructVector): Uint8Array {
  return vector.validity === null ? empty : vector.validity.subarray(0, (vector.length + 7) >>> 3);
}

function bytesOf(
  values: { buffer: ArrayBufferLike; byteOffset: number; BYTES_PER_ELEMENT: number },
  length: number,
): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, length * values.BYTES_PER_ELEMENT);
}
