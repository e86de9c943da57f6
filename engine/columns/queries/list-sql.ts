import type { Ticket } from '../../govern/ticket.ts';
import type { Catalog } from '../../model/catalog.ts';
import { columnNamed } from '../../model/kinds.ts';
import type { ColumnDefinition, TableDefinition, Value } from '../../model/types.ts';
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

/** A page as SQL: `first` rows and one more, that tells whether there is a next page. */
export function planList(ticket: Ticket, catalog: Catalog, request: ColumnListRequest): ListPlan {
  const table = catalog.table(request.table);
  const columns = [...catalog.columnsOf(table).values()];
  const order = completeOrder(request.orderBy, uniqueKey(table), (name) => {
    return columnNamed(columns, name) ?? catalog.column(table, name);
  });
  const list: ListIdentity = { table: table.name, order, where: request.where };
  const parameters = new SqlParameters();
  const source = tableSource(catalog, table, request.where, parameters);
  const conditions = [source.where];
  if (request.after !== null) {
    conditions.push(beyond(order, decodeCursor(list, request.after), parameters));
  }
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

function uniqueKey(table: TableDefinition): readonly string[] {
  return table.kind === 'state' ? table.key : ['sessionId', 'tick', 'seq'];
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
