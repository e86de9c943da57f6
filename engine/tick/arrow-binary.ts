import { isUtf8 } from 'node:buffer';
import { type Data, type DataType, Type } from 'apache-arrow';
import { EngineError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { ColumnDefinition } from '../manifest/types.ts';
import { misfit, requireElements } from './arrow-misfit.ts';
import { type BinaryVector, bitAt } from './column-vector.ts';

/** Texts and bytes of an Arrow column that a client sent; the rules are `arrowColumn`'s. */
export function binaryVector(
  data: Data,
  column: ColumnDefinition,
  validity: Uint8Array | null,
  place: string,
): BinaryVector {
  requireSameNature(data.type, column, place);
  const { length } = data;
  const given = normalOffsets(data.valueOffsets as Int32Array | BigInt64Array, length, place);
  const source = data.values as Uint8Array;
  if ((given[length] as number) > source.length) throw misfit(place, `is cut short`);
  if (column.kind !== 'bytes' && !isWellFormed(source, given)) throw misfit(place, `is not UTF-8`);
  const vector = { column, layout: 'binary', length, validity, ...packed(source, given, validity) };
  checkValues(vector as BinaryVector, place);
  return vector as BinaryVector;
}

export function isBinary(type: DataType): boolean {
  return (
    type.typeId === Type.Utf8 ||
    type.typeId === Type.Binary ||
    type.typeId === Type.LargeUtf8 ||
    type.typeId === Type.LargeBinary
  );
}

export function isBinaryView(type: DataType): boolean {
  return type.typeId === Type.Utf8View || type.typeId === Type.BinaryView;
}

function requireSameNature(type: DataType, column: ColumnDefinition, place: string): void {
  const isText =
    type.typeId === Type.Utf8 || type.typeId === Type.LargeUtf8 || type.typeId === Type.Utf8View;
  if (isText !== (column.kind !== 'bytes')) {
    throw misfit(place, `is ${type}; expected ${column.kind}`);
  }
}

/** Offsets from 0 on, and no bytes under a null. */
function packed(
  source: Uint8Array,
  given: Int32Array,
  validity: Uint8Array | null,
): { readonly offsets: Int32Array; readonly data: Uint8Array } {
  const length = given.length - 1;
  const first = given[0] as number;
  const nullsHoldBytes =
    validity !== null &&
    given.subarray(0, length).some((start, i) => start !== given[i + 1] && !bitAt(validity, i));
  if (!nullsHoldBytes) {
    const offsets = first === 0 ? given : given.map((offset) => offset - first);
    return { offsets, data: source.subarray(first, given[length]) };
  }
  const offsets = new Int32Array(length + 1);
  const bytes = new Uint8Array((given[length] as number) - first);
  let end = 0;
  for (let i = 0; i < length; i++) {
    if (bitAt(validity, i)) {
      bytes.set(source.subarray(given[i], given[i + 1]), end);
      end += (given[i + 1] as number) - (given[i] as number);
    }
    offsets[i + 1] = end;
  }
  return { offsets, data: bytes.subarray(0, end) };
}

export function normalOffsets(
  offsets: Int32Array | BigInt64Array,
  length: number,
  place: string,
): Int32Array {
  if (length === 0) return new Int32Array(1);
  requireElements(offsets, length + 1, place);
  const narrow = offsets instanceof Int32Array ? offsets.subarray(0, length + 1) : null;
  const result = narrow ?? new Int32Array(length + 1);
  let previous = 0;
  for (let i = 0; i <= length; i++) {
    const offset = Number(offsets[i]);
    if (offset < previous || offset > 0x7fff_ffff) {
      throw misfit(place, `has offsets that do not rise`);
    }
    if (!narrow) result[i] = offset;
    previous = offset;
  }
  return result;
}

/** The whole is UTF-8 and no value begins within a character. */
function isWellFormed(source: Uint8Array, offsets: Int32Array): boolean {
  const end = offsets[offsets.length - 1] as number;
  if (!isUtf8(source.subarray(offsets[0], end))) return false;
  for (const offset of offsets) {
    if (offset < end && ((source[offset] as number) & 0xc0) === 0x80) return false;
  }
  return true;
}

/** The bound on one value, and that JSON is JSON: whoever reads it later must be able to. */
function checkValues(vector: BinaryVector, place: string): void {
  const { offsets, data, length, validity, column } = vector;
  for (let i = 0; i < length; i++) {
    const start = offsets[i] as number;
    const end = offsets[i + 1] as number;
    requireSize(end - start, place, i);
    if (column.kind !== 'json' || (validity && !bitAt(validity, i))) continue;
    requireJson(data.subarray(start, end), place, i);
  }
}

function requireSize(bytes: number, place: string, row: number): void {
  if (bytes <= limits.valueBytesMax) return;
  const path = `${place}[${row}]`;
  throw new EngineError(
    'LIMIT_EXCEEDED',
    `${path} has ${bytes} bytes; at most ${limits.valueBytesMax} are allowed`,
    { details: { path, limit: limits.valueBytesMax } },
  );
}

function requireJson(bytes: Uint8Array, place: string, row: number): void {
  try {
    JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'));
  } catch {
    throw misfit(`${place}[${row}]`, `is not JSON`);
  }
}

const viewBytes = 16;
const inlineBytesMax = 12;

/**
 * Reads a column of views, the layout that Polars writes by default. A view is 16 bytes: the
 * length, then up to 12 bytes of the value itself, or its first 4, the buffer and the place there.
 */
export function viewReader(
  data: Data,
  column: ColumnDefinition,
  place: string,
): (row: number) => string | Uint8Array {
  requireSameNature(data.type, column, place);
  const views = data.values as Uint8Array;
  requireElements(views, data.length * viewBytes, place);
  const fields = new DataView(views.buffer, views.byteOffset, views.byteLength);
  const bytesOf = (row: number): Uint8Array => {
    const at = row * viewBytes;
    const length = fields.getInt32(at, true);
    if (length < 0) throw misfit(place, `is cut short`);
    if (length <= inlineBytesMax) return views.subarray(at + 4, at + 4 + length);
    const buffer = data.variadicBuffers[fields.getInt32(at + 8, true)];
    const start = fields.getInt32(at + 12, true);
    if (start < 0) throw misfit(place, `is cut short`);
    requireElements(buffer, start + length, place);
    return (buffer as Uint8Array).subarray(start, start + length);
  };
  return (row) => {
    const bytes = bytesOf(row);
    requireSize(bytes.length, place, row);
    if (column.kind === 'bytes') return bytes;
    if (!isUtf8(bytes)) throw misfit(place, `is not UTF-8`);
    if (column.kind === 'json') requireJson(bytes, place, row);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  };
}
