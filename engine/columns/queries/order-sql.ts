import type { ColumnDefinition, Scalar, Value } from '../../model/types.ts';
import { isTextual } from '../stored-kinds.ts';
import { comparable } from './condition-sql.ts';
import type { SqlParameters } from './sql-parameters.ts';
import { quoteName } from './sql-text.ts';

/**
 * A column as its rows are ordered: enums and UUIDs by their text, which is the order of live rows
 * too; ClickHouse itself would order them by ordinals and halves.
 */
export function orderSql(column: ColumnDefinition): string {
  return isTextual(column) ? `toString(${quoteName(column.name)})` : comparable(column);
}

/** A value comparable with `orderSql(column)`. */
export function orderValue(
  column: ColumnDefinition,
  value: Exclude<Value, null>,
  parameters: SqlParameters,
): string {
  if (isTextual(column)) return parameters.add('String', String(value));
  return parameters.scalar(column, value as Scalar);
}
