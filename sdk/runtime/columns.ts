import { TickloomError } from './errors.ts';

/** A column's kind without what the spec says of nulls and lists. */
export type BaseKind =
  | 'bool'
  | 'i8'
  | 'i16'
  | 'i32'
  | 'i64'
  | 'u8'
  | 'u16'
  | 'u32'
  | 'u64'
  | 'f32'
  | 'f64'
  | 'string'
  | 'enum'
  | 'uuid'
  | 'timestamp'
  | 'json'
  | 'bytes'
  | 'vec3'
  /** A number of rows: 64 bits on the wire, a number here (no table holds 2^53 rows). */
  | 'count';

/** A column's kind as generated code writes it: `u32`, `u32?` (may be null), `u32[]` (a list). */
export type ColumnSpec = `${BaseKind}${'' | '[]'}${'' | '?'}`;
export type ColumnSpecs = { readonly [column: string]: ColumnSpec };

/** A value of a `vec3` column: a position, a velocity. */
export interface Vec3 {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

/** The kinds whose values have parts, with the parts' names and kind. */
const partsOf: {
  readonly [Kind in BaseKind]?: readonly [names: readonly string[], kind: BaseKind];
} = { vec3: [['x', 'y', 'z'], 'f32'] };

export type JsonObject = { readonly [name: string]: JsonValue };
/** A value of a `json` column. The column's own null is SQL's null. */
export type Json = string | number | boolean | JsonObject | readonly JsonValue[];
export type JsonValue = Json | null;

/**
 * | kind | JavaScript | GraphQL's JSON |
 * |---|---|---|
 * | i64, u64 | bigint | string, or a safe integer |
 * | count | number | string, or a safe integer |
 * | timestamp | Date | ISO 8601 |
 * | bytes | Uint8Array | base64 |
 * | the others | as JSON has them | the same |
 */
type Convert = (value: unknown, place: string) => unknown;

const decoders: { readonly [Kind in BaseKind]?: Convert } = {
  i64: (value) => BigInt(value as string | number),
  u64: (value) => BigInt(value as string | number),
  count: Number,
  timestamp: (value) => new Date(value as string | number),
  bytes: (value) => Uint8Array.from(atob(value as string), (character) => character.charCodeAt(0)),
};

const encoders: { readonly [Kind in BaseKind]?: Convert } = {
  i64: String,
  u64: String,
  timestamp: (value, place) => {
    const date = value as Date;
    if (Number.isNaN(date.getTime())) throw badValue(place, 'an invalid date', 'a valid Date');
    return date.toISOString();
  },
  bytes: (value) => {
    const characters: string[] = [];
    for (const byte of value as Uint8Array) characters.push(String.fromCharCode(byte));
    return btoa(characters.join(''));
  },
  // JSON has neither NaN nor infinities: JSON.stringify would quietly write null.
  f32: finite,
  f64: finite,
  vec3: (value, place) => {
    for (const [part, number] of Object.entries(value as Vec3)) finite(number, `${place}.${part}`);
    return value;
  },
};

function finite(value: unknown, place: string): unknown {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw badValue(place, value, 'a finite number');
  return value;
}

/** A value that no request could carry as it is. */
export function badValue(place: string, value: unknown, wanted: string): TickloomError {
  return new TickloomError(
    'BAD_USER_INPUT',
    `${place}: ${shown(value)} cannot be sent; it must be ${wanted}`,
    { details: { place } },
  );
}

const shownMax = 40;

function shown(value: unknown): string {
  if (typeof value === 'object' && value !== null)
    return Array.isArray(value) ? 'a list' : 'an object';
  const text = String(value);
  return text.length > shownMax ? `${text.slice(0, shownMax)}…` : text;
}

/** How a column's values are laid out. */
export interface ColumnShape {
  readonly kind: BaseKind;
  readonly isList: boolean;
}

/** Converts rows of one table or view at the edge, and lists its columns for GraphQL. */
export class RowCodec {
  readonly name: string;
  /** All columns as a selection set's inside. */
  readonly selection: string;
  /** How each column is laid out. */
  readonly shapes: ReadonlyMap<string, ColumnShape>;
  readonly #encoders = new Map<string, Convert>();
  /** The parts of columns whose values have parts, as columns of their own. */
  readonly #parts = new Map<string, RowCodec>();
  readonly #decoders: (readonly [column: string, decode: Convert])[] = [];

