import { isWide, kindOf } from '../../model/kinds.ts';
import type { ColumnDefinition, Value } from '../../model/types.ts';
import { bitAt } from '../../vectors/column-vector.ts';
import type { Lane } from '../sources/lane-table.ts';
import type { Sign, SourceRows } from '../sources/source-rows.ts';
import type { TextNumbers } from '../sources/text-numbers.ts';
import type { Aggregate } from './aggregate.ts';
import { createExtreme } from './extreme.ts';
import { noNode, OrderedCounts, type PairOrder } from './ordered-counts.ts';
import { BytesLane, NumberLane, type ValueLane } from './value-lane.ts';

/**
 * The least or greatest value of a group from which rows can be taken back: all its values are kept
 * in order, with how often each occurs. What it shows lies in the lanes of the aggregate for rows
 * that only come.
 */
export class KeptExtremeAggregate implements Aggregate {
  readonly #input: ColumnDefinition;
  readonly #isMax: boolean;
  readonly #shown: Aggregate;
  readonly lanes: readonly ValueLane[];
  readonly #values: OrderedCounts;
  readonly #roots = new NumberLane(noNode);
  /** The node of the value shown. */
  readonly #extremes = new NumberLane(noNode);
  readonly beside = [this.#roots, this.#extremes];
  readonly #texts: TextNumbers;

  constructor(op: 'min' | 'max', input: ColumnDefinition, texts: TextNumbers) {
    this.#input = input;
    this.#isMax = op === 'max';
    this.#shown = createExtreme(op, input);
    this.lanes = this.#shown.lanes;
    this.#texts = texts;
    this.#values =
      kindOf(input).layout === 'binary'
        ? new OrderedCounts(
            (id, _, otherId) => texts.compare(id, otherId),
            (id) => texts.retain(id),
            (id) => texts.release(id),
          )
        : new OrderedCounts(byNumbers);
  }

  get memoryBytes(): number {
    return this.#values.memoryBytes;
  }

  fold(source: SourceRows, groups: Uint32Array, mask: Uint8Array | null, sign: Sign): void {
    const { name } = this.#input;
    const input = source.column(name);
    const validity = input.layout === 'constant' ? null : input.validity;
    const { firsts, seconds } = this.#numbers(source);
    const roots = this.#roots.values;
    const extremes = this.#extremes.values;
    for (let row = 0; row < source.length; row++) {
      if (mask !== null && mask[row] === 0) continue;
      if (validity !== null && !bitAt(validity, row)) continue;
      const group = groups[row] as number;
      const root = roots[group] as number;
      // Zero is one value, whichever sign it was written with.
      const first = (firsts[row] as number) + 0;
      const second = seconds === null ? 0 : (seconds[row] as number);
      if (sign === 1) {
        roots[group] = this.#values.add(root, first, second);
        if (this.#isBeyond(group, first, second)) this.#show(group);
      } else {
        const isShown = this.#values.orderAt(extremes[group] as number, first, second) === 0;
        roots[group] = this.#values.remove(root, first, second);
        if (isShown) this.#show(group);
      }
    }
  }

  value(lanes: readonly ValueLane[], first: number, index: number): Value {
    return this.#shown.value(lanes, first, index);
  }

  /** A value as numbers in the order of values: itself; its halves; the number of its text. */
  #numbers(source: SourceRows): {
    readonly firsts: ArrayLike<number>;
    readonly seconds: ArrayLike<number> | null;
  } {
    const { name, optional } = this.#input;
    const { layout, word } = kindOf(this.#input);
    if (layout === 'binary' || isWide(this.#input)) {
      const [first, high] = source.lanes(name).slice(Number(optional)).map(laneValues);
      if (!first) throw new TypeError(`"${name}" has no lanes`);
      if (!high) return { firsts: first, seconds: null };
      return { firsts: word === 'i64' ? signedOf(high) : high, seconds: first };
    }
    const input = source.column(name);
    if (input.layout !== 'fixed') throw new TypeError(`"${name}" holds no numbers`);
    return { firsts: input.values as ArrayLike<number>, seconds: null };
  }

  #isBeyond(group: number, first: number, second: number): boolean {
    const extreme = this.#extremes.values[group] as number;
    if (extreme === noNode) return true;
    const order = this.#values.orderAt(extreme, first, second);
    return this.#isMax ? order > 0 : order < 0;
  }

  #show(group: number): void {
    const root = this.#roots.values[group] as number;
    const node = this.#isMax ? this.#values.greatest(root) : this.#values.least(root);
    this.#extremes.values[group] = node;
    const [lane, low] = this.lanes;
    if (lane instanceof BytesLane) {
      const id = this.#values.first(node);
      lane.set(group, node === noNode ? null : new Uint8Array(this.#texts.bytes(id)));
    } else if (lane) {
      lane.values[group] = node === noNode ? Number.NaN : this.#values.first(node);
      if (low) (low as NumberLane).values[group] = node === noNode ? 0 : this.#values.second(node);
    }
  }
}

const byNumbers: PairOrder = (first, second, otherFirst, otherSecond) =>
  first - otherFirst || second - otherSecond;

function signedOf({ buffer, byteOffset, length }: Uint32Array): Int32Array {
  return new Int32Array(buffer, byteOffset, length);
}

function laneValues(lane: Lane): Uint32Array {
  if (typeof lane === 'number') throw new TypeError('a live row has its own values');
  return lane;
}
