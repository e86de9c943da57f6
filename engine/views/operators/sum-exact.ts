import type { ColumnDefinition, Value } from '../../model/types.ts';
import type { Sign, SourceRows } from '../sources/source-rows.ts';
import type { Aggregate } from './aggregate.ts';
import { scaledDouble, unscaledDouble } from './scaled-double.ts';
import { NumberLane, type ValueLane } from './value-lane.ts';

/**
 * A sum of floats from which rows can be taken back without residue: it is exact, whatever the
 * order, and what it shows is the double nearest to it.
 *
 * Nearly always two doubles hold it: `sum`, which is the nearest one to the whole, and `rest`, which
 * is what `sum` lacks. A row is added by Knuth's TwoSum (TAOCP 4.2.2, theorem B), which loses nothing.
 * A group whose sum does not fit into two, or passes the largest double on the way, is kept as an
 * integer multiple of the least double (`scaled-double.ts`), for as long as it has to be.
 */
export class ExactSumAggregate implements Aggregate {
  readonly #input: string;
  readonly #sums = new NumberLane(0);
  readonly #rests = new NumberLane(0);
  readonly lanes = [this.#sums];
  readonly beside = [this.#rests];
  readonly #wide = new Map<number, bigint>();

  constructor(input: ColumnDefinition) {
    this.#input = input.name;
  }

  get memoryBytes(): number {
    return this.#wide.size * wideBytes;
  }

  fold(source: SourceRows, groups: Uint32Array, mask: Uint8Array | null, sign: Sign): void {
    const input = source.column(this.#input);
    if (input.layout !== 'fixed') throw new TypeError(`"${this.#input}" holds no floats`);
    const values = input.values as Float64Array | Float32Array;
    // A null is zero in a vector, and adding zero changes nothing.
    for (let row = 0; row < source.length; row++) {
      if (mask !== null && mask[row] === 0) continue;
      this.#add(groups[row] as number, sign * (values[row] as number));
    }
  }

  value(lanes: readonly ValueLane[], first: number, index: number): Value {
    return (lanes[first] as NumberLane).values[index] as number;
  }

  #add(group: number, value: number): void {
    if (this.#wide.size > 0 && this.#wide.has(group)) {
      this.#addWide(group, value);
      return;
    }
    const sums = this.#sums.values;
    const rests = this.#rests.values;
    const held = sums[group] as number;
    const heldRest = rests[group] as number;
    const sum = held + value;
    const lost = lostOf(held, value, sum);
    const rest = heldRest + lost;
    const nearest = sum + rest;
    // What overflowed on the way is no number, and is not 0.
    if (lostOf(heldRest, lost, rest) !== 0 || !Number.isFinite(nearest)) {
      this.#wide.set(group, scaledDouble(held) + scaledDouble(heldRest));
      this.#addWide(group, value);
      return;
    }
    sums[group] = nearest;
    rests[group] = lostOf(sum, rest, nearest);
  }

  #addWide(group: number, value: number): void {
    const scaled = (this.#wide.get(group) as bigint) + scaledDouble(value);
    const nearest = unscaledDouble(scaled);
    this.#sums.values[group] = nearest;
    this.#wide.set(group, scaled);
    if (!Number.isFinite(nearest)) return;
    const lacking = scaled - scaledDouble(nearest);
    const rest = unscaledDouble(lacking);
    if (scaledDouble(rest) !== lacking) return;
    this.#rests.values[group] = rest;
    this.#wide.delete(group);
  }
}

/** What the addition of `a` and `b` rounded away; exact, unless it overflowed. */
function lostOf(a: number, b: number, sum: number): number {
  const ofB = sum - a;
  return a - (sum - ofB) + (b - ofB);
}

/** What a group in `#wide` takes: 2,100 bits and a little, and its place in the map. */
const wideBytes = 400;
