import type { Ticket } from '../../govern/ticket.ts';
import type { Catalog } from '../../model/catalog.ts';
import { EngineError } from '../../model/errors.ts';
import { isNumeric, isPosition, kindOf } from '../../model/kinds.ts';
import type { Lsn } from '../../model/position.ts';
import type { ColumnDefinition, TableDefinition, Value } from '../../model/types.ts';
import type { ClientQuery } from '../client.ts';
import type { Group, GroupAggregate, GroupsRequest } from '../column-queries.ts';
import {
  isTextual,
  readableExpression,
  readableSql,
  readFloat,
  readValue,
} from '../stored-kinds.ts';
import { comparable } from './condition-sql.ts';
import { orderSql } from './order-sql.ts';
import { tableSource } from './source-sql.ts';
import { SqlParameters } from './sql-parameters.ts';
import { ownName, quoteName } from './sql-text.ts';

export interface GroupsPlan {
  readonly query: ClientQuery;
  read(row: readonly unknown[]): Group;
}

/** Groups as SQL, one more than asked for, that tells whether there are more. Without an order they come by key, so that equal questions get equal answers. */
export function planGroups(
  ticket: Ticket,
  catalog: Catalog,
  request: GroupsRequest,
  upTo: Lsn | null,
): GroupsPlan {
  const table = catalog.table(request.table);
  const parameters = new SqlParameters();
  const keys = groupKeys(catalog, table, request, parameters);
  const aggregates = request.aggregates.map((aggregate) =>
    planAggregate(catalog.column(table, 'column' in aggregate ? aggregate.column : ''), aggregate),
  );
  const range = upTo === null ? undefined : { after: null, upTo };
  const source = tableSource(catalog, table, request.where, parameters, range);
  const selected = [
    ...keys.map((key, i) => `${key.readable} AS ${ownName(`k${i}`)}`),
    `count() AS ${countName}`,
    ...aggregates.map((aggregate, i) => `${aggregate.sql} AS ${ownName(`a${i}`)}`),
  ];
  const sql = [
    `SELECT ${selected.join(', ')}`,
    `FROM ${source.from}`,
    `WHERE ${source.where}`,
    ...(keys.length === 0 ? [] : [`GROUP BY ${keys.map((key) => key.sql).join(', ')}`]),
    ...orderClause(request, keys),
    `LIMIT ${request.first + 1}`,
  ].join('\n');
  return {
    query: {
      sql,
      author: 'engine',
      parameters: parameters.values,
      // This optimization would take the unit of `inRange` out of the sum again.
      settings: { optimize_arithmetic_operations_in_aggregate_functions: 0 },
      bounds: request.bounds,
      ticket,
    },
    read(row) {
      const key: Record<string, Value> = {};
      keys.forEach(({ column }, i) => {
        key[column.name] = readValue(column, row[i]);
      });
      const count = BigInt(row[keys.length] as string);
      const values = aggregates.map((aggregate, i) =>
        aggregate.read(row[keys.length + 1 + i], count),
      );
      return { key, count, values };
    },
  };
}

const countName = ownName('n');

interface GroupKey {
  readonly column: ColumnDefinition;
  readonly sql: string;
  readonly readable: string;
  readonly order: string;
}

function groupKeys(
  catalog: Catalog,
  table: TableDefinition,
  request: GroupsRequest,
  parameters: SqlParameters,
): GroupKey[] {
  const keys: GroupKey[] = [...new Set(request.by)].map((name) => {
    const column = catalog.column(table, name);
    return {
      column,
      sql: quoteName(name),
      readable: readableSql(column),
      order: column.list ? quoteName(name) : orderSqlOfKey(column),
    };
  });
  if (request.tickBucket !== null) {
    if (table.kind === 'state') {
      throw new EngineError('BAD_USER_INPUT', `rows of "${table.name}" have no tick to bucket by`);
    }
    if (!Number.isInteger(request.tickBucket) || request.tickBucket < 1) {
      throw new EngineError('BAD_USER_INPUT', 'tickBucket must be a whole number of ticks, from 1');
    }
    const width = parameters.add('UInt32', String(request.tickBucket));
    const sql = `toUInt32(intDiv(${quoteName('tick')}, ${width}) * ${width})`;
    keys.push({ column: tickBucket, sql, readable: sql, order: sql });
  }
  return keys;
}

/** Grouping is by the text of a position, ordering by its number. */
function orderSqlOfKey(column: ColumnDefinition): string {
  return isPosition(column) ? `any(${comparable(column)})` : orderSql(column);
}

