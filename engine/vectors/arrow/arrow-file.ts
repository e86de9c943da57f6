import type { ColumnDefinition } from '../../model/types.ts';
import type { ColumnBatch, ColumnVector } from '../column-vector.ts';
import { fieldOf } from './arrow-type.ts';
import { endOfStream, schemaMessage } from './ipc-messages.ts';
import { decodeRecordBatch, encodeRecordBatch } from './record-batch.ts';

/** A column batch as a whole Arrow IPC stream that any Arrow reader opens. */
export function encodeArrow(batch: ColumnBatch): Uint8Array[] {
  const fields = batch.vectors.map((vector) => fieldOf(vector.column));
  const parts = [schemaMessage(fields)];
  encodeRecordBatch(batch.length, batch.vectors, parts);
  parts.push(endOfStream);
  return parts;
}

/** Reads what `encodeArrow` wrote; vectors share the memory of `bytes`, which must be 8-byte aligned. */
export function decodeArrow(
  bytes: Uint8Array,
  columns: readonly ColumnDefinition[],
): ColumnVector[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const schemaBytes = 8 + view.getInt32(4, true);
  return decodeRecordBatch(bytes, schemaBytes, columns).vectors;
}
