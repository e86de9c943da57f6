import { parsePosition } from '../../model/position.ts';
import type { ColumnDefinition, Scalar } from '../../model/types.ts';
import type { ParameterValue } from '../client.ts';
import { ownName } from './sql-text.ts';

const itemName = ownName('x');

/** Collects the values of a query, so that none is ever pasted into its text. */
export class SqlParameters {
  readonly #values: Record<string, ParameterValue> = {};
  #count = 0;

  get values(): Readonly<Record<string, ParameterValue>> {
    return this.#values;
  }

  /** Adds a value; returns the SQL that stands for it. */
  add(type: string, value: ParameterValue): string {
    this.#count += 1;
    const name = `p${this.#count}`;
    this.#values[name] = value;
    return `{${name}:${type}}`;
  }

  /** A column's value, comparable with `comparable(column)`. */
  scalar(column: ColumnDefinition, value: Scalar): string {
    const { type, text, wrap } = parameterOf(column);
    return wrap(this.add(type, text(value)));
  }

  scalars(column: ColumnDefinition, values: readonly Scalar[]): string {
    const { type, text, wrap } = parameterOf(column);
    const list = this.add(`Array(${type})`, values.map(text));
    const item = wrap(itemName);
    return item === itemName ? list : `arrayMap(${itemName} -> ${item}, ${list})`;
  }
}

interface ParameterShape {
  readonly type: string;
  readonly text: (value: Scalar) => string | number | bigint;
  /** SQL that makes the column's type of the parameter. */
  readonly wrap: (sql: string) => string;
}

const asIs = (sql: string) => sql;

/** Whether a column is the system's `position`, stored as its LSN. */
export function isPosition(column: ColumnDefinition): boolean {
  return column.name === 'position' && column.kind === 'string';
}

function parameterOf(column: ColumnDefinition): ParameterShape {
  switch (column.kind) {
    case 'bool':
      return { type: 'UInt8', text: Number, wrap: asIs };
    case 'f32':
    case 'f64':
      // An f32 is exact as a double, and ClickHouse compares the two as doubles.
      return { type: 'Float64', text: Number, wrap: asIs };
    case 'enum':
      return { type: 'String', text: String, wrap: asIs };
    case 'string':
      return isPosition(column)
        ? { type: 'UInt64', text: (value) => parsePosition(String(value)), wrap: asIs }
        : { type: 'String', text: String, wrap: asIs };
    case 'json':
      return { type: 'String', text: String, wrap: asIs };
    case 'uuid':
      return { type: 'UUID', text: String, wrap: asIs };
    case 'bytes':
      return {
        type: 'String',
        text: (value) => Buffer.from(value as Uint8Array).toString('hex'),
        wrap: (sql) => `unhex(${sql})`,
      };
    case 'timestamp':
      return {
        type: 'Int64',
        text: Number,
        wrap: (sql) => `fromUnixTimestamp64Milli(${sql}, 'UTC')`,
      };
    default:
      return {
        type: `${column.kind.startsWith('u') ? 'UInt' : 'Int'}${column.kind.slice(1)}`,
        text: (value) => value as number | bigint,
        wrap: asIs,
      };
  }
}
