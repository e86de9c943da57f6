import { EngineError } from '../../model/errors.ts';
import type { ColumnDefinition } from '../../model/types.ts';
import type { OrderKey } from '../../query/page-cursor.ts';
import type { OrderBy } from '../../state/state-reader.ts';

/** `orderBy` completed by the columns that make it unique. Throws `BAD_USER_INPUT` for lists. */
export function completeOrder(
  orderBy: readonly OrderBy[],
  unique: readonly string[],
  find: (name: string) => ColumnDefinition,
): OrderKey[] {
  const order: OrderKey[] = [];
  const named = new Set<string>();
  for (const { column: name, direction } of orderBy) {
    const column = find(name);
    if (column.list) throw new EngineError('BAD_USER_INPUT', `lists have no order: "${name}"`);
    if (named.has(name)) continue;
    named.add(name);
    order.push({ column, direction });
  }
  for (const name of unique) {
    if (!named.has(name)) order.push({ column: find(name), direction: 'ASC' });
  }
  return order;
}
