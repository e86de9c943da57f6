import { kindOf } from '../../model/kinds.ts';
import type { ColumnDefinition, Value } from '../../model/types.ts';
import { grown } from '../../vectors/growing-array.ts';
import { laneNames } from '../sources/column-lanes.ts';
import { LaneTable } from '../sources/lane-table.ts';
import type { Sign, SourceRows } from '../sources/source-rows.ts';
import type { TextNumbers } from '../sources/text-numbers.ts';
import type { Aggregate } from './aggregate.ts';
import { distinctLanes } from './distinct-lanes.ts';
import { NumberLane, type ValueLane } from './value-lane.ts';

/**
 * How many different values the rows of a group have, exactly, where rows can be taken back; null
 * is none. One table holds the pairs of group and value of all groups, and of each how many rows
 * have it: a pair that none has any more leaves.
 */
export class KeptDistinctAggregate implements Aggregate {
  readonly #input: ColumnDefinition;
  readonly #texts: TextNumbers | null;
  readonly #fresh: number[] = [];
  readonly #pairs: LaneTable;
  readonly #distinct = new NumberLane(0);
  readonly lanes = [this.#distinct];
  /** How many rows each pair has. */
  #rows = new Uint32Array(16);
  #ordinals = new Uint32Array(0);

  constructor(input: ColumnDefinition, texts: TextNumbers) {
    this.#input = input;
    this.#texts = kindOf(input).layout === 'binary' ? texts : null;
    this.#pairs = new LaneTable(1 + laneNames({ ...input, optional: false }).length, this.#fresh);
  }

  get memoryBytes(): number {
    return this.#pairs.memoryBytes + this.#rows.byteLength;
  }

  fold(source: SourceRows, groups: Uint32Array, mask: Uint8Array | null, sign: Sign): void {
    const { length, lanes } = distinctLanes(source, this.#input, groups, mask);
    const [rowGroups] = lanes;
    if (this.#ordinals.length < length) this.#ordinals = new Uint32Array(length * 2);
    const ordinals = this.#ordinals;
    this.#pairs.locate(lanes, length, ordinals);
    this.#retainFresh();
    const distinct = this.#distinct.values;
    for (let i = 0; i < length; i++) {
      const pair = ordinals[i] as number;
      const group = rowGroups[i] as number;
      const rows = (this.#rows[pair] as number) + sign;
      if (rows < 0) throw new RangeError('a value is taken back that was never added');
      this.#rows[pair] = rows;
      if (sign === 1 && rows === 1) {
        distinct[group] = (distinct[group] as number) + 1;
      } else if (rows === 0) {
        distinct[group] = (distinct[group] as number) - 1;
        this.#texts?.release(this.#pairs.lane(pair, 1));
        this.#pairs.remove(pair);
      }
    }
  }

  value(lanes: readonly ValueLane[], first: number, index: number): Value {
    return BigInt((lanes[first] as NumberLane).values[index] as number);
  }

  #retainFresh(): void {
    for (const pair of this.#fresh) this.#texts?.retain(this.#pairs.lane(pair, 1));
    this.#fresh.length = 0;
    if (this.#pairs.size > this.#rows.length) this.#rows = grown(this.#rows, this.#pairs.size);
  }
}
