import type { ColumnDefinition } from '../model/types.ts';
import type { ColumnMemory } from '../vectors/column-memory.ts';
import type { ColumnVector, ListVector } from '../vectors/column-vector.ts';
import { fixedArray } from '../vectors/vector-builder.ts';
import type { BodyText } from './body-text.ts';
import type { Scratch } from './scratch.ts';

type LeafVector = Exclude<ColumnVector, ListVector>;

/**
 * Memory for the values of one column while a tick is decoded, used again for the next tick; `seal`
 * copies them out in Arrow's layout.
 *
 * A row has a number, or a pair of words: the halves of a 64-bit integer, or where in the body's
 * text its value begins and ends, or of a list, where its elements do. A row without a value costs
 * nothing: its bit in `#present` is not set, and what lies in its place means nothing.
 */
export class CellStore {
  readonly column: ColumnDefinition;
  readonly #scratch: Scratch;
  /** Rows may lack a value: of an optional column, and of a list, which is empty then. */
  readonly #sparse: boolean;
  #numbers: Float64Array = noNumbers;
  #pairs: Int32Array = noPairs;
  #present: Uint8Array = noBits;
  #presentCount = 0;

  constructor(column: ColumnDefinition, scratch: Scratch) {
    this.column = column;
    this.#scratch = scratch;
    this.#sparse = column.optional || column.list;
  }

