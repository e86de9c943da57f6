import type { Ticket } from '../../govern/ticket.ts';
import type { Catalog } from '../../model/catalog.ts';
import { columnNamed } from '../../model/kinds.ts';
import type { Lsn } from '../../model/position.ts';
import { storedOrder } from '../../model/system-columns.ts';
import type { ColumnDefinition, Value } from '../../model/types.ts';
import { decodeCursor, encodeCursor, type ListIdentity } from '../../query/page-cursor.ts';
import { cellReader } from '../../query/row-predicate.ts';
import type { ClientQuery } from '../client.ts';
import type { ColumnListRequest } from '../column-queries.ts';
import { readableSql } from '../stored-kinds.ts';
import { beyond, orderTerms } from './beyond-sql.ts';
import { completeOrder } from './list-order.ts';
import { orderSql } from './order-sql.ts';
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
  const terms = order.map((key) => ({ ...key, sql: orderSql(key.column) }));
  const after =
    request.after === null ? '1' : beyond(terms, decodeCursor(list, request.after), parameters);
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
  const sql = [
    `SELECT ${columns.map((column, i) => `${readableSql(column)} AS ${ownName(`c${i}`)}`).join(', ')}`,
    `FROM ${source.from}`,
    `WHERE ${conditions.join(' AND ')}`,
    `ORDER BY ${orderTerms(terms)}`,
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
