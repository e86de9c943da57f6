import { plainColumn } from '../../model/plain-column.ts';
import type { ColumnDefinition, Value } from '../../model/types.ts';
import type { PartRows } from '../checkpoint/checkpoint-part.ts';
import { laneRows } from '../checkpoint/lane-rows.ts';
import { laneNames } from '../sources/column-lanes.ts';
import { LaneTable } from '../sources/lane-table.ts';
import type { SourceRows } from '../sources/source-rows.ts';
import type { Aggregate } from './aggregate.ts';
import { distinctLanes } from './distinct-lanes.ts';
import { NumberLane, type ValueLane } from './value-lane.ts';

/**
 * How many different values a group has seen, exactly; null is none. One table holds the pairs of
 * group and value of all groups: for a 32-bit column 16 to 24 bytes a pair, no object a group.
 */
export class CountDistinctAggregate implements Aggregate {
  readonly #input: ColumnDefinition;
  readonly #pairs: LaneTable;
  readonly #counts = new NumberLane(0);
  readonly lanes = [this.#counts];
  readonly memory: PartRows;
  #ordinals = new Uint32Array(0);

  constructor(input: ColumnDefinition) {
    this.#input = input;
    const lanes = laneNames({ ...input, name: 'value', optional: false });
    this.#pairs = new LaneTable(1 + lanes.length);
    this.memory = laneRows(
      this.#pairs,
      ['group', ...lanes].map((name) => plainColumn(name, 'u32')),
    );
  }

  get memoryBytes(): number {
    return this.#pairs.memoryBytes;
  }

  fold(source: SourceRows, groups: Uint32Array, mask: Uint8Array | null): void {
    const { length, lanes } = distinctLanes(source, this.#input, groups, mask);
    if (this.#ordinals.length < length) this.#ordinals = new Uint32Array(length * 2);
    const known = this.#pairs.size;
    this.#pairs.locate(lanes, length, this.#ordinals);
    const counts = this.#counts.values;
    for (let pair = known; pair < this.#pairs.size; pair++) {
      const group = this.#pairs.lane(pair, 0);
      counts[group] = (counts[group] as number) + 1;
    }
  }

  value(lanes: readonly ValueLane[], first: number, index: number): Value {
    return BigInt((lanes[first] as NumberLane).values[index] as number);
  }
}
