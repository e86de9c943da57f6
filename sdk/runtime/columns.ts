import { type BaseKind, type Convert, type KindRow, kinds } from './kinds.ts';

/** A column's kind as generated code writes it: `u32`, `u32?` (may be null), `u32[]` (a list). */
export type ColumnSpec = `${BaseKind}${'' | '[]'}${'' | '?'}`;
export type ColumnSpecs = { readonly [column: string]: ColumnSpec };

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
      const { parts, encode, decode }: KindRow = kinds[kind];
      selected.push(parts ? `${column} { ${Object.keys(parts).join(' ')} }` : column);
      if (parts) this.#parts.set(column, new RowCodec(`${name}.${column}`, parts));
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
