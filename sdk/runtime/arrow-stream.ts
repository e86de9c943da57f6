import { type ArrowType, type ArrowValues, Bits, NameValues, noBytes } from './arrow-values.ts';
import {
  aligned,
  type FlatNode,
  int8,
  int16,
  int64,
  pairs,
  table,
  tables,
  text,
  writeFlatbuffer,
} from './flatbuffer.ts';

/** One column of a stream: its values, and which of them are null. */
export class ArrowColumn {
  readonly name: string;
  readonly values: ArrowValues;
  /** How errors name it. */
  readonly #place: string;
  #present: Bits | null = null;
  #nulls = 0;

  constructor(name: string, values: ArrowValues, place: string) {
    this.name = name;
    this.values = values;
    this.#place = place;
  }

  get length(): number {
    return this.values.length;
  }

  push(value: unknown): void {
    if (value === null || value === undefined) {
      this.pushNulls(1);
      return;
    }
    this.values.push(value, this.#place);
    this.#present?.push(true);
  }

  pushNulls(count: number): void {
    if (count > 0 && this.#present === null) {
      this.#present = new Bits();
      for (let row = 0; row < this.length; row += 1) this.#present.push(true);
    }
    for (let i = 0; i < count; i += 1) {
      this.values.pushNothing();
      this.#present?.push(false);
    }
    this.#nulls += count;
  }

  addTo(batch: BatchParts): void {
    batch.nodes.push(this.length, this.#nulls);
    for (const length of this.values.childLengths) batch.nodes.push(length, 0);
    batch.buffers.push(this.#present?.bytes() ?? noBytes, ...this.values.buffers(this.#place));
  }
}

class BatchParts {
  /** Length and nulls of each node. */
  readonly nodes: number[] = [];
  readonly buffers: Uint8Array[] = [];
}

/** Pieces of a body, each of which begins at a multiple of 8. */
export class BodyParts {
  readonly #parts: Uint8Array[] = [];
  #bytes = 0;

  add(part: Uint8Array): void {
    this.#parts.push(part);
    this.#bytes += aligned(part.length, 8);
  }

  joined(): Uint8Array {
    const body = new Uint8Array(this.#bytes);
    let end = 0;
    for (const part of this.#parts) {
      body.set(part, end);
      end += aligned(part.length, 8);
    }
    return body;
  }
}

/** The message that begins a stream; the same bytes for the same columns and metadata. */
export function schemaMessage(
  columns: readonly ArrowColumn[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const fields = columns.map(({ name, values }, i) => fieldOf(name, values.type, i));
  const entries = Object.entries(metadata).map(([key, value]) => table(text(key), text(value)));
  return messageOf(headerTypes.schema, table(null, tables(fields), tables(entries)), 0);
}

/** The stream behind its schema: names, rows, and the mark of its end. */
export function addRows(columns: readonly ArrowColumn[], rows: number, body: BodyParts): void {
  columns.forEach(({ name, values }, id) => {
    if (!(values instanceof NameValues)) return;
    const batch = new BatchParts();
    new ArrowColumn(name, values.names, name).addTo(batch);
    const { header, bytes } = batchHeader(batch, values.names.length);
    body.add(messageOf(headerTypes.dictionary, table(int64(id), header), bytes));
    for (const buffer of batch.buffers) body.add(buffer);
  });
  const batch = new BatchParts();
  for (const column of columns) column.addTo(batch);
  const { header, bytes } = batchHeader(batch, rows);
  body.add(messageOf(headerTypes.rows, header, bytes));
  for (const buffer of batch.buffers) body.add(buffer);
  body.add(endOfStream);
}

/** The mark that ends a stream. */
export const endOfStream: Uint8Array = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0);
/** Members of `MessageHeader` in `Message.fbs`. */
const headerTypes = { schema: 1, dictionary: 2, rows: 3 };
const metadataVersion5 = 4;

function fieldOf(name: string, type: ArrowType, id: number): FlatNode {
  const { item, indices } = type;
  return table(
    text(name),
    int8(1),
    int8(type.id),
    type.properties,
    indices ? table(int64(id), indices) : null,
    item ? tables([fieldOf('item', item, id)]) : null,
  );
}

function batchHeader({ nodes, buffers }: BatchParts, rows: number) {
  let bytes = 0;
  const places = buffers.flatMap((buffer) => {
    const place = bytes;
    bytes += aligned(buffer.length, 8);
    return [place, buffer.length];
  });
  return { header: table(int64(rows), pairs(nodes), pairs(places)), bytes };
}

function messageOf(headerType: number, header: FlatNode, bodyBytes: number): Uint8Array {
  const metadata = writeFlatbuffer(
    table(int16(metadataVersion5), int8(headerType), header, int64(bodyBytes)),
  );
  const message = new Uint8Array(8 + metadata.length);
  const view = new DataView(message.buffer);
  view.setUint32(0, 0xffff_ffff, true);
  view.setUint32(4, metadata.length, true);
  message.set(metadata, 8);
  return message;
}
