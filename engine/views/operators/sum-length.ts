import type { ColumnDefinition, Value } from '../../model/types.ts';
import type { SourceRows } from '../sources/source-rows.ts';
import type { Aggregate } from './aggregate.ts';
import { NumberLane, type ValueLane } from './value-lane.ts';

/** The lengths of a list column, added up; a null list has none. Live rows have no lists. */
export class SumLengthAggregate implements Aggregate {
  readonly #input: string;
  readonly #sums = new NumberLane(0);
  readonly lanes = [this.#sums];

  constructor(input: ColumnDefinition) {
    this.#input = input.name;
  }

  fold(source: SourceRows, groups: Uint32Array, mask: Uint8Array | null): void {
    const input = source.column(this.#input);
    if (input.layout !== 'list') throw new TypeError(`"${this.#input}" is no list`);
    const sums = this.#sums.values;
    const { offsets } = input;
    for (let row = 0; row < source.length; row++) {
      if (mask !== null && mask[row] === 0) continue;
      const group = groups[row] as number;
      const elements = (offsets[row + 1] as number) - (offsets[row] as number);
      sums[group] = (sums[group] as number) + elements;
    }
  }

  value(lanes: readonly ValueLane[], first: number, index: number): Value {
    return BigInt((lanes[first] as NumberLane).values[index] as number);
  }
}
