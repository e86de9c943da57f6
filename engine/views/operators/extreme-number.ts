import type { ColumnDefinition, Value } from '../../model/types.ts';
import { bitAt } from '../../vectors/column-vector.ts';
import type { SourceRows } from '../sources/source-rows.ts';
import type { SourceColumn } from '../sources/table-source.ts';
import type { Aggregate } from './aggregate.ts';
import { NumberLane, type ValueLane } from './value-lane.ts';

/**
 * The least or greatest float or integer of up to 32 bits. NaN, which no column holds, stands for
 * "no row yet".
 */
export class NumberExtremeAggregate implements Aggregate {
  readonly #input: string;
  readonly #sign: 1 | -1;
  readonly #values = new NumberLane(Number.NaN);
  readonly lanes = [this.#values];

  constructor(op: 'min' | 'max', input: ColumnDefinition) {
    this.#input = input.name;
    this.#sign = op === 'max' ? 1 : -1;
  }

  fold(source: SourceRows, groups: Uint32Array, mask: Uint8Array | null): void {
    const values = this.#values.values;
    const input = source.column(this.#input);
    const validity = input.layout === 'constant' ? null : input.validity;
    const numberAt = numbers(input);
    const sign = this.#sign;
    for (let row = 0; row < source.length; row++) {
      if (mask !== null && mask[row] === 0) continue;
      if (validity !== null && !bitAt(validity, row)) continue;
      const group = groups[row] as number;
      const value = numberAt(row);
      if (!((values[group] as number) * sign >= value * sign)) values[group] = value;
    }
  }

  value(lanes: readonly ValueLane[], first: number, index: number): Value {
    const value = (lanes[first] as NumberLane).values[index] as number;
    return Number.isNaN(value) ? null : value;
  }
}

function numbers(input: SourceColumn): (row: number) => number {
  if (input.layout === 'constant') {
    const value = Number(input.value);
    return () => value;
  }
  if (input.layout !== 'fixed') throw new TypeError(`"${input.column.name}" holds no numbers`);
  const { values } = input;
  return (row) => values[row] as number;
}
