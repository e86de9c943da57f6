import type { ColumnDefinition, Value } from '../../model/types.ts';
import { wideHalves } from '../sources/column-lanes.ts';
import type { Sign, SourceRows } from '../sources/source-rows.ts';
import type { Aggregate } from './aggregate.ts';
import { NumberLane, type ValueLane } from './value-lane.ts';

const unit = 2 ** 52;
const bigUnit = BigInt(unit);

/**
 * An exact sum of integers without a bigint a row: `units * 2^52 + rest` with |rest| < 2^52, each
 * part a float that holds it exactly (|rest + one value's low part| stays below 2^53).
 */
export class IntegerSumAggregate implements Aggregate {
  readonly #input: string;
  readonly #units = new NumberLane(0);
  readonly #rests = new NumberLane(0);
  readonly lanes = [this.#units, this.#rests];
  readonly laneNames = ['units', 'rest'];

  constructor(input: ColumnDefinition) {
    this.#input = input.name;
  }

  fold(source: SourceRows, groups: Uint32Array, mask: Uint8Array | null, sign: Sign): void {
    const input = source.column(this.#input);
    if (input.layout === 'constant') {
      this.#addNumbers(
        new Array(source.length).fill(Number(input.value)),
        source,
        groups,
        mask,
        sign,
      );
    } else if (input.layout !== 'fixed') {
      throw new TypeError(`"${this.#input}" holds no numbers`);
    } else if (input.values instanceof BigInt64Array || input.values instanceof BigUint64Array) {
      this.#addWide(input.values, source, groups, mask, sign);
    } else {
      this.#addNumbers(input.values, source, groups, mask, sign);
    }
  }

  value(lanes: readonly ValueLane[], first: number, index: number): Value {
    const units = (lanes[first] as NumberLane).values[index] as number;
    const rest = (lanes[first + 1] as NumberLane).values[index] as number;
    return BigInt(units) * bigUnit + BigInt(rest);
  }

  #addNumbers(
    values: ArrayLike<number>,
    source: SourceRows,
    groups: Uint32Array,
    mask: Uint8Array | null,
    sign: Sign,
  ): void {
    const rests = this.#rests.values;
    for (let row = 0; row < source.length; row++) {
      if (mask !== null && mask[row] === 0) continue;
      const group = groups[row] as number;
      const rest = (rests[group] as number) + sign * (values[row] as number);
      rests[group] = rest;
      if (rest >= unit || rest <= -unit) this.#carry(group);
    }
  }

  /** high * 2^32 + low = (high >> 20) * 2^52 + ((high & (2^20 - 1)) * 2^32 + low), low part < 2^52. */
  #addWide(
    values: BigInt64Array | BigUint64Array,
    source: SourceRows,
    groups: Uint32Array,
    mask: Uint8Array | null,
    sign: Sign,
  ): void {
    const { low, high } = wideHalves(values, source.length);
    const signed = values instanceof BigInt64Array;
    const units = this.#units.values;
    const rests = this.#rests.values;
    for (let row = 0; row < source.length; row++) {
      if (mask !== null && mask[row] === 0) continue;
      const group = groups[row] as number;
      const top = high[row] as number;
      units[group] = (units[group] as number) + sign * (signed ? top >> 20 : top >>> 20);
      const rest =
        (rests[group] as number) + sign * ((top & 0xf_ffff) * 2 ** 32 + (low[row] as number));
      rests[group] = rest;
      if (rest >= unit || rest <= -unit) this.#carry(group);
    }
  }

  #carry(group: number): void {
    const rest = this.#rests.values[group] as number;
    const carried = Math.trunc(rest / unit);
    this.#units.values[group] = (this.#units.values[group] as number) + carried;
    this.#rests.values[group] = rest - carried * unit;
  }
}
