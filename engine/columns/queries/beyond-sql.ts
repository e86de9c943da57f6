import type { ColumnDefinition, Scalar, Value } from '../../model/types.ts';
import { orderValue } from './order-sql.ts';
import type { SqlParameters } from './sql-parameters.ts';

/** What a page is ordered by: SQL, and the column whose values it has. */
export interface OrderTerm {
  readonly sql: string;
  readonly column: ColumnDefinition;
  readonly direction: 'ASC' | 'DESC';
}

export function orderTerms(terms: readonly OrderTerm[]): string {
  return terms.map(({ sql, direction }) => `${sql} ${direction} NULLS LAST`).join(', ');
}

/** What comes after the place with these values. Nulls come last in both directions, so nothing lies behind a null. */
export function beyond(
  terms: readonly OrderTerm[],
  values: readonly Value[],
  parameters: SqlParameters,
): string {
  const alternatives: string[] = [];
  const equal: string[] = [];
  terms.forEach(({ sql, column, direction }, i) => {
    const value = values[i] ?? null;
    if (value === null) {
      equal.push(`${sql} IS NULL`);
      return;
    }
    const placeholder = orderValue(column, value as Scalar, parameters);
    const further = `${sql} ${direction === 'ASC' ? '>' : '<'} ${placeholder}`;
    const last = column.optional ? `(ifNull(${further}, 0) OR ${sql} IS NULL)` : further;
    alternatives.push([...equal, last].join(' AND '));
    equal.push(column.optional ? `ifNull(${sql} = ${placeholder}, 0)` : `${sql} = ${placeholder}`);
  });
  if (alternatives.length === 0) return '0';
  return `(${alternatives.map((alternative) => `(${alternative})`).join(' OR ')})`;
}
