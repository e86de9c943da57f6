import { Binary } from 'apache-arrow/fb/binary';
import { Block } from 'apache-arrow/fb/block';
import { Bool } from 'apache-arrow/fb/bool';
import { Buffer as ArrowBuffer } from 'apache-arrow/fb/buffer';
import { Endianness } from 'apache-arrow/fb/endianness';
import { Field } from 'apache-arrow/fb/field';
import { FieldNode } from 'apache-arrow/fb/field-node';
import { FixedSizeBinary } from 'apache-arrow/fb/fixed-size-binary';
import { FloatingPoint } from 'apache-arrow/fb/floating-point';
import { Footer } from 'apache-arrow/fb/footer';
import { Int } from 'apache-arrow/fb/int';
import { List } from 'apache-arrow/fb/list';
import { Message } from 'apache-arrow/fb/message';
import { MessageHeader } from 'apache-arrow/fb/message-header';
import { MetadataVersion } from 'apache-arrow/fb/metadata-version';
import { Precision } from 'apache-arrow/fb/precision';
import { RecordBatch } from 'apache-arrow/fb/record-batch';
import { Schema } from 'apache-arrow/fb/schema';
import { TimeUnit } from 'apache-arrow/fb/time-unit';
import { Timestamp } from 'apache-arrow/fb/timestamp';
import { Type } from 'apache-arrow/fb/type';
import { Utf8 } from 'apache-arrow/fb/utf8';
import { Builder } from 'flatbuffers';
import { aligned } from '../aligned.ts';
import type { ArrowField, ArrowType } from './wire-field.ts';

/**
 * Messages of the Arrow IPC format, uncompressed.
 * https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc
 */

/** A message's framing and metadata: `ffffffff`, length, flatbuffer padded to 8 bytes. */
export function schemaMessage(fields: readonly ArrowField[]): Uint8Array {
  const builder = new Builder(1024);
  const schema = writeSchema(builder, fields);
  return frame(builder, MessageHeader.Schema, schema, 0);
}

export interface BatchNode {
  readonly length: number;
  readonly nullCount: number;
}

/**
 * A record batch as parts to be written one after the other: metadata, then every buffer padded
 * to 8 bytes. The buffers are not copied.
 */
export function recordBatchMessage(
  length: number,
  nodes: readonly BatchNode[],
  buffers: readonly Uint8Array[],
): Uint8Array[] {
  const builder = new Builder(256 + 16 * (nodes.length + buffers.length));
  const offsets: number[] = [];
  const body: Uint8Array[] = [];
  let bodyBytes = 0;
  for (const buffer of buffers) {
    offsets.push(bodyBytes);
    if (buffer.byteLength === 0) continue;
    body.push(buffer);
    const padding = -buffer.byteLength & 7;
    if (padding > 0) body.push(zeros.subarray(0, padding));
    bodyBytes += buffer.byteLength + padding;
  }
  RecordBatch.startNodesVector(builder, nodes.length);
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i] as BatchNode;
    FieldNode.createFieldNode(builder, BigInt(node.length), BigInt(node.nullCount));
  }
  const nodesVector = builder.endVector();
  RecordBatch.startBuffersVector(builder, buffers.length);
  for (let i = buffers.length - 1; i >= 0; i--) {
    const bytes = (buffers[i] as Uint8Array).byteLength;
    ArrowBuffer.createBuffer(builder, BigInt(offsets[i] as number), BigInt(bytes));
  }
  const buffersVector = builder.endVector();
  RecordBatch.startRecordBatch(builder);
  RecordBatch.addLength(builder, BigInt(length));
  RecordBatch.addNodes(builder, nodesVector);
  RecordBatch.addBuffers(builder, buffersVector);
  const batch = RecordBatch.endRecordBatch(builder);
  return [frame(builder, MessageHeader.RecordBatch, batch, bodyBytes), ...body];
}

export const endOfStream: Uint8Array = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0);
export const fileMagic: Uint8Array = new TextEncoder().encode('ARROW1');

export interface FileBlock {
  readonly offset: number;
  readonly metadataBytes: number;
  readonly bodyBytes: number;
}

