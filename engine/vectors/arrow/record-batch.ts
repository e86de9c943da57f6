import { Builder } from 'flatbuffers';
import { kindOf } from '../../model/kinds.ts';
import type { ColumnDefinition } from '../../model/types.ts';
import { aligned } from '../aligned.ts';
import { countBits } from '../bits.ts';
import type { ColumnVector } from '../column-vector.ts';
import type { StructVector } from '../part-vector.ts';
import { type PlacedBuffers, pushVectorBuffers, vectorOfBuffers } from '../vector-bytes.ts';

/**
 * Arrow IPC record-batch messages of our vectors: metadata (a flatbuffer) and a body, both padded
 * to 8 bytes, as the Arrow columnar format (version 1.5, "Encapsulated message format") lays them
 * out. There is no schema message: the record's header says which columns follow.
 *
 * For a given number of columns and buffers the metadata has a constant shape in which only
 * 64-bit numbers differ, so it is built once by flatbuffers and then copied and patched.
 */

const continuation = 0xffff_ffff;
const metadataVersionV5 = 4;
const headerRecordBatch = 3;

/** Appends the message's parts; returns its bytes in all (a multiple of 8). */
export function encodeRecordBatch(
  length: number,
  vectors: readonly (ColumnVector | StructVector)[],
  parts: Uint8Array[],
): number {
  const buffers: Uint8Array[] = [];
  let nodeCount = 0;
  for (const vector of vectors) {
    nodeCount += nodeCountOf(vector);
    pushVectorBuffers(vector, buffers);
  }
  const template = templateFor(nodeCount, buffers.length);
  const metadata = template.bytes.slice();
  const view = new DataView(metadata.buffer);
  setWide(view, template.lengthAt, length);
  let at = template.nodesAt;
  for (const vector of vectors) at = setNodes(view, at, vector);
  parts.push(metadata);
  let offset = 0;
  at = template.buffersAt;
  for (const buffer of buffers) {
    at = setPair(view, at, offset, buffer.length);
    if (buffer.length === 0) continue;
    parts.push(buffer);
    const padding = -buffer.length & 7;
    if (padding > 0) parts.push(paddings[padding] as Uint8Array);
    offset += buffer.length + padding;
  }
  setWide(view, template.bodyLengthAt, offset);
  return metadata.length + offset;
}

function nodeCountOf(vector: ColumnVector | StructVector): number {
  if (vector.layout === 'list') return 1 + nodeCountOf(vector.child);
  return vector.layout === 'struct' ? 1 + vector.parts.length : scalarNodes(vector.column);
}

/** Parts that lie in one vector are the items of a list of fixed size: a column within the column. */
function scalarNodes(column: ColumnDefinition): 1 | 2 {
  return kindOf(column).parts ? 2 : 1;
}

function setNodes(view: DataView, at: number, vector: ColumnVector | StructVector): number {
  const next = setPair(view, at, vector.length, nullCount(vector));
  switch (vector.layout) {
    case 'list':
      return setNodes(view, next, vector.child);
    case 'struct':
      return vector.parts.reduce((place, part) => setNodes(view, place, part), next);
    case 'strided':
      return scalarNodes(vector.column) === 1
        ? next
        : setPair(view, next, vector.length * vector.stride, 0);
    default:
      return next;
  }
}

/** Zeros, by how many. */
const paddings = Array.from({ length: 8 }, (_, bytes) => new Uint8Array(bytes));

/** Writes a whole number that is not negative as 64 bits: as a BigInt it would be garbage. */
function setWide(view: DataView, at: number, value: number): void {
  view.setUint32(at, value, true);
  view.setUint32(at + 4, value / 0x1_0000_0000, true);
}

function setPair(view: DataView, at: number, first: number, second: number): number {
  setWide(view, at, first);
  setWide(view, at + 8, second);
  return at + 16;
}

/**
 * Reads a message that `encodeRecordBatch` wrote, at `offset` of `bytes`, as vectors of `columns`.
 * The vectors share the memory of `bytes`, which must start at a multiple of 8.
 */
export function decodeRecordBatch(
  bytes: Uint8Array,
  offset: number,
  columns: readonly ColumnDefinition[],
): { readonly vectors: ColumnVector[]; readonly end: number } {
  const nodeCount = columns.reduce((sum, c) => sum + Number(c.list) + scalarNodes(c), 0);
  const bufferCount = columns.reduce((sum, column) => sum + bufferCountOf(column), 0);
  const template = templateFor(nodeCount, bufferCount);
  const message = new PlacedMessage(bytes, offset, template);
  const vectors = columns.map((column) => vectorOfBuffers(column, message));
  return { vectors, end: offset + message.byteLength };
}