  constructor(name: string, columns: ColumnSpecs) {
    this.name = name;
    this.shapes = new Map(
      Object.entries(columns).map(([column, spec]) => {
        const kind = spec.replace(/\[\]|\?/g, '') as BaseKind;
        return [column, { kind, isList: spec.includes('[]') }];
      }),
    );
    const selected: string[] = [];
    for (const [column, { kind, isList }] of this.shapes) {
      const [parts, partKind] = partsOf[kind] ?? [];
      selected.push(parts ? `${column} { ${parts.join(' ')} }` : column);
      if (parts && partKind) {
        const inner = parts.map((part) => [part, partKind] as const);
        this.#parts.set(column, new RowCodec(`${name}.${column}`, Object.fromEntries(inner)));
      }
      const encode = encoders[kind];
      const decode = decoders[kind];
      if (encode) this.#encoders.set(column, isList ? eachOf(encode) : encode);
      if (decode) this.#decoders.push([column, isList ? eachOf(decode) : decode]);
    }
    this.selection = selected.join(' ');
  }

  /** A copy fit for JSON; columns that are undefined are left out. */
  encode(row: object): Record<string, unknown> {
    const encoded: Record<string, unknown> = {};
    for (const [column, value] of Object.entries(row)) {
      if (value !== undefined) encoded[column] = this.encodeValue(column, value);
    }
    return encoded;
  }

  encodeValue(column: string, value: unknown): unknown {
    const encode = this.#encoders.get(column);
    if (encode === undefined || value === null) return value;
    return encode(value, `${this.name}.${column}`);
  }

  /** Converts in place the columns that the parsed JSON row has, and returns it. */
  decode(row: unknown): unknown {
    const columns = row as Record<string, unknown>;
    for (const [column, decode] of this.#decoders) {
      const value = columns[column];
      if (value !== null && value !== undefined) columns[column] = decode(value, column);
    }
    return columns;
  }

  decodeAll(rows: unknown): unknown[] {
    const list = rows as unknown[];
    for (const row of list) this.decode(row);
    return list;
  }

  /** A `where` or `require` in GraphQL's shape. */
  encodeWhere(where: object): Record<string, unknown> {
    const encoded: Record<string, unknown> = {};
    for (const [name, inside] of Object.entries(where)) {
      if (inside === undefined) continue;
      if ((name === 'and' || name === 'or') && Array.isArray(inside)) {
        encoded[name] = inside.map((part: object) => this.encodeWhere(part));
      } else if (name === 'not') {
        encoded[name] = this.encodeWhere(inside as object);
      } else {
        encoded[name] = this.#encodeComparison(name, inside as object);
      }
    }
    return encoded;
  }

  #encodeComparison(column: string, comparison: object): Record<string, unknown> {
    const encoded: Record<string, unknown> = {};
    for (const [operator, operand] of Object.entries(comparison)) {
      if (operand === undefined) continue;
      const parts = operator === 'isNull' ? undefined : this.#parts.get(column);
      if (parts) Object.assign(encoded, parts.encodeWhere({ [operator]: operand }));
      else encoded[operator] = this.#encodeOperand(column, operator, operand);
    }
    return encoded;
  }

  #encodeOperand(column: string, operator: string, operand: unknown): unknown {
    // The operand of `isNull` is no value of the column.
    if (operator === 'isNull') return operand;
    if (!Array.isArray(operand)) return this.encodeValue(column, operand);
    return operand.map((value) => this.encodeValue(column, value));
  }
}

function eachOf(convert: Convert): Convert {
  return (list, place) => (list as readonly unknown[]).map((value) => convert(value, place));
}