const tickBucket: ColumnDefinition = {
  name: 'tickBucket',
  kind: 'u32',
  optional: false,
  list: false,
  values: [],
};

function orderClause(request: GroupsRequest, keys: readonly GroupKey[]): string[] {
  const terms: string[] = [];
  const named = new Set<string>();
  for (const { column, direction } of request.orderBy) {
    named.add(column);
    if (column === 'count') terms.push(`${countName} ${direction}`);
    else {
      const key = keys.find((candidate) => candidate.column.name === column);
      if (!key) {
        throw new EngineError(
          'BAD_USER_INPUT',
          `groups are ordered by a column of \`by\`, tickBucket or count, not "${column}"`,
        );
      }
      terms.push(`${key.order} ${direction} NULLS LAST`);
    }
  }
  for (const key of keys) {
    if (!named.has(key.column.name)) terms.push(`${key.order} ASC NULLS LAST`);
  }
  return terms.length === 0 ? [] : [`ORDER BY ${terms.join(', ')}`];
}

interface AggregatePlan {
  readonly sql: string;
  read(value: unknown, count: bigint): Value;
}

function planAggregate(column: ColumnDefinition, aggregate: GroupAggregate): AggregatePlan {
  const sql = quoteName(column.name);
  const number = (value: unknown, count: bigint) =>
    value === null || count === 0n ? null : readFloat(value);
  switch (aggregate.op) {
    case 'countDistinct':
      return {
        sql: `toString(uniqExact(${comparable(column)}))`,
        read: (value) => BigInt(value as string),
      };
    case 'sum':
      requireNumber(column, 'sum');
      if (kindOf(column).form !== 'integer') {
        const read = (value: unknown) => (value === null ? null : readFloat(value));
        return { sql: column.kind === 'f64' ? inRange('sum', sql) : `sum(${sql})`, read };
      }
      // A sum of 64-bit integers may leave their range; 128 bits hold any number of rows.
      return {
        sql: `toString(sum(${kindOf(column).wideRange ? `toInt128(${sql})` : sql}))`,
        read: (value) => (value === null ? null : BigInt(value as string)),
      };
    case 'avg':
      requireNumber(column, 'avg');
      if (column.kind === 'f64') return { sql: inRange('avg', sql), read: number };
      // ClickHouse adds 64-bit integers up in 64 bits for their mean, too.
      if (kindOf(column).wideRange) {
        return { sql: `sum(toInt128(${sql})) / count(${sql})`, read: number };
      }
      return { sql: `avg(${sql})`, read: number };
    case 'quantile':
      requireNumber(column, 'quantile');
      if (!(aggregate.q >= 0 && aggregate.q <= 1)) {
        throw new EngineError('BAD_USER_INPUT', 'a quantile lies between 0 and 1');
      }
      // Exact, and between two values on the line between them, so that answers repeat. The length
      // of that line must be in range: an integer's may not be, and half a double's always is.
      return column.kind === 'f64'
        ? { sql: `quantileExactInclusive(${aggregate.q})(${sql} * 0.5) * 2`, read: number }
        : { sql: `quantileExactInclusive(${aggregate.q})(toFloat64(${sql}))`, read: number };
    case 'min':
    case 'max':
      return planExtreme(column, aggregate.op);
  }
}

/**
 * A sum or mean of doubles that passes the range of a double on its way only where the result itself
 * does: what has left the range is added up anew in units of 2^64. More rows than that there are not.
 */
function inRange(op: 'sum' | 'avg', sql: string): string {
  return `if(isFinite(${op}(${sql})), ${op}(${sql}), ${op}(${sql} / ${doubleUnit}) * ${doubleUnit})`;
}

const doubleUnit = `${2 ** 64}.`;

function planExtreme(column: ColumnDefinition, op: 'min' | 'max'): AggregatePlan {
  if (column.list) throw new EngineError('BAD_USER_INPUT', `lists have no ${op}: "${column.name}"`);
  if (isPosition(column)) {
    return {
      sql: `concat('0:', toString(${op}(${comparable(column)})))`,
      read: (value, count) => (count === 0n ? null : (value as string)),
    };
  }
  const inner = `${op}(${isTextual(column) ? orderSql(column) : quoteName(column.name)})`;
  return {
    sql: isTextual(column) ? inner : readableExpression(column, inner),
    read: (value, count) => (count === 0n ? null : readValue(column, value)),
  };
}

function requireNumber(column: ColumnDefinition, op: string): void {
  if (isNumeric(column)) return;
  throw new EngineError('BAD_USER_INPUT', `${op} needs a column of numbers, not "${column.name}"`);
}
