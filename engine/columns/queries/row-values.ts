import type { ColumnDefinition, Scalar, Value } from '../../model/types.ts';
import { quoteName } from './sql-text.ts';

/** The SQL that yields a column's values in a form JSON carries exactly; `readValue` reads it. */
export function readableSql(column: ColumnDefinition): string {
  return readableExpression(column, quoteName(column.name));
}

/** The same for an expression of the column's type. */
export function readableExpression(column: ColumnDefinition, sql: string): string {
  const item = readableScalar(column, 'x');
  if (!column.list) return readableScalar(column, sql);
  return item === 'x' ? sql : `arrayMap(x -> ${item}, ${sql})`;
}

function readableScalar(column: ColumnDefinition, sql: string): string {
  switch (column.kind) {
    case 'timestamp':
      return `toUnixTimestamp64Milli(${sql})`;
    case 'bytes':
      return `hex(${sql})`;
    default:
      return sql;
  }
}

/** A JSON value of `readableSql` in the column's in-memory shape. */
export function readValue(column: ColumnDefinition, value: unknown): Value {
  if (value === null || value === undefined) return null;
  if (column.list) return (value as unknown[]).map((item) => readScalar(column, item));
  return readScalar(column, value);
}

function readScalar(column: ColumnDefinition, value: unknown): Scalar {
  switch (column.kind) {
    case 'i64':
    case 'u64':
      return BigInt(value as string);
    case 'timestamp':
      return Number(value);
    case 'bytes':
      return new Uint8Array(Buffer.from(value as string, 'hex'));
    case 'f32':
      // ClickHouse writes the shortest digits that give the same f32.
      return Math.fround(Number(value));
    case 'f64':
      return Number(value);
    default:
      return value as Scalar;
  }
}
