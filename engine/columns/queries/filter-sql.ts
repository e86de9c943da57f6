import { columnOrPart, isPosition } from '../../model/kinds.ts';
import type { ColumnDefinition } from '../../model/types.ts';
import type { CompareOp, Filter } from '../../query/filter.ts';
import { lsnColumn } from '../shipping/system-vectors.ts';
import { isNullSql } from '../stored-kinds.ts';
import type { SqlParameters } from './sql-parameters.ts';
import { quoteName, quotePath } from './sql-text.ts';

/**
 * A filter as a condition that is 0 or 1, never null: a comparison with null is false, as in
 * `rowPredicate`, so that `not` negates what a reader of the filter expects.
 */
export function filterSql(
  filter: Filter,
  columns: ReadonlyMap<string, ColumnDefinition>,
  parameters: SqlParameters,
): string {
  const find = (name: string): ColumnDefinition => {
    const column = columnOrPart((whole) => columns.get(whole), name);
    if (!column) throw new RangeError(`a checked filter names no column "${name}"`);
    return column;
  };
  const visit = (node: Filter): string => {
    switch (node.kind) {
      case 'and':
        return node.all.length === 0 ? '1' : `(${node.all.map(visit).join(' AND ')})`;
      case 'or':
        return node.any.length === 0 ? '0' : `(${node.any.map(visit).join(' OR ')})`;
      case 'not':
        return `NOT ${visit(node.inner)}`;
      case 'isNull': {
        // Only optional columns can be null; lists are stored empty instead.
        const column = find(node.column);
        if (!column.optional || column.list) return node.isNull ? '0' : '1';
        return `(${node.isNull ? '' : 'NOT '}${isNullSql(column)})`;
      }
      case 'compare': {
        const column = find(node.column);
        const value = parameters.scalar(column, node.value);
        return present(column, `${comparable(column)} ${operators[node.op]} ${value}`);
      }
      case 'in': {
        const column = find(node.column);
        if (node.values.length === 0) return '0';
        const values = parameters.scalars(column, node.values);
        return present(column, `${comparable(column)} IN (${values})`);
      }
      case 'between': {
        const column = find(node.column);
        const low = parameters.scalar(column, node.low);
        const high = parameters.scalar(column, node.high);
        return present(column, `${comparable(column)} BETWEEN ${low} AND ${high}`);
      }
    }
  };
  return visit(filter);
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
