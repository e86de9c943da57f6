import type { ColumnDefinition, Value } from '../../model/types.ts';
import { utf8 } from '../../model/utf8.ts';
import { bitAt } from '../../vectors/column-vector.ts';
import type { SourceRows } from '../sources/source-rows.ts';
import type { Aggregate } from './aggregate.ts';
import { BytesLane, type ValueLane } from './value-lane.ts';

/** The least or greatest text, by its UTF-8 bytes, which is the order of code points. */
export class TextExtremeAggregate implements Aggregate {
  readonly #input: string;
  readonly #sign: 1 | -1;
  readonly #values = new BytesLane();
  readonly lanes = [this.#values];

  constructor(op: 'min' | 'max', input: ColumnDefinition) {
    this.#input = input.name;
    this.#sign = op === 'max' ? 1 : -1;
  }

  fold(source: SourceRows, groups: Uint32Array, mask: Uint8Array | null): void {
    const input = source.column(this.#input);
    if (input.layout === 'constant') {
      const value = encoder.encode(input.value as string);
      for (let row = 0; row < source.length; row++) {
        if (mask === null || mask[row] === 1) this.#offer(groups[row] as number, value);
      }
      return;
    }
    if (input.layout !== 'binary') throw new TypeError(`"${this.#input}" holds no texts`);
    const { data, offsets, validity } = input;
    for (let row = 0; row < source.length; row++) {
      if (mask !== null && mask[row] === 0) continue;
      if (validity !== null && !bitAt(validity, row)) continue;
      const value = data.subarray(offsets[row] as number, offsets[row + 1] as number);
      this.#offer(groups[row] as number, value);
    }
  }

  value(lanes: readonly ValueLane[], first: number, index: number): Value {
    const value = (lanes[first] as BytesLane).values[index] ?? null;
    return value && utf8.decode(value);
  }

  #offer(group: number, value: Uint8Array): void {
    const held = this.#values.values[group] ?? null;
    if (held === null || Buffer.compare(value, held) * this.#sign > 0) {
      // Not `slice`, which in a Buffer is no copy.
      this.#values.set(group, new Uint8Array(value));
    }
  }
}

const encoder = new TextEncoder();
