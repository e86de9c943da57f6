import { ArrowBatch, readBatch } from './arrow-batch.ts';
import { ArrowDamage } from './arrow-damage.ts';
import { ArrowDictionary } from './arrow-dictionary.ts';
import { exactId } from './arrow-field.ts';
import type { ArrowSchema } from './arrow-schema.ts';
import { ExpansionBudget } from './expansion-budget.ts';
import { Flatbuffer } from './flatbuffer.ts';

/** What a schema message was read as: the schema, and what the reader's owner made of it. */
export interface Planned {
  readonly schema: ArrowSchema;
}

/** Gives what a schema message, from `start` to `end` of the body, says. */
export type ReadSchemaMessage<Plan extends Planned> = (
  flat: Flatbuffer,
  start: number,
  end: number,
) => Plan;

export interface ArrowStream<Plan extends Planned> {
  readonly plan: Plan;
  readonly batches: readonly ArrowBatch[];
  /** The rows of all batches together. */
  readonly rows: number;
}

/**
 * Reads a body of concatenated Arrow IPC streams, one at a time. Nothing in it is believed: that
 * everything a message names lies within it is checked, that a batch has the nodes, buffers and
 * rows that its schema and columns say, that it is not compressed, that no stream was cut. What
 * is not read (the metadata of fields and batches) is not checked. Throws `ArrowDamage` with what
 * is wrong.
 *
 * Messages: https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format
 */
export class ArrowStreams<Plan extends Planned> {
  readonly #body: Uint8Array;
  readonly #view: DataView;
  readonly #flat: Flatbuffer;
  readonly #readSchema: ReadSchemaMessage<Plan>;
  readonly #budget = new ExpansionBudget();
  /** The metadata of the message read last begins at `#at` and ends at `#end`. */
  #at = 0;
  #end = 0;

  constructor(body: Uint8Array, readSchema: ReadSchemaMessage<Plan>) {
    this.#body = new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
    this.#view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    this.#flat = new Flatbuffer(this.#body);
    this.#readSchema = readSchema;
  }