/** What ends an Arrow file after the end mark of its stream: footer, its length, the magic. */
export function fileFooter(
  fields: readonly ArrowField[],
  batches: readonly FileBlock[],
): Uint8Array {
  const builder = new Builder(1024);
  const schema = writeSchema(builder, fields);
  Footer.startRecordBatchesVector(builder, batches.length);
  for (let i = batches.length - 1; i >= 0; i--) {
    const block = batches[i] as FileBlock;
    Block.createBlock(builder, BigInt(block.offset), block.metadataBytes, BigInt(block.bodyBytes));
  }
  const batchesVector = builder.endVector();
  Footer.startDictionariesVector(builder, 0);
  const dictionaries = builder.endVector();
  Footer.startFooter(builder);
  Footer.addVersion(builder, MetadataVersion.V5);
  Footer.addSchema(builder, schema);
  Footer.addDictionaries(builder, dictionaries);
  Footer.addRecordBatches(builder, batchesVector);
  builder.finish(Footer.endFooter(builder));
  const footer = builder.asUint8Array();
  const out = new Uint8Array(footer.byteLength + 4 + fileMagic.byteLength);
  out.set(footer);
  new DataView(out.buffer).setInt32(footer.byteLength, footer.byteLength, true);
  out.set(fileMagic, footer.byteLength + 4);
  return out;
}

const zeros = new Uint8Array(8);

function frame(
  builder: Builder,
  header: MessageHeader,
  headerOffset: number,
  bodyBytes: number,
): Uint8Array {
  Message.startMessage(builder);
  Message.addVersion(builder, MetadataVersion.V5);
  Message.addHeaderType(builder, header);
  Message.addHeader(builder, headerOffset);
  Message.addBodyLength(builder, BigInt(bodyBytes));
  builder.finish(Message.endMessage(builder));
  const metadata = builder.asUint8Array();
  const padded = aligned(metadata.byteLength);
  const out = new Uint8Array(8 + padded);
  const view = new DataView(out.buffer);
  view.setUint32(0, 0xffff_ffff, true);
  view.setInt32(4, padded, true);
  out.set(metadata, 8);
  return out;
}

function writeSchema(builder: Builder, fields: readonly ArrowField[]): number {
  const offsets = fields.map((field) => writeField(builder, field));
  const fieldsVector = Schema.createFieldsVector(builder, offsets);
  Schema.startSchema(builder);
  Schema.addEndianness(builder, Endianness.Little);
  Schema.addFields(builder, fieldsVector);
  return Schema.endSchema(builder);
}

function writeField(builder: Builder, field: ArrowField): number {
  const name = builder.createString(field.name);
  const items = field.type.id === 'list' ? [writeField(builder, field.type.item)] : [];
  const children = Field.createChildrenVector(builder, items);
  const [typeId, type] = writeType(builder, field.type);
  Field.startField(builder);
  Field.addName(builder, name);
  Field.addNullable(builder, field.nullable);
  Field.addTypeType(builder, typeId);
  Field.addType(builder, type);
  Field.addChildren(builder, children);
  return Field.endField(builder);
}

function writeType(builder: Builder, type: ArrowType): [Type, number] {
  switch (type.id) {
    case 'int':
      return [Type.Int, Int.createInt(builder, type.bits, type.signed)];
    case 'float':
      return [
        Type.FloatingPoint,
        FloatingPoint.createFloatingPoint(
          builder,
          type.bits === 32 ? Precision.SINGLE : Precision.DOUBLE,
        ),
      ];
    case 'bool':
      Bool.startBool(builder);
      return [Type.Bool, Bool.endBool(builder)];
    case 'utf8':
      Utf8.startUtf8(builder);
      return [Type.Utf8, Utf8.endUtf8(builder)];
    case 'binary':
      Binary.startBinary(builder);
      return [Type.Binary, Binary.endBinary(builder)];
    case 'fixedBinary':
      return [Type.FixedSizeBinary, FixedSizeBinary.createFixedSizeBinary(builder, type.byteWidth)];
    case 'timestampMs': {
      const zone = builder.createString('UTC');
      return [Type.Timestamp, Timestamp.createTimestamp(builder, TimeUnit.MILLISECOND, zone)];
    }
    case 'list':
      List.startList(builder);
      return [Type.List, List.endList(builder)];
  }
}
