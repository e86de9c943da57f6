import { elementColumn, elementsOf, kindOf } from '../model/kinds.ts';
import type { ColumnDefinition } from '../model/types.ts';
import { countBits } from './bits.ts';
import type { ColumnVector, LeafVector } from './column-vector.ts';
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

/** Where buffers that `pushVectorBuffers` gave lie in one memory, in their order. */
export interface PlacedBuffers {
  readonly memory: ArrayBufferLike;
  /** Moves on to the next buffer and returns where it begins, a multiple of 8. */
  next(): number;
  /** The bytes of the buffer it has moved on to. */
  readonly bytes: number;
  /** The rows of the next column, or of the elements of a list. */
  nextLength(): number;
}

/** The vector whose buffers are the next ones; a view of their memory. */
export function vectorOfBuffers(column: ColumnDefinition, placed: PlacedBuffers): ColumnVector {
  const length = placed.nextLength();
  const validity = bytesAt(placed);
  const base = { column, length, validity: validity.length === 0 ? null : validity };
  if (column.list) {
    const offsets = int32sAt(placed);
    const child = vectorOfBuffers(elementColumn(column), placed) as LeafVector;
    return { ...base, layout: 'list', offsets, child };
  }
  const { layout, stride, parts } = kindOf(column);
  switch (layout) {
    case 'bool':
      return { ...base, layout, bits: bytesAt(placed) };
    case 'binary':
      return { ...base, layout, offsets: int32sAt(placed), data: bytesAt(placed) };
    default: {
      if (parts) {
        placed.nextLength();
        placed.next();
      }
      const Elements = elementsOf(column.kind);
      const at = placed.next();
      const values = new Elements(placed.memory, at, placed.bytes / Elements.BYTES_PER_ELEMENT);
      return layout === 'fixed' ? { ...base, layout, values } : { ...base, layout, stride, values };
    }
  }
}

function bytesAt(placed: PlacedBuffers): Uint8Array {
  const at = placed.next();
  return new Uint8Array(placed.memory, at, placed.bytes);
}

function int32sAt(placed: PlacedBuffers): Int32Array {
  const at = placed.next();
  return new Int32Array(placed.memory, at, placed.bytes / 4);
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
