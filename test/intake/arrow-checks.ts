import { limits } from '../../engine/model/limits.ts';

/**
 * What `apache-arrow` needs before it: it believes lengths and offsets, and one flipped bit makes
 * it loop for minutes. Walks the messages of concatenated Arrow IPC streams and checks
 * what it takes on trust: that everything a message names lies within it, that a batch has
 * the nodes and rows its schema and columns say, that it is not compressed, that no stream was
 * cut. Throws `RangeError` with what is wrong.
 *
 * Messages: https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format
 */
export function checkMessages(body: Uint8Array): void {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  let at = 0;
  let schema: SchemaShape | null = null;
  while (at < body.byteLength) {
    let metadataBytes = view.getInt32(at, true);
    at += 4;
    if (metadataBytes === continuation) {
      metadataBytes = view.getInt32(at, true);
      at += 4;
    }
    if (metadataBytes === 0) {
      schema = null;
      continue;
    }
    if (metadataBytes < 0 || at + metadataBytes > body.byteLength) {
      throw new RangeError('a message reaches beyond the body');
    }
    const message = FlatTable.root(body.subarray(at, at + metadataBytes));
    at += metadataBytes;
    const bodyBytes = Number(message.int64(messageSlots.bodyLength));
    if (bodyBytes < 0 || at + bodyBytes > body.byteLength) {
      throw new RangeError('a message reaches beyond the body');
    }
    at += bodyBytes;
    checkTexts(message, messageSlots.metadata);
    schema = checkHeader(message, bodyBytes, schema);
  }
  if (schema) throw new RangeError('the last stream has no end mark, so it may have been cut');
}

const continuation = -1;
const headers = { schema: 1, dictionaryBatch: 2, recordBatch: 3 };

/** Slots of `Message.fbs` and `Schema.fbs`. */
const messageSlots = { headerType: 1, header: 2, bodyLength: 3, metadata: 4 };
const schemaSlots = { fields: 1, metadata: 2 };
const fieldSlots = { name: 0, dictionary: 4, children: 5, metadata: 6 };
const batchSlots = { length: 0, nodes: 1, buffers: 2, compression: 3, variadicCounts: 4 };
const dictionarySlots = { data: 1 };

/** How many nodes each column has in a batch. */
type SchemaShape = readonly number[];

function checkHeader(
  message: FlatTable,
  bodyBytes: number,
  schema: SchemaShape | null,
): SchemaShape | null {
  const header = message.table(messageSlots.header);
  if (!header) throw new RangeError('a message has no header');
  switch (message.uint8(messageSlots.headerType)) {
    case headers.schema:
      checkTexts(header, schemaSlots.metadata);
      return header.tables(schemaSlots.fields).map((field) => checkField(field));
    case headers.dictionaryBatch: {
      const batch = header.table(dictionarySlots.data);
      if (batch) checkBatch(batch, bodyBytes);
      return schema;
    }
    case headers.recordBatch:
      if (!schema) throw new RangeError('a batch comes before its schema');
      checkRows(header, checkBatch(header, bodyBytes), schema);
      return schema;
    default:
      throw new RangeError('a message is neither schema, dictionary nor record batch');
  }
}

/** The number of the field's nodes in a batch; of a dictionary only the indices are there. */
function checkField(field: FlatTable): number {
  field.checkText(fieldSlots.name);
  checkTexts(field, fieldSlots.metadata);
  const children = field.tables(fieldSlots.children).map((child) => checkField(child));
  if (field.has(fieldSlots.dictionary)) return 1;
  return children.reduce((sum, nodes) => sum + nodes, 1);
}

/** Keys and values. */
function checkTexts(table: FlatTable, slot: number): void {
  for (const pair of table.tables(slot)) {
    pair.checkText(0);
    pair.checkText(1);
  }
}