/** The buffers of a message's body. */
class PlacedMessage implements PlacedBuffers {
  readonly memory: ArrayBufferLike;
  readonly byteLength: number;
  bytes = 0;
  readonly #view: DataView;
  readonly #bodyAt: number;
  #nodeAt: number;
  #bufferAt: number;

  constructor(bytes: Uint8Array, offset: number, template: MetadataTemplate) {
    const at = bytes.byteOffset + offset;
    this.memory = bytes.buffer;
    this.#view = new DataView(bytes.buffer, at);
    this.#bodyAt = at + template.bytes.length;
    this.#nodeAt = template.nodesAt;
    this.#bufferAt = template.buffersAt;
    this.byteLength = template.bytes.length + this.#wide(template.bodyLengthAt);
  }

  nextLength(): number {
    this.#nodeAt += 16;
    return this.#wide(this.#nodeAt - 16);
  }

  next(): number {
    const at = this.#bufferAt;
    this.#bufferAt += 16;
    this.bytes = this.#wide(at + 8);
    return this.#bodyAt + this.#wide(at);
  }

  #wide(at: number): number {
    return Number(this.#view.getBigInt64(at, true));
  }
}

function bufferCountOf(column: ColumnDefinition): number {
  return (kindOf(column).layout === 'binary' ? 3 : 1 + scalarNodes(column)) + (column.list ? 2 : 0);
}

function nullCount({ validity, length }: ColumnVector | StructVector): number {
  return validity === null ? 0 : length - countBits(validity, length);
}

interface MetadataTemplate {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Byte offsets of the numbers to patch. */
  readonly lengthAt: number;
  readonly nodesAt: number;
  readonly buffersAt: number;
  readonly bodyLengthAt: number;
}

const templates = new Map<number, MetadataTemplate>();

function templateFor(nodeCount: number, bufferCount: number): MetadataTemplate {
  const key = nodeCount * 65_536 + bufferCount;
  let template = templates.get(key);
  if (!template) {
    template = buildTemplate(nodeCount, bufferCount);
    templates.set(key, template);
  }
  return template;
}

/** Sentinels that mark the numbers' places; unlikely enough to occur once each. */
const lengthMark = 0x1111_2222_3333_4441n;
const nodeMark = 0x1111_2222_3333_4442n;
const bufferMark = 0x1111_2222_3333_4443n;
const bodyMark = 0x1111_2222_3333_4444n;

/** Field slots as in Arrow's `Message.fbs`: Message and RecordBatch. */
function buildTemplate(nodeCount: number, bufferCount: number): MetadataTemplate {
  const builder = new Builder(1024);
  builder.startVector(16, bufferCount, 8);
  for (let i = bufferCount - 1; i >= 0; i--) {
    builder.prep(8, 16);
    builder.writeInt64(0n);
    builder.writeInt64(i === 0 ? bufferMark : 0n);
  }
  const buffers = builder.endVector();
  builder.startVector(16, nodeCount, 8);
  for (let i = nodeCount - 1; i >= 0; i--) {
    builder.prep(8, 16);
    builder.writeInt64(0n);
    builder.writeInt64(i === 0 ? nodeMark : 0n);
  }
  const nodes = builder.endVector();
  builder.startObject(4);
  builder.addFieldInt64(0, lengthMark, 0n);
  builder.addFieldOffset(1, nodes, 0);
  builder.addFieldOffset(2, buffers, 0);
  const recordBatch = builder.endObject();
  builder.startObject(5);
  builder.addFieldInt16(0, metadataVersionV5, 0);
  builder.addFieldInt8(1, headerRecordBatch, 0);
  builder.addFieldOffset(2, recordBatch, 0);
  builder.addFieldInt64(3, bodyMark, 0n);
  builder.finish(builder.endObject());
  const flatbuffer = builder.asUint8Array();
  const size = aligned(flatbuffer.length);
  const bytes = new Uint8Array(8 + size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, continuation, true);
  view.setInt32(4, size, true);
  bytes.set(flatbuffer, 8);
  return {
    bytes,
    lengthAt: placeOf(view, lengthMark),
    nodesAt: nodeCount === 0 ? 0 : placeOf(view, nodeMark),
    buffersAt: bufferCount === 0 ? 0 : placeOf(view, bufferMark),
    bodyLengthAt: placeOf(view, bodyMark),
  };
}

function placeOf(view: DataView, mark: bigint): number {
  for (let at = 0; at + 8 <= view.byteLength; at += 4) {
    if (view.getBigInt64(at, true) === mark) return at;
  }
  throw new RangeError('the metadata template lost a mark');
}
