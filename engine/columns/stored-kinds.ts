import { isPosition, kindOf, partColumns, type ValueForm } from '../model/kinds.ts';
import { parsePosition } from '../model/position.ts';
import type { ColumnDefinition, Scalar, Value } from '../model/types.ts';
import type { ArrowType } from '../vectors/arrow/arrow-type.ts';
import type { ColumnVector } from '../vectors/column-vector.ts';
import type { StructVector } from '../vectors/part-vector.ts';
import { ownName, quoteName, quotePath, quoteText } from './queries/sql-text.ts';
import { partsForm } from './stored-parts.ts';

/** Everything that ClickHouse does with values of one form otherwise than with those of another. */
export interface StoredForm {
  /** The column's ClickHouse type, where the kind alone does not say it. */
  readonly type?: (column: ColumnDefinition) => string;
  /** The type of a column that may be null, where it is no `Nullable`. */
  readonly nullableType?: (column: ColumnDefinition) => string;
  /** The Arrow type in which blocks carry it, where it is not the kind's own. */
  readonly shipped?: (column: ColumnDefinition) => ArrowType;
  /** The column in that type, where its bytes differ. */
  readonly toShip?: (vector: ColumnVector) => ColumnVector | StructVector;
  /** The Arrow type of exports, and the SQL that makes it of the stored value. */
  readonly exported?: {
    readonly type: (column: ColumnDefinition) => ArrowType;
    readonly sql: (sql: string) => string;
  };
  /** A parameter that can be compared with the column. */
  readonly parameter: (column: ColumnDefinition) => ParameterShape;
  /** SQL that yields the value in a form that JSON carries exactly, where JSON does not as it is. */
  readonly readable?: (sql: string) => string;
  /** The value of that JSON. */
  readonly read?: (json: unknown, column: ColumnDefinition) => Scalar | null;
  /**
   * Ordered by its text, which is the order of live rows too; ClickHouse itself would order by
   * ordinals and halves.
   */
  readonly isTextual?: true;
}

export interface ParameterShape {
  readonly type: string;
  readonly text: (value: Scalar) => string | number | bigint;
  /** SQL that makes the column's type of the parameter. */
  readonly wrap: (sql: string) => string;
}

/** The variable of a lambda over a list. */
const itemName = ownName('x');
const asIs = (sql: string) => sql;
const text: ArrowType = { kind: 'binary', isText: true, isLarge: false };
const asText = { type: () => text, sql: (sql: string) => `toString(${sql})` };

function parameter(type: string, value: ParameterShape['text'], wrap = asIs) {
  return (): ParameterShape => ({ type, text: value, wrap });
}

const forms: { readonly [Form in ValueForm]: StoredForm } = {
  bool: { parameter: parameter('UInt8', Number) },
  integer: {
    parameter: (column) => ({
      type: kindOf(column).clickHouse,
      text: (value) => value as number | bigint,
      wrap: asIs,
    }),
    read: (json, column) => (kindOf(column).wideRange ? BigInt(json as string) : (json as number)),
  },
  float: {
    // An f32 is exact as a double, and ClickHouse compares the two as doubles.
    parameter: parameter('Float64', Number),
    // ClickHouse writes the shortest digits that give the same f32.
    read: (json, { kind }) => (kind === 'f32' ? Math.fround(readFloat(json)) : readFloat(json)),
  },
  timestamp: {
    parameter: parameter('Int64', Number, (sql) => `fromUnixTimestamp64Milli(${sql}, 'UTC')`),
    readable: (sql) => `toUnixTimestamp64Milli(${sql})`,
    read: Number,
  },
  text: {
    parameter: (column) =>
      isPosition(column)
        ? { type: 'UInt64', text: (value) => parsePosition(String(value)), wrap: asIs }
        : { type: 'String', text: String, wrap: asIs },
  },
  enum: {
    type: ({ values }) => enumType(values, 0),
    shipped: () => ({ kind: 'number', as: 'i16' }),
    exported: asText,
    parameter: parameter('String', String),
    isTextual: true,
  },
  json: { parameter: parameter('String', String) },
  uuid: { exported: asText, parameter: parameter('UUID', String), isTextual: true },
  bytes: {
    parameter: parameter(
      'String',
      (value) => Buffer.from(value as Uint8Array).toString('hex'),
      (sql) => `unhex(${sql})`,
    ),
    readable: (sql) => `hex(${sql})`,
    read: (json) => new Uint8Array(Buffer.from(json as string, 'hex')),
  },
  parts: partsForm,
};

