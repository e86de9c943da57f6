import { badValue } from './bad-value.ts';
import { type FlatNode, int8, int16, int32, table } from './flatbuffer.ts';

/** Values of one column, gathered row by row and laid out as Arrow lays them out. */
export interface ArrowValues {
  readonly type: ArrowType;
  readonly length: number;
  /** Throws `BAD_USER_INPUT` naming `place` for a value that the kind cannot hold. */
  push(value: unknown, place: string): void;
  /** What lies under a null. */
  pushNothing(): void;
  /** The buffers behind the validity, and the nodes of elements: lengths, of which none is null. */
  buffers(place: string): readonly Uint8Array[];
  readonly childLengths: readonly number[];
}

/** As `Schema.fbs` has it: a member of the union `Type`, and the fields of what is within. */
export interface ArrowType {
  readonly id: number;
  readonly properties: FlatNode;
  readonly item?: ArrowType;
  /** Names stand in a dictionary, and indices of this type into it in the rows. */
  readonly indices?: FlatNode;
}

const wholeType = (bits: number, isSigned: boolean): ArrowType => ({
  id: 2,
  properties: table(int32(bits), int8(isSigned ? 1 : 0)),
});
const floatType = (bits: number): ArrowType => ({
  id: 3,
  properties: table(int16(bits / 32)),
});
const bytesType: ArrowType = { id: 4, properties: table() };
const textType: ArrowType = { id: 5, properties: table() };
const boolType: ArrowType = { id: 6, properties: table() };
const millisecondsType: ArrowType = { id: 10, properties: table(int16(1)) };
const namesType: ArrowType = { ...textType, indices: wholeType(16, false).properties };

type NumberArray =
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Float32Array
  | Float64Array;

type WideArray = BigInt64Array | BigUint64Array;

interface ArrayOf<Values> {
  new (length: number): Values;
  readonly BYTES_PER_ELEMENT: number;
}

type Check<Value> = (value: unknown, place: string) => Value;

const wholeIn =
  (low: number, high: number): Check<number> =>
  (value, place) => {
    if (Number.isInteger(value) && (value as number) >= low && (value as number) <= high) {
      return value as number;
    }
    throw badValue(place, value, `a whole number from ${low} to ${high}`);
  };

/** A number past the range of `f32` becomes an infinity, which the server answers as its rules say. */
const finite: Check<number> = (value, place) => {
  if (Number.isFinite(value)) return value as number;
  throw badValue(place, value, 'a finite number');
};

/** Checks a 64-bit integer: a bigint, a safe integer, or digits. */
const wideIn =
  (wrapped: (bits: number, value: bigint) => bigint): Check<bigint> =>
  (value, place) => {
    const isDigits = typeof value === 'string' && /^-?\d{1,20}$/.test(value);
    const whole =
      Number.isSafeInteger(value) || isDigits ? BigInt(value as number | string) : value;
    if (typeof whole === 'bigint' && wrapped(64, whole) === whole) return whole;
    throw badValue(place, value, 'a bigint of 64 bits');
  };

const wideSigned = wideIn(BigInt.asIntN);
const wideUnsigned = wideIn(BigInt.asUintN);

const milliseconds: Check<bigint> = (value, place) => {
  const time = value instanceof Date ? value.getTime() : Number.NaN;
  if (Number.isNaN(time)) throw badValue(place, value, 'a valid Date');
  return BigInt(time);
};

export const jsonText: Check<string> = (value, place) => {
  const json: string | undefined = JSON.stringify(value);
  if (json === undefined) throw badValue(place, value, 'a value that JSON has');
  // JSON.stringify quietly writes null for them.
  if (json.includes('null') && holdsInfinity(value)) {
    throw badValue(place, value, 'a value whose numbers are finite');
  }
  return json;
};

function holdsInfinity(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isFinite(value);
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsInfinity);
}

const plainText: Check<string> = (value, place) => {
  if (typeof value === 'string') return value;
  throw badValue(place, value, 'a text');
};

class NumberValues implements ArrowValues {
  readonly type: ArrowType;
  readonly childLengths: readonly number[] = [];
  length = 0;
  readonly #check: Check<number>;
  #values: NumberArray;

  constructor(Values: ArrayOf<NumberArray>, type: ArrowType, check: Check<number>) {
    this.type = type;
    this.#check = check;
    this.#values = new Values(firstLength);
  }

  push(value: unknown, place: string): void {
    const number = this.#check(value, place);
    this.pushNothing();
    this.#values[this.length - 1] = number;
  }

