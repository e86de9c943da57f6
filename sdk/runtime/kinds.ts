import {
  type ArrowValues,
  BoolValues,
  BytesValues,
  floatValues,
  jsonText,
  ListValues,
  NameValues,
  PartsValues,
  TextValues,
  timeValues,
  wholeValues,
  wideValues,
} from './arrow-values.ts';
import { badValue } from './bad-value.ts';

/** A value of a `vec3` column: a position, a velocity. */
export interface Vec3 {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

export type JsonObject = { readonly [name: string]: JsonValue };
/** A value of a `json` column. The column's own null is SQL's null. */
export type Json = string | number | boolean | JsonObject | readonly JsonValue[];
export type JsonValue = Json | null;

export type Convert = (value: unknown, place: string) => unknown;

/** All that the SDK knows of a kind. */
export interface KindRow {
  /** Its type in generated TypeScript; an enum has a union of its own there. */
  readonly type: string;
  /** The kind of its sums; null of what is not added. */
  readonly sum: 'i64' | 'u64' | 'f64' | null;
  /** Gathers its values for Arrow. */
  readonly values: () => ArrowValues;
  /** From GraphQL's JSON and to it, where JavaScript has it in another form. */
  readonly decode?: Convert;
  readonly encode?: Convert;
  /** The parts of which a value is made, with their kind. */
  readonly parts?: Readonly<Record<string, BaseKind>>;
}

/** A column's kind without what the spec says of nulls and lists. */
export type BaseKind =
  | `${'i' | 'u'}${8 | 16 | 32 | 64}`
  | `f${32 | 64}`
  | ('bool' | 'string' | 'enum' | 'uuid' | 'timestamp' | 'json' | 'bytes' | 'vec3')
  /** A number of rows: 64 bits on the wire, a number here (no table holds 2^53 rows). */
  | 'count';

const int = { type: 'number', sum: 'i64' } as const;
const uint = { type: 'number', sum: 'u64' } as const;
const text = { type: 'string', sum: null, values: () => new TextValues() } as const;
// A 64-bit integer is a string in GraphQL's JSON, or a safe integer.
const wide = {
  type: 'bigint',
  decode: (value: unknown) => BigInt(value as string | number),
  encode: String,
} as const;
// JSON has neither NaN nor infinities: JSON.stringify would quietly write null.
const float = { type: 'number', sum: 'f64', encode: finite } as const;

/** One row a kind; a test holds them against the server's. */
export const kinds: { readonly [Kind in BaseKind]: KindRow } = {
  bool: { type: 'boolean', sum: null, values: () => new BoolValues() },
  i8: { ...int, values: () => wholeValues(Int8Array, true) },
  i16: { ...int, values: () => wholeValues(Int16Array, true) },
  i32: { ...int, values: () => wholeValues(Int32Array, true) },
  i64: { ...wide, sum: 'i64', values: () => wideValues(BigInt64Array, true) },
  u8: { ...uint, values: () => wholeValues(Uint8Array, false) },
  u16: { ...uint, values: () => wholeValues(Uint16Array, false) },
  u32: { ...uint, values: () => wholeValues(Uint32Array, false) },
  u64: { ...wide, sum: 'u64', values: () => wideValues(BigUint64Array, false) },
  f32: { ...float, values: () => floatValues(Float32Array) },
  f64: { ...float, values: () => floatValues(Float64Array) },
  string: text,
  enum: { ...text, values: () => new NameValues() },
  uuid: text,
  timestamp: {
    type: 'Date',
    sum: null,
    values: timeValues,
    decode: (value) => new Date(value as string | number),
    encode: isoTime,
  },
  json: { type: 'Json', sum: null, values: () => new TextValues(jsonText) },
  bytes: {
    type: 'Uint8Array',
    sum: null,
    values: () => new BytesValues(),
    decode: (base64) =>
      Uint8Array.from(atob(base64 as string), (character) => character.charCodeAt(0)),
    encode: toBase64,
  },
  vec3: {
    type: 'Vec3',
    sum: null,
    values: () => new PartsValues(['x', 'y', 'z'], floatValues(Float32Array)),
    parts: { x: 'f32', y: 'f32', z: 'f32' },
    encode: (value, place) => {
      for (const [part, number] of Object.entries(value as Vec3)) {
        finite(number, `${place}.${part}`);
      }
      return value;
    },
  },
  count: {
    type: 'number',
    sum: null,
    values: () => wideValues(BigUint64Array, false),
    decode: Number,
  },
};

/** Gathers values of a kind for Arrow, or lists of them. */
export function arrowValues(kind: BaseKind, isList: boolean): ArrowValues {
  if (!isList) return kinds[kind].values();
  // Only a column has a dictionary, not the elements of lists.
  return new ListValues(kind === 'enum' ? new TextValues() : kinds[kind].values());
}

function finite(value: unknown, place: string): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw badValue(place, value, 'a finite number');
  }
  return value;
}

function isoTime(value: unknown, place: string): string {
  const date = value as Date;
  if (Number.isNaN(date.getTime())) throw badValue(place, 'an invalid date', 'a valid Date');
  return date.toISOString();
}

function toBase64(value: unknown): string {
  const characters: string[] = [];
  for (const byte of value as Uint8Array) characters.push(String.fromCharCode(byte));
  return btoa(characters.join(''));
}
