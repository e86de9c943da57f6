import { columnOrPart, isPosition } from '../../model/kinds.ts';
import type { ColumnDefinition } from '../../model/types.ts';
import { type CompareOp, type Condition, walkCondition } from '../../query/condition.ts';
import { lsnColumn } from '../shipping/system-vectors.ts';
import { isNullSql } from '../stored-kinds.ts';
import type { SqlParameters } from './sql-parameters.ts';
import { quoteName, quotePath } from './sql-text.ts';

/**
 * A condition as SQL that is 0 or 1, never null: a comparison with null is false, as in
 * `rowPredicate`, so that `not` negates what a reader of the condition expects.
 */
export function conditionSql(
  condition: Condition,
  columns: ReadonlyMap<string, ColumnDefinition>,
  parameters: SqlParameters,
): string {
  const find = (name: string): ColumnDefinition => {
    const column = columnOrPart((whole) => columns.get(whole), name);
    if (!column) throw new RangeError(`a checked condition names no column "${name}"`);
    return column;
  };
  return walkCondition<string>(condition, {
    and: (parts) => (parts.length === 0 ? '1' : `(${parts.join(' AND ')})`),
    or: (parts) => (parts.length === 0 ? '0' : `(${parts.join(' OR ')})`),
    not: (inner) => `NOT ${inner}`,
    isNull: (leaf) => {
      // Only optional columns can be null; lists are stored empty instead.
      const column = find(leaf.column);
      if (!column.optional || column.list) return leaf.isNull ? '0' : '1';
      return `(${leaf.isNull ? '' : 'NOT '}${isNullSql(column)})`;
    },
    compare: (leaf) => {
      const column = find(leaf.column);
      const value = parameters.scalar(column, leaf.value);
      return present(column, `${comparable(column)} ${operators[leaf.op]} ${value}`);
    },
    in: (leaf) => {
      const column = find(leaf.column);
      if (leaf.values.length === 0) return '0';
      const values = parameters.scalars(column, leaf.values);
      return present(column, `${comparable(column)} IN (${values})`);
    },
    between: (leaf) => {
      const column = find(leaf.column);
      const low = parameters.scalar(column, leaf.low);
      const high = parameters.scalar(column, leaf.high);
      return present(column, `${comparable(column)} BETWEEN ${low} AND ${high}`);
    },
  });
}

const operators: Readonly<Record<CompareOp, string>> = {
  eq: '=',
  ne: '!=',
  lt: '<',
  lte: '<=',
  gt: '>',
  gte: '>=',
  like: 'LIKE',
};

/** A column as its parameters compare with it. */
export function comparable(column: ColumnDefinition): string {
  return isPosition(column) ? quoteName(lsnColumn) : quotePath(column.name);
}

function present(column: ColumnDefinition, condition: string): string {
  return column.optional ? `ifNull(${condition}, 0)` : `(${condition})`;
}
