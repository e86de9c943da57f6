import { ArrowDamage } from './arrow-damage.ts';
import type { ArrowDictionary } from './arrow-dictionary.ts';
import type { BatchLayout, PlacedField } from './arrow-field.ts';
import { misfit } from './arrow-misfit.ts';
import type { ExpansionBudget } from './expansion-budget.ts';
import type { Flatbuffer } from './flatbuffer.ts';

/** A typed array over memory that is there already. */
export interface ArrayOver<Values> {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): Values;
  readonly BYTES_PER_ELEMENT: number;
}

/**
 * A record batch of a body, or the one of a dictionary: its nodes and buffers as plain numbers,
 * each checked to be possible and to lie within the message. Buffers are views of the body.
 */
export class ArrowBatch {
  readonly rows: number;
  /** By place in the schema; undefined where none was sent. */
  readonly dictionaries: readonly (ArrowDictionary | undefined)[];
  /** What the whole body may still expand to. */
  readonly budget: ExpansionBudget;
  /** Rows and nulls of each node by turns. */
  readonly #nodes: readonly number[];
  /** Offset and bytes of each buffer by turns. */
  readonly #buffers: readonly number[];
  /** How many buffers of views come before those of each field of views, and how many there are. */
  readonly #viewBuffers: readonly number[];
  readonly #memory: ArrayBufferLike;
  /** Where the message's body begins in the memory, a multiple of 8. */
  readonly #start: number;

  constructor(
    header: BatchHeader,
    body: Uint8Array,
    dictionaries: readonly (ArrowDictionary | undefined)[],
    budget: ExpansionBudget,
  ) {
    this.rows = header.rows;
    this.dictionaries = dictionaries;
    this.budget = budget;
    this.#nodes = header.nodes;
    this.#buffers = header.buffers;
    this.#viewBuffers = header.viewBuffers;
    // Typed arrays begin at multiples of their elements: a body that came unaligned is copied.
    const aligned = body.byteOffset % 8 === 0 ? body : new Uint8Array(body);
    this.#memory = aligned.buffer;
    this.#start = aligned.byteOffset;
  }

  lengthOf(field: PlacedField): number {
    return this.#nodes[field.node * 2] as number;
  }

  nullsOf(field: PlacedField): number {
    return this.#nodes[field.node * 2 + 1] as number;
  }

  /** Elements `from` to `from + count` of the field's buffer `index`. Refuses what is cut short. */
  elements<Values>(
    field: PlacedField,
    index: number,
    Values: ArrayOver<Values>,
    from: number,
    count: number,
    place: string,
  ): Values {
    const at = this.#indexOf(field, index);
    const offset = this.#buffers[at] as number;
    const width = Values.BYTES_PER_ELEMENT;
    if ((from + count) * width > (this.#buffers[at + 1] as number)) {
      throw misfit(place, 'is cut short');
    }
    if (offset % width !== 0) throw misfit(place, 'lies across the alignment of its numbers');
    return new Values(this.#memory, this.#start + offset + from * width, count);
  }

  /** All of the field's buffer `index`. */
  bytes(field: PlacedField, index: number): Uint8Array {
    const at = this.#indexOf(field, index);
    const offset = this.#buffers[at] as number;
    return new Uint8Array(this.#memory, this.#start + offset, this.#buffers[at + 1]);
  }

  /** How many buffers a field of views has beside its validity and its views. */
  viewBuffersOf({ viewsBefore }: PlacedField): number {
    const before = this.#viewBuffers[viewsBefore] as number;
    return (this.#viewBuffers[viewsBefore + 1] as number) - before;
  }

  /** Where the numbers of the buffer are among those of all. */
  #indexOf(field: PlacedField, index: number): number {
    return (field.buffer + (this.#viewBuffers[field.viewsBefore] as number) + index) * 2;
  }
}

export interface BatchHeader {
  readonly rows: number;
  readonly nodes: readonly number[];
  readonly buffers: readonly number[];
  readonly viewBuffers: readonly number[];
}

/** Slots of `Message.fbs`. */
const batchSlots = { length: 0, nodes: 1, buffers: 2, compression: 3, viewBuffers: 4 };
const rowsMax = 0x7fff_ffff;

/**
 * Reads a `RecordBatch` table whose message has a body of `bodyBytes`. Throws `ArrowDamage` for one
 * that has not what its fields need.
 */
export function readBatch(
  flat: Flatbuffer,
  table: number,
  bodyBytes: number,
  needs: BatchLayout,
): BatchHeader {
  if (flat.has(table, batchSlots.compression)) {
    throw new ArrowDamage('it is compressed; send it as it is');
  }
  const rows = flat.wide(table, batchSlots.length);
  const nodeStructs = flat.vector(table, batchSlots.nodes, 16);
  if (flat.lengthOf(nodeStructs) !== needs.nodes) {
    throw new ArrowDamage('a batch has not the columns of its schema');
  }
  const nodes: number[] = [];
  for (let i = 0; i < needs.nodes; i++) {
    const at = nodeStructs + 4 + i * 16;
    const length = flat.wideAt(at);
    const nulls = flat.wideAt(at + 8);
    if (length < 0 || length > rowsMax || nulls < 0 || nulls > length) {
      throw new ArrowDamage('a column has an impossible number of rows or nulls');
    }
    nodes.push(length, nulls);
  }
  const bufferStructs = flat.vector(table, batchSlots.buffers, 16);
  const bufferCount = flat.lengthOf(bufferStructs);
  const buffers: number[] = [];
  for (let i = 0; i < bufferCount; i++) {
    const at = bufferStructs + 4 + i * 16;
    const offset = flat.wideAt(at);
    const bytes = flat.wideAt(at + 8);
    if (offset < 0 || bytes < 0 || offset + bytes > bodyBytes) {
      throw new ArrowDamage('a buffer reaches beyond its message');
    }
    buffers.push(offset, bytes);
  }
  const viewBuffers = readViewBuffers(flat, table, needs.views, bufferCount);
  if (bufferCount < needs.buffers + (viewBuffers[needs.views] as number)) {
    throw new ArrowDamage('a batch has fewer buffers than its columns');
  }
  return { rows, nodes, buffers, viewBuffers };
}

/** A batch without counts, or with too few, has no buffers of views there. */
function readViewBuffers(
  flat: Flatbuffer,
  table: number,
  views: number,
  bufferCount: number,
): readonly number[] {
  if (views === 0) return noViews;
  const counts = flat.vector(table, batchSlots.viewBuffers, 8);
  const given = flat.lengthOf(counts);
  const before = [0];
  for (let i = 0; i < views; i++) {
    const count = i < given ? flat.wideAt(counts + 4 + i * 8) : 0;
    if (count < 0 || count > bufferCount) {
      throw new ArrowDamage('a column has an impossible number of buffers');
    }
    before.push((before[i] as number) + count);
  }
  return before;
}

const noViews: readonly number[] = [0];