/** Rows and nulls of each node, one after the other. */
function checkBatch(batch: FlatTable, bodyBytes: number): bigint[] {
  if (batch.has(batchSlots.compression)) throw new RangeError('it is compressed; send it as it is');
  const nodes = batch.int64s(batchSlots.nodes, 2);
  for (let i = 0; i < nodes.length; i += 2) {
    const [rows = 0n, nulls = 0n] = [nodes[i], nodes[i + 1]];
    if (rows < 0n || rows > 0x7fff_ffffn || nulls < 0n || nulls > rows) {
      throw new RangeError('a column has an impossible number of rows or nulls');
    }
  }
  const buffers = batch.int64s(batchSlots.buffers, 2);
  for (let i = 0; i < buffers.length; i += 2) {
    const [offset = 0n, bytes = 0n] = [buffers[i], buffers[i + 1]];
    if (offset < 0n || bytes < 0n || offset + bytes > BigInt(bodyBytes)) {
      throw new RangeError('a buffer reaches beyond its message');
    }
  }
  const variadic = batch.int64s(batchSlots.variadicCounts, 1);
  if (variadic.some((count) => count < 0n || count > buffers.length)) {
    throw new RangeError('a column has an impossible number of buffers');
  }
  return nodes;
}

/** Every column has the batch's rows: Arrow's reader would fill up the others with nulls. */
function checkRows(batch: FlatTable, nodes: readonly bigint[], schema: SchemaShape): void {
  const rows = batch.int64(batchSlots.length);
  if (rows > BigInt(limits.tickEffectsMax)) throw new RangeError(`it has ${rows} rows in a batch`);
  let node = 0;
  for (const columnNodes of schema) {
    if (nodes[node * 2] !== rows) throw new RangeError('its columns differ in length');
    node += columnNodes;
  }
  if (node * 2 !== nodes.length) throw new RangeError('a batch has not the columns of its schema');
}

/**
 * A table of a flatbuffer from outside, read with every offset and length checked: the readers that
 * flatbuffers generates believe them, and a flipped bit in a length makes them loop for minutes.
 * Throws `RangeError` for what does not lie within the buffer.
 *
 * Layout: https://flatbuffers.dev/internals
 */
class FlatTable {
  readonly #view: DataView;
  readonly #at: number;
  /** Shared by all tables of a buffer: offsets may lead to the same table again and again. */
  readonly #budget: { tablesLeft: number };

  private constructor(view: DataView, at: number, budget: { tablesLeft: number }) {
    if (--budget.tablesLeft < 0) throw new RangeError('more tables than the buffer can hold');
    this.#view = view;
    this.#at = at;
    this.#budget = budget;
  }

  static root(bytes: Uint8Array): FlatTable {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const budget = { tablesLeft: bytes.byteLength >>> 2 };
    return new FlatTable(view, view.getUint32(0, true), budget);
  }

  has(slot: number): boolean {
    return this.#field(slot) !== null;
  }

  uint8(slot: number): number {
    const at = this.#field(slot);
    return at === null ? 0 : this.#view.getUint8(at);
  }

  int64(slot: number): bigint {
    const at = this.#field(slot);
    return at === null ? 0n : this.#view.getBigInt64(at, true);
  }

  table(slot: number): FlatTable | null {
    const at = this.#field(slot);
    return at === null ? null : this.#tableAt(at);
  }

  tables(slot: number): FlatTable[] {
    const { at, length } = this.#vector(slot, 4);
    return Array.from({ length }, (_, i) => this.#tableAt(at + i * 4));
  }

  /** The text's bytes lie within the buffer. */
  checkText(slot: number): void {
    this.#vector(slot, 1);
  }

  /** 64-bit numbers: structs of `words` of them each, one after the other. */
  int64s(slot: number, words: number): bigint[] {
    const { at, length } = this.#vector(slot, words * 8);
    return Array.from({ length: length * words }, (_, i) =>
      this.#view.getBigInt64(at + i * 8, true),
    );
  }

  #field(slot: number): number | null {
    const vtable = this.#at - this.#view.getInt32(this.#at, true);
    const entry = 4 + slot * 2;
    if (entry + 2 > this.#view.getUint16(vtable, true)) return null;
    const offset = this.#view.getUint16(vtable + entry, true);
    return offset === 0 ? null : this.#at + offset;
  }

  #tableAt(at: number): FlatTable {
    return new FlatTable(this.#view, at + this.#view.getUint32(at, true), this.#budget);
  }

  #vector(slot: number, elementBytes: number): { readonly at: number; readonly length: number } {
    const field = this.#field(slot);
    if (field === null) return { at: 0, length: 0 };
    const start = field + this.#view.getUint32(field, true);
    const length = this.#view.getUint32(start, true);
    const at = start + 4;
    if (at + length * elementBytes > this.#view.byteLength) {
      throw new RangeError('a vector reaches beyond the buffer');
    }
    return { at, length };
  }
}