  /** Null at the end of the body. */
  next(): ArrowStream<Plan> | null {
    // End marks between streams say nothing: some writers fill up with zeros.
    do {
      if (this.#end === this.#body.length) return null;
    } while (!this.#toMessage());
    const plan = this.#readSchema(this.#flat, this.#at, this.#end);
    const { schema } = plan;
    const batches: ArrowBatch[] = [];
    const dictionaries = new DictionaryShelf(schema.dictionaries.size);
    let rows = 0;
    while (this.#toMessage()) {
      const message = openMessage(this.#flat, this.#at, this.#end);
      const body = this.#readBody(message.bodyBytes);
      if (message.kind === 'recordBatch') {
        const header = readBatch(this.#flat, message.header, body.length, schema.layout);
        checkRows(header.rows, header.nodes, schema);
        batches.push(new ArrowBatch(header, body, dictionaries.asTheyAre(), this.#budget));
        rows += header.rows;
      } else if (message.kind === 'dictionaryBatch') {
        this.#readDictionary(message.header, body, schema, dictionaries);
      } else {
        throw new ArrowDamage('a stream begins within another; end each with its mark');
      }
    }
    return { plan, batches, rows };
  }

  /** Goes on to the next message; false at an end mark. */
  #toMessage(): boolean {
    if (this.#end === this.#body.length) {
      throw new ArrowDamage('the last stream has no end mark, so it may have been cut');
    }
    let at = this.#end + 4;
    let metadataBytes = this.#wordBefore(at);
    // Before Arrow 0.15 there was no such word.
    if (metadataBytes === continuation) {
      at += 4;
      metadataBytes = this.#wordBefore(at);
    }
    if (metadataBytes < 0 || at + metadataBytes > this.#body.length) {
      throw new ArrowDamage('a message reaches beyond the body');
    }
    this.#at = at;
    this.#end = at + metadataBytes;
    return metadataBytes > 0;
  }

  /** The word of a message's head that ends at `end`. */
  #wordBefore(end: number): number {
    if (end > this.#body.length)
      throw new ArrowDamage('the body ends within the head of a message');
    return this.#view.getInt32(end - 4, true);
  }

  #readBody(bytes: number): Uint8Array {
    const start = this.#end;
    if (bytes < 0 || start + bytes > this.#body.length) {
      throw new ArrowDamage('a message reaches beyond the body');
    }
    this.#end = start + bytes;
    return this.#body.subarray(start, start + bytes);
  }

  #readDictionary(
    header: number,
    body: Uint8Array,
    schema: ArrowSchema,
    dictionaries: DictionaryShelf,
  ): void {
    const flat = this.#flat;
    const id = exactId(flat.wide(header, dictionarySlots.id));
    const known = schema.dictionaries.get(id);
    if (!known) throw new ArrowDamage('a dictionary is of no column');
    const data = flat.table(header, dictionarySlots.data);
    if (data === 0) throw new ArrowDamage('a dictionary has no values');
    const batch = readBatch(flat, data, body.length, known.layout);
    const values = new ArrowBatch(batch, body, [], this.#budget);
    const isDelta = flat.uint8(header, dictionarySlots.isDelta) !== 0;
    dictionaries.put(known.place, values, isDelta);
  }
}

const continuation = -1;

/** Slots and values of `Message.fbs`. */
const messageSlots = { version: 0, headerType: 1, header: 2, bodyLength: 3 };
const dictionarySlots = { id: 0, data: 1, isDelta: 2 };
const messageKinds = [null, 'schema', 'dictionaryBatch', 'recordBatch'] as const;
/** The version of Arrow 0.8, from 2017 on: before it buffers were laid out in another way. */
const metadataVersionMin = 3;

interface OpenMessage {
  readonly kind: 'schema' | 'dictionaryBatch' | 'recordBatch';
  /** The table of that kind. */
  readonly header: number;
  readonly bodyBytes: number;
}

/** Turns `flat` to the message whose metadata lies from `start` to `end`. */
export function openMessage(flat: Flatbuffer, start: number, end: number): OpenMessage {
  const message = flat.root(start, end);
  if (flat.int16(message, messageSlots.version) < metadataVersionMin) {
    throw new ArrowDamage('its metadata is older than Arrow 0.8');
  }
  const kind = messageKinds[flat.uint8(message, messageSlots.headerType)];
  if (!kind) throw new ArrowDamage('a message is neither schema, dictionary nor record batch');
  const header = flat.table(message, messageSlots.header);
  if (header === 0) throw new ArrowDamage('a message has no header');
  return { kind, header, bodyBytes: flat.wide(message, messageSlots.bodyLength) };
}

/** Every column has the batch's rows. */
function checkRows(rows: number, nodes: readonly number[], { fields }: ArrowSchema): void {
  if (rows < 0) throw new ArrowDamage('a batch has an impossible number of rows');
  for (const field of fields) {
    if (nodes[field.node * 2] !== rows) throw new ArrowDamage('its columns differ in length');
  }
}

/** The dictionaries of a stream as they stand; a batch keeps those that stood when it came. */
class DictionaryShelf {
  #current: (ArrowDictionary | undefined)[];
  #isShared = false;

  constructor(count: number) {
    this.#current = new Array<ArrowDictionary | undefined>(count).fill(undefined);
  }

  put(place: number, values: ArrowBatch, isDelta: boolean): void {
    // Copied once a batch at most: a batch names each of its columns, so that costs no more than it.
    if (this.#isShared) this.#current = this.#current.slice();
    this.#isShared = false;
    const parts = (isDelta ? (this.#current[place]?.parts ?? 0) : 0) + 1;
    this.#current[place] = new ArrowDictionary(values, parts);
  }

  asTheyAre(): readonly (ArrowDictionary | undefined)[] {
    this.#isShared = true;
    return this.#current;
  }
}
