import { limits } from '../model/limits.ts';
import type { TableDefinition } from '../model/types.ts';
import type { GuardCondition } from '../query/guard.ts';
import type { EffectOp, EffectStream } from '../tick/tick-batch.ts';
import type { ColumnMemory } from '../vectors/column-memory.ts';
import type { ColumnVector } from '../vectors/column-vector.ts';
import type { BodyText } from './body-text.ts';
import type { Cells } from './cells.ts';
import { notTaken } from './not-taken.ts';
import type { Scratch } from './scratch.ts';

/** What the streams of one form have in common. */
export interface StreamShape {
  readonly table: TableDefinition;
  readonly op: EffectOp;
  readonly versioned: boolean;
  readonly condition: GuardCondition | null;
  /** Fresh cells for the rows' columns, in the order of the stream's vectors, and for operands. */
  readonly columns: () => readonly Cells[];
  readonly operands: () => readonly Cells[];
}

/** One stream of a tick's effects while it is decoded; used again for the next tick. */
export class StreamCells {
  readonly columns: readonly Cells[];
  readonly operands: readonly Cells[];
  /** The place among the streams of the tick. */
  index = 0;
  length = 0;
  readonly #shape: StreamShape;
  readonly #scratch: Scratch;
  #actions: Uint32Array = noWords;
  #versions: Uint32Array = noWords;

  constructor(shape: StreamShape, scratch: Scratch) {
    this.#shape = shape;
    this.#scratch = scratch;
    this.columns = shape.columns();
    this.operands = shape.operands();
  }

  /** Begins a row and answers its index. `version` counts where the stream has versions. */
  begin(action: number, version: number): number {
    const row = this.length++;
    if (row === this.#actions.length) this.#grow();
    this.#actions[row] = action;
    if (this.#shape.versioned) this.#versions[row] = version;
    return row;
  }

  clear(): void {
    for (const cells of this.columns) cells.clear(this.length);
    for (const cells of this.operands) cells.clear(this.length);
    this.length = 0;
  }

  seal(memory: ColumnMemory, text: BodyText): EffectStream {
    const { table, op, versioned, condition } = this.#shape;
    const { length } = this;
    const sealed = (cells: Cells): ColumnVector => cells.seal(memory, text, length);
    return {
      table,
      op,
      length,
      action: memory.copyOf(this.#actions.subarray(0, length)),
      rows: { length, vectors: this.columns.map(sealed) },
      expectedVersions: versioned ? memory.copyOf(this.#versions.subarray(0, length)) : null,
      guard: condition && { condition, operands: this.operands.map(sealed) },
    };
  }

  #grow(): void {
    const before = this.#actions.length;
    this.#actions = grown(this.#actions);
    if (this.#shape.versioned) this.#versions = grown(this.#versions);
    this.#scratch.addBytes((this.#actions.length - before) * (this.#shape.versioned ? 8 : 4));
  }
}

const noWords = new Uint32Array(0);

function grown(words: Uint32Array): Uint32Array {
  const larger = new Uint32Array(Math.max(32, words.length * 2));
  larger.set(words);
  return larger;
}

/** The streams of one form; how many of them the tick at hand has. */
export class StreamForm {
  readonly shape: StreamShape;
  readonly streams: StreamCells[] = [];
  used = 0;

  constructor(shape: StreamShape) {
    this.shape = shape;
  }
}

/**
 * The streams of the tick at hand. Effects of one form share a stream; within an action an effect
 * never goes to a stream before the one of the effect before it (`StreamSet` of `buildTickBatch`
 * says why; both give the same streams).
 */
export class TickStreams {
  readonly #scratch: Scratch;
  readonly #streams: StreamCells[] = [];
  readonly #forms: StreamForm[] = [];
  #earliest = 0;

  constructor(scratch: Scratch) {
    this.#scratch = scratch;
  }

  /** Another action's effects follow. */
  beginAction(): void {
    this.#earliest = 0;
  }

  /** The stream to which the next effect of that form goes. */
  streamOf(form: StreamForm): StreamCells {
    const { streams } = form;
    for (let i = 0; i < form.used; i++) {
      const stream = streams[i] as StreamCells;
      if (stream.index >= this.#earliest) {
        this.#earliest = stream.index;
        return stream;
      }
    }
    return this.#open(form);
  }

  /** Forgets all rows. */
  clear(): void {
    for (const stream of this.#streams) stream.clear();
    for (const form of this.#forms) form.used = 0;
    this.#streams.length = 0;
    this.#forms.length = 0;
  }

  seal(memory: ColumnMemory, text: BodyText): EffectStream[] {
    return this.#streams.map((stream) => stream.seal(memory, text));
  }

  #open(form: StreamForm): StreamCells {
    if (this.#streams.length === limits.jsonStreamsMax) throw notTaken;
    if (form.used === 0) this.#forms.push(form);
    let stream = form.streams[form.used];
    if (!stream) {
      stream = new StreamCells(form.shape, this.#scratch);
      form.streams.push(stream);
    }
    form.used++;
    stream.index = this.#streams.push(stream) - 1;
    this.#earliest = stream.index;
    return stream;
  }
}