  pushNothing(): void {
    if (this.length === this.#values.length) this.#values = larger(this.#values);
    this.length += 1;
  }

  buffers(): readonly Uint8Array[] {
    return [bytesOf(this.#values, this.length)];
  }
}

/** As `NumberValues`: one class for both, which sees arrays of more types, took a fifth longer. */
class WideValues implements ArrowValues {
  readonly type: ArrowType;
  readonly childLengths: readonly number[] = [];
  length = 0;
  readonly #check: Check<bigint>;
  #values: WideArray;

  constructor(Values: ArrayOf<WideArray>, type: ArrowType, check: Check<bigint>) {
    this.type = type;
    this.#check = check;
    this.#values = new Values(firstLength);
  }

  push(value: unknown, place: string): void {
    const wide = this.#check(value, place);
    this.pushNothing();
    this.#values[this.length - 1] = wide;
  }

  pushNothing(): void {
    if (this.length === this.#values.length) this.#values = larger(this.#values);
    this.length += 1;
  }

  buffers(): readonly Uint8Array[] {
    return [bytesOf(this.#values, this.length)];
  }
}

/** Whole numbers of the array's width. */
export function wholeValues(Values: ArrayOf<NumberArray>, isSigned: boolean): ArrowValues {
  const bits = Values.BYTES_PER_ELEMENT * 8;
  const low = isSigned ? -(2 ** (bits - 1)) : 0;
  return new NumberValues(Values, wholeType(bits, isSigned), wholeIn(low, low + 2 ** bits - 1));
}

export function wideValues(Values: ArrayOf<WideArray>, isSigned: boolean): ArrowValues {
  return new WideValues(Values, wholeType(64, isSigned), isSigned ? wideSigned : wideUnsigned);
}

export function floatValues(Values: ArrayOf<NumberArray>): ArrowValues {
  return new NumberValues(Values, floatType(Values.BYTES_PER_ELEMENT * 8), finite);
}

export function timeValues(): ArrowValues {
  return new WideValues(BigInt64Array, millisecondsType, milliseconds);
}

export class BoolValues implements ArrowValues {
  readonly type = boolType;
  readonly childLengths: readonly number[] = [];
  readonly #bits = new Bits();

  get length(): number {
    return this.#bits.length;
  }

  push(value: unknown, place: string): void {
    if (typeof value !== 'boolean') throw badValue(place, value, 'true or false');
    this.#bits.push(value);
  }

  pushNothing(): void {
    this.#bits.push(false);
  }

  buffers(): readonly Uint8Array[] {
    return [this.#bits.bytes()];
  }
}

/** Names of an enum: each stands once in a dictionary. */
export class NameValues implements ArrowValues {
  readonly type = namesType;
  readonly childLengths: readonly number[] = [];
  readonly names = new TextValues();
  readonly #indices = new NumberValues(Uint16Array, namesType, wholeIn(0, 2 ** 16 - 1));
  readonly #indexOf = new Map<string, number>();

  get length(): number {
    return this.#indices.length;
  }

  push(value: unknown, place: string): void {
    const name = plainText(value, place);
    let index = this.#indexOf.get(name);
    if (index === undefined) {
      index = this.#indexOf.size;
      this.#indexOf.set(name, index);
      this.names.push(name, place);
    }
    this.#indices.push(index, place);
  }

  pushNothing(): void {
    this.#indices.pushNothing();
  }

  buffers(): readonly Uint8Array[] {
    return this.#indices.buffers();
  }
}

const utf8 = new TextEncoder();

export class TextValues implements ArrowValues {
  readonly type = textType;
  readonly childLengths: readonly number[] = [];
  readonly #texts: string[] = [];
  readonly #check: Check<string>;

  constructor(check: Check<string> = plainText) {
    this.#check = check;
  }

  get length(): number {
    return this.#texts.length;
  }

  push(value: unknown, place: string): void {
    this.#texts.push(this.#check(value, place));
  }

  pushNothing(): void {
    this.#texts.push('');
  }

  /** All texts are encoded at once; where they are ASCII, lengths in characters are those in bytes. */
  buffers(place: string): readonly Uint8Array[] {
    const joined = this.#texts.join('');
    const content = utf8.encode(joined);
    const isAscii = content.length === joined.length;
    const offsets = new Int32Array(this.length + 1);
    let end = 0;
    for (let row = 0; row < this.length; row += 1) {
      const text = this.#texts[row] as string;
      // Half a pair of surrogates has no UTF-8: another text would be sent.
      if (!isAscii && /\p{Surrogate}/u.test(text)) {
        throw badValue(`${place}[${row}]`, text, 'a text of whole Unicode characters');
      }
      end += isAscii ? text.length : utf8.encode(text).length;
      offsets[row + 1] = end;
    }
    return [bytesOf(offsets, offsets.length), content];
  }
}

export class BytesValues implements ArrowValues {
  readonly type = bytesType;
  readonly childLengths: readonly number[] = [];
  readonly #parts: Uint8Array[] = [];
  #bytes = 0;

  get length(): number {
    return this.#parts.length;
  }

  /** The bytes are copied when the body is made, before `commit` returns. */
  push(value: unknown, place: string): void {
    if (!(value instanceof Uint8Array)) throw badValue(place, value, 'a Uint8Array');
    this.#parts.push(value);
    this.#bytes += value.length;
  }

  pushNothing(): void {
    this.#parts.push(noBytes);
  }

  buffers(): readonly Uint8Array[] {
    const offsets = new Int32Array(this.length + 1);
    const content = new Uint8Array(this.#bytes);
    let end = 0;
    this.#parts.forEach((part, row) => {
      content.set(part, end);
      end += part.length;
      offsets[row + 1] = end;
    });
    return [bytesOf(offsets, offsets.length), content];
  }
}

/** Values of several numbers: lists of fixed size. */
export class PartsValues implements ArrowValues {
  readonly type: ArrowType;
  readonly #names: readonly string[];
  readonly #parts: ArrowValues;

  constructor(names: readonly string[], parts: ArrowValues) {
    this.#names = names;
    this.#parts = parts;
    this.type = { id: 16, properties: table(int32(names.length)), item: parts.type };
  }

  get length(): number {
    return this.#parts.length / this.#names.length;
  }

  get childLengths(): readonly number[] {
    return [this.#parts.length];
  }

  push(value: unknown, place: string): void {
    if (typeof value !== 'object' || value === null) {
      throw badValue(place, value, `{ ${this.#names.join(', ')} }`);
    }
    const given = value as { readonly [part: string]: unknown };
    for (const name of this.#names) this.#parts.push(given[name], `${place}.${name}`);
  }

  pushNothing(): void {
    for (const _ of this.#names) this.#parts.pushNothing();
  }

  buffers(place: string): readonly Uint8Array[] {
    return [noBytes, ...this.#parts.buffers(place)];
  }
}

export class ListValues implements ArrowValues {
  readonly type: ArrowType;
  length = 0;
  readonly #elements: ArrowValues;
  #offsets = new Int32Array(firstLength);

  constructor(elements: ArrowValues) {
    this.#elements = elements;
    this.type = { id: 12, properties: table(), item: elements.type };
  }

  get childLengths(): readonly number[] {
    return [this.#elements.length, ...this.#elements.childLengths];
  }

  push(value: unknown, place: string): void {
    if (!Array.isArray(value)) throw badValue(place, value, 'a list');
    for (const element of value as readonly unknown[]) this.#elements.push(element, place);
    this.pushNothing();
  }

  pushNothing(): void {
    this.length += 1;
    if (this.length === this.#offsets.length) this.#offsets = larger(this.#offsets);
    this.#offsets[this.length] = this.#elements.length;
  }

  buffers(place: string): readonly Uint8Array[] {
    // The elements have a validity too, which is empty: none of them is null.
    return [bytesOf(this.#offsets, this.length + 1), noBytes, ...this.#elements.buffers(place)];
  }
}

/** Bits one after the other, the lowest of a byte first. */
export class Bits {
  length = 0;
  #bytes = new Uint8Array(firstLength / 8);

  push(bit: boolean): void {
    const at = this.length >>> 3;
    if (at === this.#bytes.length) this.#bytes = larger(this.#bytes);
    if (bit) this.#bytes[at] = (this.#bytes[at] as number) | (1 << (this.length & 7));
    this.length += 1;
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, Math.ceil(this.length / 8));
  }
}

/** Values a column has room for before it grows. */
const firstLength = 64;
export const noBytes: Uint8Array = new Uint8Array(0);

function larger<Values extends NumberArray | WideArray>(values: Values): Values {
  const Same = values.constructor as new (length: number) => Values;
  const copy = new Same(values.length * 2);
  copy.set(values as never);
  return copy;
}

function bytesOf(values: NumberArray | WideArray, length: number): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, length * values.BYTES_PER_ELEMENT);
}