function formOf(column: ColumnDefinition): StoredForm {
  return forms[kindOf(column).form];
}

/** Written as ClickHouse itself writes types, so that they can be compared with `system.columns`. */
export function clickHouseType(column: ColumnDefinition): string {
  const { type, nullableType } = formOf(column);
  const scalar = type?.(column) ?? kindOf(column).clickHouse;
  if (column.optional && nullableType) return nullableType(column);
  if (column.list) return `Array(${scalar})`;
  return column.optional ? `Nullable(${scalar})` : scalar;
}

export function enumType(values: readonly string[], first: number): string {
  return `Enum16(${values.map((value, index) => `${quoteText(value)} = ${index + first}`).join(', ')})`;
}

/** The scalars' type in blocks: exactly the bytes of a `ColumnVector`. */
export function shippedType(column: ColumnDefinition): ArrowType {
  return formOf(column).shipped?.(column) ?? kindOf(column).arrow;
}

/** The column as a block carries it. */
export function shippedVector(vector: ColumnVector): ColumnVector | StructVector {
  return formOf(vector.column).toShip?.(vector) ?? vector;
}

/** SQL that is true where the column has no value. */
export function isNullSql(column: ColumnDefinition): string {
  const [first = column] = partColumns(column);
  return `${quotePath(first.name)} IS NULL`;
}

/** The manifest's type in Arrow: `enum` and `uuid` are text, timestamps milliseconds UTC. */
export function exportedType(column: ColumnDefinition): ArrowType {
  return formOf(column).exported?.type(column) ?? kindOf(column).arrow;
}

export function exportSql(column: ColumnDefinition): string {
  return exportExpression(column, quoteName(column.name));
}

/** The exported form of an expression of the column's type. */
export function exportExpression(column: ColumnDefinition, value: string): string {
  const { exported } = formOf(column);
  if (exported) {
    return column.list
      ? `arrayMap(${itemName} -> ${exported.sql(itemName)}, ${value})`
      : exported.sql(value);
  }
  // Out of a LowCardinality, which Arrow would have as a dictionary.
  if (kindOf(column).form === 'text' && !column.list && !isPosition(column)) {
    return `CAST(${value} AS ${column.optional ? 'Nullable(String)' : 'String'})`;
  }
  return value;
}

/** The exported value of a column that may be null, which it is where the condition holds. */
export function exportSqlUnless(
  condition: string,
  column: ColumnDefinition,
  sql: string = exportSql(column),
): string {
  const type = formOf(column).nullableType?.(column);
  if (type === undefined) return `if(${condition}, NULL, ${sql})`;
  return `if(${condition}, ${nullSql(column)}, CAST(${sql} AS ${type}))`;
}

/** What a column that may be null holds where it has no value, in its stored type. */
export function nullSql(column: ColumnDefinition): string {
  const type = clickHouseType(column);
  if (column.list) return `CAST([] AS ${type})`;
  if (!formOf(column).nullableType) return `CAST(NULL AS ${type})`;
  const nulls = partColumns(column).map(() => 'NULL');
  return `CAST(tuple(${nulls.join(', ')}) AS ${type})`;
}

export function parameterOf(column: ColumnDefinition): ParameterShape {
  return formOf(column).parameter(column);
}

export function isTextual(column: ColumnDefinition): boolean {
  return formOf(column).isTextual ?? false;
}

/** The SQL that yields a column's values in a form JSON carries exactly; `readValue` reads it. */
export function readableSql(column: ColumnDefinition): string {
  return readableExpression(column, quoteName(column.name));
}

/** The SQL that yields `sql`, an expression of the column's type, in that form exactly. */
export function readableExpression(column: ColumnDefinition, sql: string): string {
  const { readable } = formOf(column);
  if (!readable) return sql;
  return column.list ? `arrayMap(${itemName} -> ${readable(itemName)}, ${sql})` : readable(sql);
}

/** A JSON value of `readableSql` in the column's in-memory shape. */
export function readValue(column: ColumnDefinition, value: unknown): Value {
  if (value === null || value === undefined) return null;
  const { read } = formOf(column);
  if (!read) return value as Value;
  return column.list
    ? (value as unknown[]).map((item) => read(item, column) as Scalar)
    : read(value, column);
}

/** A float as ClickHouse writes it in JSON; sums of rows may be infinite, though no row is. */
export function readFloat(value: unknown): number {
  if (value === 'inf') return Number.POSITIVE_INFINITY;
  if (value === '-inf') return Number.NEGATIVE_INFINITY;
  return Number(value);
}
