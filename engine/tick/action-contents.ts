import { finishHash, mixWord } from '../state/key-index.ts';
import { bitAt, type ColumnVector, isNullAt, type LeafVector } from '../vectors/column-vector.ts';
import { type EffectStream, type TickBatch, tickItself } from './tick-batch.ts';

/** For each action of a tick 64 bits that stand for its content. */
export interface ActionContents {
  readonly low: Uint32Array;
  readonly high: Uint32Array;
}

/**
 * What an action says, in 64 bits: its row but for the id, then its effects in their order, with
 * table, operation, version and condition. Whichever tick an action travels in, beside whichever
 * others, and by whichever road, its content is the same; a column without a value in a whole row
 * is the same as none, so it is the same under a later manifest with more columns too.
 *
 * Two contents are taken for one by chance once in 2^64. Whoever finds two on purpose gains the
 * first verdict of an action that is his own already.
 */
export function actionContents({ actions, streams }: TickBatch): ActionContents {
  const mixer = new ContentMixer(actions.length);
  for (const vector of actions.vectors.slice(1)) {
    const name = hashOfText(vector.column.name);
    for (let row = 0; row < actions.length; row++) {
      if (!isNullAt(vector, row)) mixer.cell(row, name, vector, row);
    }
  }
  for (const stream of streams) mixStream(mixer, stream);
  return mixer.finish();
}

function mixStream(mixer: ContentMixer, stream: EffectStream): void {
  const { table, op, action, expectedVersions, rows, require, length } = stream;
  // As the log has it, so that a replay gives the same.
  const condition = require ? JSON.stringify(require.form) : '';
  const form = hashOfText(`${table.name} ${op} ${condition}`);
  const isWhole = op === 'append' || op === 'insert';
  const cells = [...rows.vectors, ...(require?.operands ?? [])].map((vector) => {
    return { vector, name: hashOfText(vector.column.name) };
  });
  for (let row = 0; row < length; row++) {
    const of = action[row] as number;
    if (of === tickItself) return;
    mixer.word(of, form);
    if (expectedVersions) mixer.word(of, expectedVersions[row] as number);
    for (const { vector, name } of cells) {
      if (!isNullAt(vector, row)) mixer.cell(of, name, vector, row);
      else if (!isWhole) mixer.word(of, ~name);
    }
  }
}

/** Two hashes of the same words for each action, under two seeds. */
class ContentMixer {
  readonly #low: Int32Array;
  readonly #high: Int32Array;

  constructor(actions: number) {
    this.#low = new Int32Array(actions);
    this.#high = new Int32Array(actions).fill(0x9e3779b1);
  }

  word(action: number, word: number): void {
    this.#low[action] = mixWord(this.#low[action] as number, word);
    this.#high[action] = mixWord(this.#high[action] as number, word ^ 0x5bd1e995);
  }

  /** A value that is not null, under the hash of its column's name. */
  cell(action: number, name: number, vector: ColumnVector, row: number): void {
    this.word(action, name);
    if (vector.layout !== 'list') {
      this.#value(action, vector, row);
      return;
    }
    const start = vector.offsets[row] as number;
    const end = vector.offsets[row + 1] as number;
    this.word(action, end - start);
    for (let i = start; i < end; i++) this.#value(action, vector.child, i);
  }

  finish(): ActionContents {
    return { low: finished(this.#low), high: finished(this.#high) };
  }

  #value(action: number, vector: LeafVector, row: number): void {
    switch (vector.layout) {
      case 'bool':
        this.word(action, bitAt(vector.bits, row) ? 1 : 0);
        break;
      case 'binary': {
        const { data, offsets } = vector;
        this.#bytes(action, data, offsets[row] as number, offsets[row + 1] as number);
        break;
      }
      default: {
        const stride = vector.layout === 'strided' ? vector.stride : 1;
        const { values } = vector;
        for (let i = row * stride; i < (row + 1) * stride; i++) {
          this.#element(action, values[i] as number | bigint, values.BYTES_PER_ELEMENT);
        }
      }
    }
  }

  /** Whole numbers of 32 bits are words; others are the two words of their 64 bits. */
  #element(action: number, element: number | bigint, bytes: number): void {
    if (typeof element === 'bigint') wide.setBigInt64(0, element);
    else if (bytes <= 4 && (element | 0) === element) {
      this.word(action, element | 0);
      return;
    } else wide.setFloat64(0, element);
    this.word(action, wide.getInt32(0));
    this.word(action, wide.getInt32(4));
  }

  #bytes(action: number, data: Uint8Array, start: number, end: number): void {
    this.word(action, end - start);
    const words = new DataView(data.buffer, data.byteOffset, data.byteLength);
    let at = start;
    for (; at + 4 <= end; at += 4) this.word(action, words.getInt32(at, true));
    for (; at < end; at++) this.word(action, data[at] as number);
  }
}

const wide = new DataView(new ArrayBuffer(8));

function finished(hashes: Int32Array): Uint32Array {
  return Uint32Array.from(hashes, (hash) => finishHash(hash) >>> 0);
}

function hashOfText(text: string): number {
  let hash = text.length;
  for (let i = 0; i < text.length; i++) hash = mixWord(hash, text.charCodeAt(i));
  return finishHash(hash);
}
