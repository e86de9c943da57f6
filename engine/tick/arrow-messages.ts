import { limits } from '../limits.ts';
import { FlatTable } from './flat-table.ts';

/**
 * Walks the messages of concatenated Arrow IPC streams before anything reads them, and checks what
 * Arrow's reader takes on trust: that everything a message names lies within it, that a batch has
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
