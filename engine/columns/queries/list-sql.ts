import type { Ticket } from '../../govern/ticket.ts';
import type { Catalog } from '../../model/catalog.ts';
import { columnNamed } from '../../model/kinds.ts';
import type { Lsn } from '../../model/position.ts';
import { storedOrder } from '../../model/system-columns.ts';
import type { ColumnDefinition, Value } from '../../model/types.ts';
import {
  decodeCursor,
  encodeCursor,
  type ListIdentity,
  type OrderKey,
} from '../../query/page-cursor.ts';
import { cellReader } from '../../query/row-predicate.ts';
import type { ClientQuery } from '../client.ts';
import type { ColumnListRequest } from '../column-queries.ts';
import { readableSql } from '../stored-kinds.ts';
import { completeOrder } from './list-order.ts';
import { orderSql, orderValue } from './order-sql.ts';
import { tableSource } from './source-sql.ts';
import { SqlParameters } from './sql-parameters.ts';
import { ownName } from './sql-text.ts';

export interface ListPlan {
  readonly query: ClientQuery;
  /** In the order of the answer's values. */
  readonly columns: readonly ColumnDefinition[];
  cursorOf(row: { readonly [column: string]: Value }): string;
}

/**
 * A page as SQL, of the rows as of `upTo` (null: of now): `first` rows and one more, that tells whether
 * there is a next page.
 */
export function planList(
  ticket: Ticket,
  catalog: Catalog,
  request: ColumnListRequest,
  upTo: Lsn | null,
): ListPlan {
  const table = catalog.table(request.table);
  const columns = [...catalog.columnsOf(table).values()];
  const order = completeOrder(request.orderBy, storedOrder(table), (name) => {
    return columnNamed(columns, name) ?? catalog.column(table, name);
  });
  const list: ListIdentity = { table: table.name, order, where: request.where };
  const parameters = new SqlParameters();
  const after =
    request.after === null ? '1' : beyond(order, decodeCursor(list, request.after), parameters);
  // What versions of a row have in common is asked of each, so that fewer are looked at.
  const isOfKey = order.every(({ column }) => table.key.includes(column.name));
  const range = upTo === null ? undefined : { after: null, upTo };
  const source = tableSource(
    catalog,
    table,
    request.where,
    parameters,
    range,
    isOfKey ? after : undefined,
  );
  const conditions = [source.where, after];
  const readers = order.map(({ column }) => cellReader(column.name));
  const terms = order.map(({ column, direction }) => `${orderSql(column)} ${direction} NULLS LAST`);
  const sql = [
    `SELECT ${columns.map((column, i) => `${readableSql(column)} AS ${ownName(`c${i}`)}`).join(', ')}`,
    `FROM ${source.from}`,
    `WHERE ${conditions.join(' AND ')}`,
    `ORDER BY ${terms.join(', ')}`,
    `LIMIT ${request.first + 1}`,
  ].join('\n');
  return {
    query: {
      sql,
      author: 'engine',
      parameters: parameters.values,
      bounds: request.bounds,
      ticket,
    },
    columns,
    cursorOf: (row) =>
      encodeCursor(
        list,
        readers.map((read) => read(row) ?? null),
      ),
  };
}

/** The rows after a cursor. Nulls come last in both directions, so nothing lies behind a null. */
function beyond(
  order: readonly OrderKey[],
  values: readonly Value[],
  parameters: SqlParameters,
): string {
  const alternatives: string[] = [];
  const equal: string[] = [];
  order.forEach(({ column, direction }, i) => {
    const value = values[i] ?? null;
    const sql = orderSql(column);
    if (value === null) {
      equal.push(`${sql} IS NULL`);
      return;
    }
    const placeholder = orderValue(column, value, parameters);
    const further = `${sql} ${direction === 'ASC' ? '>' : '<'} ${placeholder}`;
    const last = column.optional ? `(ifNull(${further}, 0) OR ${sql} IS NULL)` : further;
    alternatives.push([...equal, last].join(' AND '));
    equal.push(column.optional ? `ifNull(${sql} = ${placeholder}, 0)` : `${sql} = ${placeholder}`);
  });
  if (alternatives.length === 0) return '0';
  return `(${alternatives.map((alternative) => `(${alternative})`).join(' OR ')})`;
}
