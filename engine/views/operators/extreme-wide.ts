import { kindOf } from '../../model/kinds.ts';
import type { ColumnDefinition, Value } from '../../model/types.ts';
import { bitAt, scalarOf } from '../../vectors/column-vector.ts';
import type { SourceRows } from '../sources/source-rows.ts';
import type { Aggregate } from './aggregate.ts';
import { NumberLane, type ValueLane } from './value-lane.ts';

/** The least or greatest 64-bit integer or time, as two halves: no bigint a row. */
export class WideExtremeAggregate implements Aggregate {
  readonly #input: ColumnDefinition;
  readonly #sign: 1 | -1;
  /** NaN: no row yet. */
  readonly #high = new NumberLane(Number.NaN);
  readonly #low = new NumberLane(0);
  readonly lanes = [this.#high, this.#low];
  readonly laneNames = ['high', 'low'];

  constructor(op: 'min' | 'max', input: ColumnDefinition) {
    this.#input = input;
    this.#sign = op === 'max' ? 1 : -1;
  }

  fold(source: SourceRows, groups: Uint32Array, mask: Uint8Array | null): void {
    const input = source.column(this.#input.name);
    const validity = input.layout === 'constant' ? null : input.validity;
    const lanes = source.lanes(this.#input.name).slice(Number(this.#input.optional));
    const [lows, highs] = lanes;
    if (lows === undefined || highs === undefined) throw new TypeError('two lanes are needed');
    const signed = kindOf(this.#input).word === 'i64';
    for (let row = 0; row < source.length; row++) {
      if (mask !== null && mask[row] === 0) continue;
      if (validity !== null && !bitAt(validity, row)) continue;
      const low = typeof lows === 'number' ? lows : (lows[row] as number);
      const top = typeof highs === 'number' ? highs : (highs[row] as number);
      this.#offer(groups[row] as number, signed ? top | 0 : top, low);
    }
  }

  value(lanes: readonly ValueLane[], first: number, index: number): Value {
    const high = (lanes[first] as NumberLane).values[index] as number;
    const low = (lanes[first + 1] as NumberLane).values[index] as number;
    if (Number.isNaN(high)) return null;
    return scalarOf(this.#input, (BigInt(high) << 32n) | BigInt(low));
  }

  #offer(group: number, high: number, low: number): void {
    const heldHigh = this.#high.values[group] as number;
    const difference = high - heldHigh || low - (this.#low.values[group] as number);
    if (Number.isNaN(heldHigh) || difference * this.#sign > 0) {
      this.#high.values[group] = high;
      this.#low.values[group] = low;
    }
  }
}
