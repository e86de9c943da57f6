import type { ColumnDefinition, Scalar, Value } from '../../model/types.ts';
import { ownName, quoteName } from './sql-text.ts';

const itemName = ownName('x');

/** The SQL that yields a column's values in a form JSON carries exactly; `readValue` reads it. */
export function readableSql(column: ColumnDefinition): string {
  return readableExpression(column, quoteName(column.name));
}

/** The same for an expression of the column's type. */
export function readableExpression(column: ColumnDefinition, sql: string): string {
  const item = readableScalar(column, itemName);
  if (!column.list) return readableScalar(column, sql);
  return item === itemName ? sql : `arrayMap(${itemName} -> ${item}, ${sql})`;
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

/** A float as ClickHouse writes it in JSON; sums of rows may be infinite, though no row is. */
export function readFloat(value: unknown): number {
  if (value === 'inf') return Number.POSITIVE_INFINITY;
  if (value === '-inf') return Number.NEGATIVE_INFINITY;
  return Number(value);
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
      return Math.fround(readFloat(value));
    case 'f64':
      return readFloat(value);
    default:
      return value as Scalar;
  }
}
