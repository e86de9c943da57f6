import { Binary } from 'apache-arrow/fb/binary';
import { Block } from 'apache-arrow/fb/block';
import { Bool } from 'apache-arrow/fb/bool';
import { Endianness } from 'apache-arrow/fb/endianness';
import { Field } from 'apache-arrow/fb/field';
import { FixedSizeBinary } from 'apache-arrow/fb/fixed-size-binary';
import { FixedSizeList } from 'apache-arrow/fb/fixed-size-list';
import { FloatingPoint } from 'apache-arrow/fb/floating-point';
import { Footer } from 'apache-arrow/fb/footer';
import { Int } from 'apache-arrow/fb/int';
import { List } from 'apache-arrow/fb/list';
import { Message } from 'apache-arrow/fb/message';
import { MessageHeader } from 'apache-arrow/fb/message-header';
import { MetadataVersion } from 'apache-arrow/fb/metadata-version';
import { Precision } from 'apache-arrow/fb/precision';
import { Schema } from 'apache-arrow/fb/schema';
import { Struct_ as Struct } from 'apache-arrow/fb/struct-';
import { TimeUnit } from 'apache-arrow/fb/time-unit';
import { Timestamp } from 'apache-arrow/fb/timestamp';
import { Type } from 'apache-arrow/fb/type';
import { Utf8 } from 'apache-arrow/fb/utf8';
import { Builder } from 'flatbuffers';
import type { NumberKind } from '../../model/kinds.ts';
import { aligned } from '../aligned.ts';
import type { ArrowField, ArrowType } from './arrow-type.ts';

/**
 * Messages of the Arrow IPC format, uncompressed.
 * https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc
 */

/** A message's framing and metadata: `ffffffff`, length, flatbuffer padded to 8 bytes. */
export function schemaMessage(fields: readonly ArrowField[]): Uint8Array {
  const builder = new Builder(1024);
  const schema = writeSchema(builder, fields);
  return message(builder, MessageHeader.Schema, schema, 0);
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

function message(
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
  const items = fieldsWithin(field.type).map((item) => writeField(builder, item));
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

function fieldsWithin(type: ArrowType): readonly ArrowField[] {
  switch (type.kind) {
    case 'list':
      return [type.item];
    case 'fixedList':
      return [{ name: 'item', type: { kind: 'number', as: type.as }, nullable: false }];
    case 'struct':
      return type.fields;
    default:
      return [];
  }
}

function writeType(builder: Builder, type: ArrowType): [Type, number] {
  switch (type.kind) {
    case 'number':
      return writeNumber(builder, type.as);
    case 'bool':
      Bool.startBool(builder);
      return [Type.Bool, Bool.endBool(builder)];
    case 'binary':
      if (type.isText) {
        Utf8.startUtf8(builder);
        return [Type.Utf8, Utf8.endUtf8(builder)];
      }
      Binary.startBinary(builder);
      return [Type.Binary, Binary.endBinary(builder)];
    case 'fixedBinary':
      return [Type.FixedSizeBinary, FixedSizeBinary.createFixedSizeBinary(builder, type.width)];
    case 'timestamp': {
      const zone = builder.createString(type.zone ?? '');
      return [Type.Timestamp, Timestamp.createTimestamp(builder, TimeUnit[type.unit], zone)];
    }
    case 'fixedList':
      return [Type.FixedSizeList, FixedSizeList.createFixedSizeList(builder, type.size)];
    case 'struct':
      Struct.startStruct_(builder);
      return [Type.Struct_, Struct.endStruct_(builder)];
    case 'list':
      List.startList(builder);
      return [Type.List, List.endList(builder)];
    default:
      throw new RangeError(`no column is written as ${type.kind}`);
  }
}

function writeNumber(builder: Builder, kind: NumberKind): [Type, number] {
  const bits = Number(kind.slice(1));
  if (!kind.startsWith('f')) {
    return [Type.Int, Int.createInt(builder, bits, kind.startsWith('i'))];
  }
  const precision = bits === 32 ? Precision.SINGLE : Precision.DOUBLE;
  return [Type.FloatingPoint, FloatingPoint.createFloatingPoint(builder, precision)];
}
