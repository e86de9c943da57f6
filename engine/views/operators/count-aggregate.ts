import type { Value } from '../../model/types.ts';
import type { Sign, SourceRows } from '../sources/source-rows.ts';
import type { Aggregate } from './aggregate.ts';
import { NumberLane, type ValueLane } from './value-lane.ts';

/** The rows of a group. A number inside (exact to 2^53), a bigint in a row. */
export class CountAggregate implements Aggregate {
  readonly #counts = new NumberLane(0);
  readonly lanes = [this.#counts];

  fold(source: SourceRows, groups: Uint32Array, mask: Uint8Array | null, sign: Sign): void {
    const counts = this.#counts.values;
    const { length } = source;
    for (let row = 0; row < length; row++) {
      const group = groups[row] as number;
      counts[group] =
        (counts[group] as number) + (mask === null ? sign : sign * (mask[row] as number));
    }
  }

  value(lanes: readonly ValueLane[], first: number, index: number): Value {
    return BigInt((lanes[first] as NumberLane).values[index] as number);
  }
}
