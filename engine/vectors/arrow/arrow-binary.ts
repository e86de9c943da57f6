import { isAscii, isUtf8 } from 'node:buffer';
import { jsonTooDeep, textNestsDeeper } from '../../model/json-depth.ts';
import { kindOf } from '../../model/kinds.ts';
import { limits } from '../../model/limits.ts';
import type { ColumnDefinition } from '../../model/types.ts';
import { type BinaryVector, bitAt } from '../column-vector.ts';
import { tooLong, valueBound } from '../value-bound.ts';
import type { PlacedField } from './arrow-field.ts';
import { misfit, wrongType } from './arrow-misfit.ts';
import { fromZero, nullsHoldSome, readOffsets } from './arrow-offsets.ts';
import type { ArrowRows } from './arrow-rows.ts';

/** Reads texts or bytes as a vector; the rules are `arrowColumn`'s. */
export type BinaryReader = (
  rows: ArrowRows,
  validity: Uint8Array | null,
  place: string,
) => BinaryVector;

/** The reader of a field of texts or bytes, small or large; throws where it is not of that type. */
export function binaryReader(
  field: PlacedField,
  column: ColumnDefinition,
  place: string,
): BinaryReader {
  const { type } = field;
  const { form } = kindOf(column);
  if (type.kind !== 'binary' || type.isText !== (form !== 'bytes')) {
    throw wrongType(place, type, column.kind);
  }
  return (rows, validity, at) => {
    const source = rows.batch.bytes(field, 2);
    const available = source.length;
    const given = readOffsets(field, rows, type.isLarge, available, validity, valueBound, at);
    if (type.isText && !isWellFormed(source, given)) throw misfit(at, 'is not UTF-8');
    const vector: BinaryVector = {
      column,
      layout: 'binary',
      length: rows.length,
      validity,
      ...packed(source, given, validity),
    };
    if (form === 'json') checkJson(vector, at);
    return vector;
  };
}

/** Offsets from 0 on, and no bytes under a null. */
function packed(
  source: Uint8Array,
  given: Int32Array,
  validity: Uint8Array | null,
): Pick<BinaryVector, 'offsets' | 'data'> {
  const length = given.length - 1;
  const first = given[0] as number;
  if (validity === null || !nullsHoldSome(given, validity)) {
    return { offsets: fromZero(given), data: source.subarray(first, given[length]) };
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

/** The whole is UTF-8 and no value begins within a character. */
function isWellFormed(source: Uint8Array, offsets: Int32Array): boolean {
  const end = offsets[offsets.length - 1] as number;
  const used = source.subarray(offsets[0], end);
  if (isAscii(used)) return true;
  if (!isUtf8(used)) return false;
  for (let i = 0; i < offsets.length; i++) {
    const offset = offsets[i] as number;
    if (offset < end && ((source[offset] as number) & 0xc0) === 0x80) return false;
  }
  return true;
}

/** JSON is JSON, and not too deep: whoever reads it later must be able to. */
function checkJson({ offsets, data, length, validity }: BinaryVector, place: string): void {
  for (let i = 0; i < length; i++) {
    if (validity && !bitAt(validity, i)) continue;
    requireJson(data.subarray(offsets[i], offsets[i + 1]), place, i);
  }
}

function requireJson(bytes: Uint8Array, place: string, row: number): void {
  const text = textOf(bytes);
  try {
    JSON.parse(text);
  } catch {
    throw misfit(`${place}[${row}]`, `is not JSON`);
  }
  if (textNestsDeeper(text, limits.jsonDepthMax)) throw jsonTooDeep(`${place}[${row}]`);
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
}

const viewBytes = 16;
const inlineBytesMax = 12;

/**
 * The reader of a field of views, the layout that Polars writes by default; throws where it is not
 * of that type. A view is 16 bytes: the length, then up to 12 bytes of the value itself, or its
 * first 4, the buffer and the place there.
 */
export function viewReader(
  field: PlacedField,
  column: ColumnDefinition,
  place: string,
): (rows: ArrowRows, place: string) => (row: number) => string | Uint8Array {
  const { type } = field;
  const { form } = kindOf(column);
  if (type.kind !== 'view' || type.isText !== (form !== 'bytes')) {
    throw wrongType(place, type, column.kind);
  }
  return ({ batch, start, length }, at) => {
    const from = start * viewBytes;
    const views = batch.elements(field, 1, Uint8Array, from, length * viewBytes, at);
    const numbers = new DataView(views.buffer, views.byteOffset, views.byteLength);
    const buffers = batch.viewBuffersOf(field);
    let current = -1;
    let buffer: Uint8Array = views;
    const bytesOf = (row: number): Uint8Array => {
      const view = row * viewBytes;
      const bytes = numbers.getInt32(view, true);
      if (bytes < 0) throw misfit(at, `is cut short`);
      if (bytes <= inlineBytesMax) return views.subarray(view + 4, view + 4 + bytes);
      const index = numbers.getInt32(view + 8, true);
      if (index !== current) {
        if (index < 0 || index >= buffers) throw misfit(at, `is cut short`);
        buffer = batch.bytes(field, 2 + index);
        current = index;
      }
      const offset = numbers.getInt32(view + 12, true);
      if (offset < 0 || offset + bytes > buffer.length) throw misfit(at, `is cut short`);
      return buffer.subarray(offset, offset + bytes);
    };
    return (row) => {
      const bytes = bytesOf(row);
      if (bytes.length > valueBound.max) {
        throw tooLong(bytes.length, valueBound, `${at}[${row}]`);
      }
      if (form === 'bytes') return bytes;
      if (!isUtf8(bytes)) throw misfit(at, `is not UTF-8`);
      if (form === 'json') requireJson(bytes, at, row);
      return textOf(bytes);
    };
  };
}
