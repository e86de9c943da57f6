import type { ColumnDefinition, Value } from '../../model/types.ts';
import type { SourceRows } from '../sources/source-rows.ts';
import type { Aggregate } from './aggregate.ts';
import { NumberLane, type ValueLane } from './value-lane.ts';

/**
 * A sum of floats in log order, compensated after Neumaier ("Rundungsfehleranalyse einiger
 * Verfahren zur Summation endlicher Summen", 1974): what each addition rounds away is summed
 * beside it, so that the error does not grow with the number of rows.
 */
export class FloatSumAggregate implements Aggregate {
  readonly #input: string;
  readonly #sums = new NumberLane(0);
  readonly #lost = new NumberLane(0);
  readonly lanes = [this.#sums, this.#lost];
  readonly laneNames = ['sum', 'lost'];

  constructor(input: ColumnDefinition) {
    this.#input = input.name;
  }

  fold(source: SourceRows, groups: Uint32Array, mask: Uint8Array | null): void {
    const input = source.column(this.#input);
    if (input.layout !== 'fixed') throw new TypeError(`"${this.#input}" holds no floats`);
    const values = input.values as Float64Array | Float32Array;
    const sums = this.#sums.values;
    const lost = this.#lost.values;
    // A null is zero in a vector, and adding zero changes nothing.
    for (let row = 0; row < source.length; row++) {
      if (mask !== null && mask[row] === 0) continue;
      const group = groups[row] as number;
      const value = values[row] as number;
      const before = sums[group] as number;
      const after = before + value;
      const error =
        Math.abs(before) >= Math.abs(value) ? before - after + value : value - after + before;
      sums[group] = after;
      lost[group] = (lost[group] as number) + error;
    }
  }

  value(lanes: readonly ValueLane[], first: number, index: number): Value {
    const sum = (lanes[first] as NumberLane).values[index] as number;
    const compensated = sum + ((lanes[first + 1] as NumberLane).values[index] as number);
    // Past the largest float there is nothing left to compensate.
    return Number.isFinite(compensated) ? compensated : sum;
  }
}
