import type { ColumnDefinition, Scalar } from '../../model/types.ts';
import type { ParameterValue } from '../client.ts';
import { parameterOf } from '../stored-kinds.ts';
import { ownName } from './sql-text.ts';

const itemName = ownName('x');

/** Writes the SQL that stands for a value of a ClickHouse type, which travels beside the text. */
export type PlaceOf = (name: string, type: string) => string;

/** Collects the values of a query, so that none is ever pasted into its text. */
export class SqlParameters {
  readonly #values: Record<string, ParameterValue> = {};
  readonly #placeOf: PlaceOf;
  #count = 0;

  /** A query's own parameters by default. */
  constructor(placeOf: PlaceOf = (name, type) => `{${name}:${type}}`) {
    this.#placeOf = placeOf;
  }

  get values(): Readonly<Record<string, ParameterValue>> {
    return this.#values;
  }

  /** Adds a value; returns the SQL that stands for it. */
  add(type: string, value: ParameterValue): string {
    this.#count += 1;
    const name = `p${this.#count}`;
    this.#values[name] = value;
    return this.#placeOf(name, type);
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
