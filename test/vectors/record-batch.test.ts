import {
  type DataType,
  Field,
  Message,
  MessageHeader,
  MetadataVersion,
  RecordBatchReader,
  Schema,
} from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ColumnDefinition, Value } from '../../engine/model/types.ts';
import { decodeRecordBatch, encodeRecordBatch } from '../../engine/vectors/arrow/record-batch.ts';
import { type ColumnVector, valueAt } from '../../engine/vectors/column-vector.ts';
import { vectorBuffers } from '../../engine/vectors/vector-bytes.ts';
import { anyColumn, cellOf, columnOf, vectorOf } from '../intake/any-column.ts';
import { ownType } from '../intake/arrow-types.ts';

const batch = fc.nat(4).chain((more) => {
  const columns = fc.tuple(...Array.from({ length: more + 1 }, (_, i) => anyColumn(`c${i}`)));
  return columns.chain((all) => {
    const row = fc.tuple(...all.map(cellOf));
    return fc.array(row, { maxLength: 20 }).map((rows) => ({ columns: all, rows }));
  });
});

function vectorsOf(columns: readonly ColumnDefinition[], rows: readonly (readonly Value[])[]) {
  return columns.map((column, c) => {
    const values = rows.map((row) => row[c] ?? null);
    return vectorOf(column, values);
  });
}

function encoded(length: number, vectors: readonly ColumnVector[]): Buffer {
  const parts: Uint8Array[] = [];
  const bytes = encodeRecordBatch(length, vectors, parts);
  const message = Buffer.concat(parts);
  expect(message.length).toBe(bytes);
  expect(bytes % 8).toBe(0);
  return message;
}

/** Memory that begins at a multiple of eight, as the log hands payloads over. */
function aligned(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts)).slice();
}

describe('a record batch', () => {
  it('reads back as it was written, every kind, nulls and lists, wherever it lies', () => {
    fc.assert(
      fc.property(batch, fc.nat(3), ({ columns, rows }, words) => {
        const vectors = vectorsOf(columns, rows);
        const before = new Uint8Array(words * 8);
        const bytes = aligned(before, encoded(rows.length, vectors), new Uint8Array(8));
        const read = decodeRecordBatch(bytes, before.length, columns);
        expect(read.end).toBe(bytes.length - 8);
        vectors.forEach((vector, c) => {
          const again = read.vectors[c] as ColumnVector;
          expect(again.length).toBe(rows.length);
          expect(vectorBuffers(again).map(bytesOf)).toEqual(vectorBuffers(vector).map(bytesOf));
          const values = rows.map((_, row) => valueAt(again, row));
          expect(values).toEqual(rows.map((row) => row[c] ?? null));
        });
      }),
    );
  });

  it('is what apache-arrow reads when a schema stands before it', () => {
    fc.assert(
      fc.property(batch, ({ columns, rows }) => {
        const message = encoded(rows.length, vectorsOf(columns, rows));
        const stream = aligned(schemaMessage(columns), message, endMark);
        const [read] = [...RecordBatchReader.from(stream)];
        expect(read?.numRows ?? 0).toBe(rows.length);
        columns.forEach((column, c) => {
          const values = rows.map((_, row) => read?.getChildAt(c)?.get(row));
          expect(values.map((value) => comparable(column, value))).toEqual(
            rows.map((row) => comparable(column, row[c])),
          );
        });
      }),
    );
  });

  it('says how many rows are null', () => {
    const vector = vectorOf(columnOf('c', 'u32', { optional: true }), [1, null, 3, null, null]);
    const stream = aligned(schemaMessage([vector.column]), encoded(5, [vector]), endMark);
    const [read] = [...RecordBatchReader.from(stream)];
    expect(read?.getChildAt(0)?.nullCount).toBe(3);
  });

  it('may have no columns at all', () => {
    const bytes = aligned(encoded(7, []));
    expect(decodeRecordBatch(bytes, 0, [])).toEqual({ vectors: [], end: bytes.length });
  });
});

const endMark = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0);

function schemaMessage(columns: readonly ColumnDefinition[]): Uint8Array {
  const fields = columns.map((c) => new Field<DataType>(c.name, ownType(c), c.optional));
  const schema = new Schema(fields, new Map(), new Map(), MetadataVersion.V5);
  const message = Message.encode(Message.from(schema));
  expect(Message.decode(message).headerType).toBe(MessageHeader.Schema);
  const bytes = new Uint8Array(8 + ((message.length + 7) & ~7));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0xffff_ffff, true);
  view.setInt32(4, bytes.length - 8, true);
  bytes.set(message, 8);
  return bytes;
}

function bytesOf(buffer: Uint8Array): string {
  return Buffer.from(buffer).toString('hex');
}

/** One shape for what we keep and what Arrow gives back. */
function comparable(column: ColumnDefinition, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (column.list) {
    return [...(value as Iterable<unknown>)].map((one) =>
      comparable({ ...column, list: false }, one),
    );
  }
  switch (column.kind) {
    case 'enum':
      return typeof value === 'number' ? column.values[value] : value;
    case 'uuid':
      return typeof value === 'string' ? value.replaceAll('-', '') : bytesOf(value as Uint8Array);
    case 'bytes':
      return bytesOf(value as Uint8Array);
    case 'vec3':
      return Symbol.iterator in Object(value)
        ? [...(value as Iterable<number>)]
        : Object.values(value as object);
    default:
      return value;
  }
}
