import type { Vec3 } from './kinds.ts';

/** Shows a derived type as one plain object in editors. */
type Plain<T> = { [Name in keyof T]: T[Name] } & {};

type NullableColumns<Row> = {
  [Column in keyof Row]: null extends Row[Column] ? Column : never;
}[keyof Row];

/** What a writer gives: columns that may be null may also be left out. */
export type RowInput<Row> = Plain<
  Omit<Row, NullableColumns<Row>> & {
    [Column in keyof Row as Column extends NullableColumns<Row> ? Column : never]?:
      | Row[Column]
      | undefined;
  }
>;

/** Some columns of a row; the others stay as they are. */
export type RowPatch<Row> = { readonly [Column in keyof Row]?: Row[Column] | undefined };

type IsNumeric<Value> = [NonNullable<Value>] extends [number | bigint] ? true : false;

/** The columns that can be added to, summed and averaged. */
export type NumericColumn<Row> = Extract<
  { [Column in keyof Row]: IsNumeric<Row[Column]> extends true ? Column : never }[keyof Row],
  string
>;

/** The columns with an order: what `min`, `max`, `lt` and `between` take. */
export type OrderedColumn<Row> = Extract<
  {
    [Column in keyof Row]: [NonNullable<Row[Column]>] extends [number | bigint | string | Date]
      ? Column
      : never;
  }[keyof Row],
  string
>;

/** The columns a row can be found and grouped by: no lists, no JSON, no bytes. */
export type ScalarColumn<Row> = Extract<
  {
    [Column in keyof Row]: [NonNullable<Row[Column]>] extends [
      number | bigint | string | boolean | Date,
    ]
      ? Column
      : never;
  }[keyof Row],
  string
>;

/** The columns that rows are ordered by; a part of a vector as `position_x`. */
export type OrderColumn<Row> =
  | ScalarColumn<Row>
  | {
      [Column in Extract<keyof Row, string>]: [NonNullable<Row[Column]>] extends [Vec3]
        ? `${Column}_${keyof Vec3}`
        : never;
    }[Extract<keyof Row, string>];

export type ColumnOf<Row> = Extract<keyof Row, string>;

interface NullTest {
  readonly isNull?: boolean | undefined;
}

interface Equality<Value> extends NullTest {
  readonly eq?: Value | undefined;
  readonly ne?: Value | undefined;
  readonly in?: readonly Value[] | undefined;
}

interface Ordering<Value> extends Equality<Value> {
  readonly lt?: Value | undefined;
  readonly lte?: Value | undefined;
  readonly gt?: Value | undefined;
  readonly gte?: Value | undefined;
  /** Inclusive at both ends. */
  readonly between?: readonly [low: Value, high: Value] | undefined;
}

interface Text extends Ordering<string> {
  /** SQL's pattern: `%` any run, `_` one character, `\` escapes. */
  readonly like?: string | undefined;
}

/** Conditions on the parts of a value; all must hold. */
type PartsComparison<Value> = NullTest & {
  readonly [Part in keyof Value]?: Ordering<number> | undefined;
};

/** All comparisons of one column must hold. A comparison with null is false, `ne` too. */
export type Comparison<Value> = [Value] extends [boolean | Uint8Array]
  ? Equality<Value>
  : [Value] extends [string]
    ? string extends Value
      ? Text
      : Equality<Value>
    : [Value] extends [number | bigint | Date]
      ? Ordering<Value>
      : [Value] extends [Vec3]
        ? PartsComparison<Value>
        : NullTest;

/** The filter language of `where` and `require`: columns, all of which must hold, and connectives. */
export type Where<Row> = {
  readonly [Column in keyof Row]?: Comparison<NonNullable<Row[Column]>> | undefined;
} & {
  readonly and?: readonly Where<Row>[] | undefined;
  readonly or?: readonly Where<Row>[] | undefined;
  readonly not?: Where<Row> | undefined;
};

export interface OrderBy<Column extends string> {
  readonly column: Column;
  readonly direction?: 'ASC' | 'DESC' | undefined;
}