  setNumber(row: number, value: number): void {
    if (row >= this.#numbers.length) this.#reserveNumbers(row + 1);
    this.#numbers[row] = value;
    if (this.#sparse) this.#mark(row);
  }

  setPair(row: number, first: number, second: number): void {
    const at = row * 2;
    if (at >= this.#pairs.length) this.#reservePairs(row + 1);
    this.#pairs[at] = first;
    this.#pairs[at + 1] = second;
    if (this.#sparse) this.#mark(row);
  }

  get firstNumber(): number {
    return this.#numbers[0] as number;
  }

  /** Copies the first row of another store of the same kind. */
  take(other: CellStore, row: number): void {
    if (other.#pairs.length > 0) {
      this.setPair(row, other.#pairs[0] as number, other.#pairs[1] as number);
    } else {
      this.setNumber(row, other.#numbers[0] as number);
    }
  }

  /** Forgets the values; there are `rows` at most. */
  clear(rows: number): void {
    this.#present.fill(0, 0, (rows + 7) >>> 3);
    this.#presentCount = 0;
  }

  /** The first `rows` rows, of a column that is no list. */
  seal(memory: ColumnMemory, text: BodyText, rows: number): LeafVector {
    const { column } = this;
    const validity = this.#sealValidity(memory, rows);
    // Of a column without any value nothing is copied: fresh memory is zero.
    const held = validity !== null && this.#presentCount === 0 ? 0 : rows;
    if (validity !== null && held > 0) this.#clearAbsent(rows);
    switch (column.kind) {
      case 'bool': {
        const bits = memory.bytes((rows + 7) >>> 3);
        for (let row = 0; row < held; row++) if (this.#numbers[row] === 1) setBit(bits, row);
        return { column, layout: 'bool', length: rows, validity, bits };
      }
      case 'uuid': {
        const bytes = memory.bytes(rows * 16);
        for (let row = 0; row < held; row++) {
          const at = this.#pairs[row * 2] as number;
          text.copy(at, this.#pairs[row * 2 + 1] as number, bytes, row * 16);
        }
        return { column, layout: 'uuid', length: rows, validity, bytes };
      }
      case 'string':
      case 'json':
      case 'bytes':
        return {
          column,
          layout: 'binary',
          length: rows,
          validity,
          ...this.#sealText(memory, text, rows, held),
        };
      default: {
        const values = memory.fixed(fixedArray(column.kind), rows);
        if (isPairKind(column.kind)) {
          // The words of a pair lie as the two halves of its integer do.
          const words = new Int32Array(values.buffer, values.byteOffset, held * 2);
          words.set(this.#pairs.subarray(0, held * 2));
        } else {
          (values as Float64Array).set(this.#numbers.subarray(0, held));
        }
        return { column, layout: 'fixed', length: rows, validity, values };
      }
    }
  }

  /** The first `rows` rows of a list, whose elements are `child`. */
  sealList(memory: ColumnMemory, rows: number, child: LeafVector): ListVector {
    const { column } = this;
    const validity = this.#sealValidity(memory, rows);
    const offsets = memory.int32s(rows + 1);
    for (let row = 0, end = 0; row < rows; row++) {
      if (this.#has(row)) end = this.#pairs[row * 2 + 1] as number;
      offsets[row + 1] = end;
    }
    return { column, layout: 'list', length: rows, validity, offsets, child };
  }

  /** The bytes of the first `held` rows one after the other, and where each of `rows` begins. */
  #sealText(memory: ColumnMemory, text: BodyText, rows: number, held: number) {
    const pairs = this.#pairs;
    const offsets = memory.int32s(rows + 1);
    let end = 0;
    for (let row = 0; row < held; row++) {
      end += (pairs[row * 2 + 1] as number) - (pairs[row * 2] as number);
      offsets[row + 1] = end;
    }
    const data = memory.bytes(end);
    for (let row = 0; row < held; row++) {
      const from = pairs[row * 2] as number;
      text.copy(from, pairs[row * 2 + 1] as number, data, offsets[row] as number);
    }
    return { offsets, data };
  }

  #sealValidity(memory: ColumnMemory, rows: number): Uint8Array | null {
    if (!this.column.optional || this.#presentCount === rows) return null;
    const bytes = (rows + 7) >>> 3;
    if (this.#present.length < bytes) this.#present = this.#grown(this.#present, bytes, Uint8Array);
    const validity = memory.bytes(bytes);
    validity.set(this.#present.subarray(0, bytes));
    return validity;
  }

  /** Equal columns are equal bytes: there are zeros where there is no value. */
  #clearAbsent(rows: number): void {
    const inPairs = isPairKind(this.column.kind);
    if (inPairs) this.#reservePairs(rows);
    else this.#reserveNumbers(rows);
    for (let row = 0; row < rows; row++) {
      if (this.#has(row)) continue;
      if (inPairs) this.#pairs.fill(0, row * 2, row * 2 + 2);
      else this.#numbers[row] = 0;
    }
  }

  #has(row: number): boolean {
    return ((this.#present[row >>> 3] as number) & (1 << (row & 7))) !== 0;
  }

  #mark(row: number): void {
    if (row >>> 3 >= this.#present.length) {
      this.#present = this.#grown(this.#present, (row >>> 3) + 1, Uint8Array);
    }
    setBit(this.#present, row);
    this.#presentCount++;
  }

  #reserveNumbers(rows: number): void {
    if (rows > this.#numbers.length) this.#numbers = this.#grown(this.#numbers, rows, Float64Array);
  }

  #reservePairs(rows: number): void {
    if (rows * 2 > this.#pairs.length) this.#pairs = this.#grown(this.#pairs, rows * 2, Int32Array);
  }

  #grown<A extends Float64Array | Int32Array | Uint8Array>(
    array: A,
    length: number,
    type: new (length: number) => A,
  ): A {
    const larger = new type(Math.max(32, array.length * 2, length));
    larger.set(array);
    this.#scratch.addBytes(larger.byteLength - array.byteLength);
    return larger;
  }
}

const noNumbers = new Float64Array(0);
const noPairs = new Int32Array(0);
const noBits = new Uint8Array(0);

function isPairKind(kind: ColumnDefinition['kind']): boolean {
  switch (kind) {
    case 'i64':
    case 'u64':
    case 'timestamp':
    case 'string':
    case 'json':
    case 'bytes':
    case 'uuid':
      return true;
    default:
      return false;
  }
}

function setBit(bits: Uint8Array, index: number): void {
  bits[index >>> 3] = (bits[index >>> 3] as number) | (1 << (index & 7));
}
