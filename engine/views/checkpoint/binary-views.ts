import { asLsn } from '../../model/position.ts';
import type { ColumnDefinition } from '../../model/types.ts';
import type { ColumnVector } from '../../vectors/column-vector.ts';
import type { CheckpointPart } from './checkpoint-part.ts';
import { uint32Vector } from './part-columns.ts';
import { type StoredViews, textsPart } from './view-checkpoint.ts';

interface Header {
  readonly lsn: number;
  readonly definitions: string;
  readonly dictionaries: readonly { readonly table: string; readonly column: string }[];
  readonly views: readonly { readonly stamp: number }[];
  /** Bytes of each content: of the dictionaries, then of the views, in order. */
  readonly partBytes: readonly number[];
}

/**
 * The views of checkpoints up to format 3, one binary of its own kind, which an upgraded title may
 * have to start from when its old log was dropped. Nothing writes it any more.
 *
 *     bytes of the header, u32 │ header, JSON │ contents, one after the other
 *
 * A dictionary is one content. A view is one for the lanes of its keys, one for each lane of its
 * aggregates, then one for each set of distinct values. Numbers are little-endian.
 */
export function readBinaryViews(bytes: Uint8Array, parts: readonly CheckpointPart[]): StoredViews {
  const headerBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const json = new TextDecoder().decode(bytes.subarray(4, 4 + headerBytes));
  const header = JSON.parse(json) as Header;
  let contents: ReadonlyMap<string, readonly Uint8Array[]> | null = null;
  return {
    lsn: asLsn(header.lsn),
    definitions: header.definitions,
    stamps: header.views.map(({ stamp }) => stamp),
    rowStamps: [],
    // Of other definitions it would have other contents, so they are not looked at before.
    pieces(part, columns) {
      contents ??= contentsOf(header, bytes.subarray(4 + headerBytes), parts);
      const own = contents.get(part);
      return own ? [vectorsOf(own, columns)] : [];
    },
  };
}

function contentsOf(
  { dictionaries, partBytes }: Header,
  bytes: Uint8Array,
  parts: readonly CheckpointPart[],
): Map<string, readonly Uint8Array[]> {
  let at = 0;
  const all = partBytes.map((length) => {
    at += length;
    // Copied, since a content may begin anywhere.
    return new Uint8Array(bytes.subarray(at - length, at));
  });
  const contents = new Map<string, readonly Uint8Array[]>();
  for (const { table, column } of dictionaries) {
    contents.set(textsPart(table, column), all.splice(0, 1));
  }
  for (const { name, rows } of parts) {
    if (rows.columns.some(isText)) continue;
    const lanes = rows.columns.filter((column) => !isKeyLane(column));
    contents.set(name, all.splice(0, 1 + lanes.length));
  }
  return contents;
}

function vectorsOf(
  contents: readonly Uint8Array[],
  columns: readonly ColumnDefinition[],
): ColumnVector[] {
  const rest = [...contents];
  const next = () => rest.shift() ?? new Uint8Array(0);
  const keys = columns.filter(isKeyLane);
  return [
    ...(keys.length === 0 ? [] : keyVectors(next(), keys)),
    ...columns.filter((column) => !isKeyLane(column)).map((column) => vectorOf(next(), column)),
  ];
}

/** Only lanes of keys are such. */
function isKeyLane({ kind }: ColumnDefinition): boolean {
  return kind === 'u32';
}

function isText({ kind }: ColumnDefinition): boolean {
  return kind === 'string';
}

/** Key after key, lane by lane within a key. */
function keyVectors({ buffer }: Uint8Array, columns: readonly ColumnDefinition[]): ColumnVector[] {
  const words = new Uint32Array(buffer);
  const length = words.length / columns.length;
  return columns.map((column, lane) => {
    const values = new Uint32Array(length);
    for (let row = 0; row < length; row++) {
      values[row] = words[row * columns.length + lane] as number;
    }
    return uint32Vector(column, values);
  });
}

/**
 * Floats one after the other; or a count, then so many numbers, then bytes: for texts the numbers
 * are where each ends, for other bytes how long each is, and -1 is null.
 */
function vectorOf(content: Uint8Array, column: ColumnDefinition): ColumnVector {
  const { buffer } = content;
  if (column.kind === 'f64') {
    const values = new Float64Array(buffer);
    return { layout: 'fixed', column, length: values.length, values, validity: null };
  }
  const [length = 0] = new Int32Array(buffer, 0, 1);
  const numbers = new Int32Array(buffer, 4, length);
  const offsets = new Int32Array(length + 1);
  const validity = new Uint8Array((length + 7) >>> 3);
  numbers.forEach((number, row) => {
    const end = isText(column) ? number : (offsets[row] as number) + Math.max(number, 0);
    offsets[row + 1] = end;
    if (number >= 0) validity[row >>> 3] = (validity[row >>> 3] as number) | (1 << (row & 7));
  });
  const data = content.subarray(4 + numbers.byteLength);
  return { layout: 'binary', column, length, offsets, data, validity };
}
