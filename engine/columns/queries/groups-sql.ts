import type { Ticket } from '../../govern/ticket.ts';
import type { Catalog } from '../../model/catalog.ts';
import { EngineError } from '../../model/errors.ts';
import { isPosition } from '../../model/kinds.ts';
import { asLsn, type Lsn } from '../../model/position.ts';
import type { ColumnDefinition, TableDefinition, Value } from '../../model/types.ts';
import { conditionText } from '../../query/canonical-condition.ts';
import { decodeCursor, encodeCursor, type ListIdentity } from '../../query/page-cursor.ts';
import type { ClientQuery } from '../client.ts';
import type { Group, GroupAggregate, GroupsRequest } from '../column-queries.ts';
import { lsnColumn } from '../shipping/system-vectors.ts';
import { isTextual, readableExpression, readValue } from '../stored-kinds.ts';
import { aggregateName } from './aggregate-name.ts';
import { type AggregatePlan, planAggregate } from './aggregate-sql.ts';
import { beyond, type OrderTerm, orderTerms } from './beyond-sql.ts';
import { conditionSql } from './condition-sql.ts';
import { tableSource } from './source-sql.ts';
import { SqlParameters } from './sql-parameters.ts';
import { ownName, quoteName } from './sql-text.ts';

/**
 * Groups as SQL: rows are grouped, then groups chosen and ordered, one more of them than asked for,
 * that tells whether there are more. Without an order they come by key, so that equal questions get
 * equal answers. A page goes on as of the position of the first one: its cursors name it.
 */
export class GroupsPlan {
  /** As of which position the groups must be; null: of now. */
  readonly asOf: Lsn | null;
  readonly #catalog: Catalog;
  readonly #table: TableDefinition;
  readonly #request: GroupsRequest;
  readonly #parameters = new SqlParameters();
  readonly #keys: readonly GroupKey[];
  readonly #aggregates: readonly NamedAggregate[];
  readonly #terms: readonly OrderTerm[];
  readonly #list: ListIdentity;
  readonly #after: readonly Value[] | null;

  constructor(catalog: Catalog, request: GroupsRequest) {
    this.#catalog = catalog;
    this.#request = request;
    this.#table = catalog.table(request.table);
    this.#keys = groupKeys(catalog, this.#table, request, this.#parameters);
    this.#aggregates = namedAggregates(catalog, this.#table, request);
    this.#terms = orderOfGroups(request, this.#keys, this.#aggregates);
    this.#list = {
      table: JSON.stringify([
        request.table,
        this.#keys.map(({ column }) => column.name),
        request.tickBucket,
        request.timeBucketMs ?? null,
        conditionText(request.having ?? null),
      ]),
      order: [{ column: atLsn, direction: 'ASC' }, ...this.#terms],
      where: request.where,
    };
    const after = request.after ? decodeCursor(this.#list, request.after) : null;
    this.#after = after?.slice(1) ?? null;
    const asOf = request.asOf ?? null;
    const first = after === null ? null : asLsn(Number(after[0]));
    if (asOf !== null && first !== null && asOf !== first) {
      throw new EngineError('BAD_USER_INPUT', 'after: the cursor is of another moment than asOf', {
        details: { path: 'after' },
      });
    }
    this.asOf = asOf ?? first;
  }

  query(ticket: Ticket, upTo: Lsn | null): ClientQuery {
    const request = this.#request;
    const parameters = this.#parameters;
    const range = upTo === null ? undefined : { after: null, upTo };
    const source = tableSource(this.#catalog, this.#table, request.where, parameters, range);
    const grouped = [
      ...this.#keys.map(({ sql, name }) => `${sql} AS ${name}`),
      `count() AS ${countName}`,
      ...this.#aggregates.map(({ plan, name }) => `${plan.sql} AS ${name}`),
    ];
    const shown = [
      ...this.#keys.map(({ readable }) => readable),
      `toString(${countName})`,
      ...this.#aggregates.map(({ plan, name }) => plan.readable(name)),
    ];
    const chosen = [
      ...(request.having ? [conditionSql(request.having, this.#comparable, parameters)] : []),
      ...(this.#after === null ? [] : [beyond(this.#terms, this.#after, parameters)]),
    ];
    const keyNames = this.#keys.map(({ name }) => name).join(', ');
    const sql = [
      `SELECT ${shown.join(', ')} FROM (`,
      `SELECT ${grouped.join(', ')}`,
      `FROM ${source.from}`,
      `WHERE ${source.where}`,
      ...(this.#keys.length === 0 ? [] : [`GROUP BY ${keyNames}`]),
      ')',
      ...(chosen.length === 0 ? [] : [`WHERE ${chosen.join(' AND ')}`]),
      ...(this.#terms.length === 0 ? [] : [`ORDER BY ${orderTerms(this.#terms)}`]),
      `LIMIT ${request.first + 1}`,
    ].join('\n');
    return {
      sql,
      author: 'engine',
      parameters: parameters.values,
      // This optimization would take the unit of a sum in range out of it again.
      settings: { optimize_arithmetic_operations_in_aggregate_functions: 0 },
      bounds: request.bounds,
      ticket,
    };
  }

  read(row: readonly unknown[]): PlannedGroup {
    const key: Record<string, Value> = {};
    this.#keys.forEach(({ column }, i) => {
      key[column.name] = readValue(column, row[i]);
    });
    const count = BigInt(row[this.#keys.length] as string);
    const at = this.#keys.length + 1;
    const all = this.#aggregates.map(({ plan }, i) => plan.read(row[at + i]));
    const places = new Map(
      this.#aggregates.map(({ aggregate }, i) => [aggregateName(aggregate), i]),
    );
    const values = this.#request.aggregates.map(
      (aggregate) => all[places.get(aggregateName(aggregate)) ?? -1] ?? null,
    );
    const compared = new Map([...places].map(([name, i]) => [name, all[i] ?? null]));
    return { group: { key, count, values }, compared };
  }

  /** What to give as `after` to go on behind the group, of rows as of `lsn`. */
  cursorOf({ group: { key, count }, compared }: PlannedGroup, lsn: Lsn): string {
    const values = this.#terms.map(({ column: { name } }): Value => {
      if (name === countName) return count;
      const aggregate = this.#aggregates.find((one) => one.name === name);
      if (aggregate) return finite(compared.get(aggregateName(aggregate.aggregate)) ?? null);
      return key[this.#keys.find((one) => one.column.name === name)?.column.name ?? ''] ?? null;
    });
    return encodeCursor(this.#list, [BigInt(lsn), ...values]);
  }

  /** What conditions on groups name, as columns of the grouped rows. */
  get #comparable(): ReadonlyMap<string, ColumnDefinition> {
    return new Map([
      ['count', groupCount],
      ...this.#aggregates.map(
        ({ aggregate, plan, name }) => [aggregateName(aggregate), plan.column(name)] as const,
      ),
    ]);
  }
}

/** A group, and all aggregates of its request by their names. */
export interface PlannedGroup {
  readonly group: Group;
  readonly compared: ReadonlyMap<string, Value>;
}

const countName = ownName('n');
const groupCount: ColumnDefinition = plainColumn(countName, 'i64');
const atLsn: ColumnDefinition = plainColumn(lsnColumn, 'i64');

function plainColumn(name: string, kind: ColumnDefinition['kind']): ColumnDefinition {
  return { name, kind, optional: false, list: false, values: [] };
}

interface GroupKey {
  readonly column: ColumnDefinition;
  /** What the grouped rows call it. */
  readonly name: string;
  readonly sql: string;
  readonly readable: string;
  readonly order: string;
}

interface NamedAggregate {
  readonly aggregate: GroupAggregate;
  readonly plan: AggregatePlan;
  readonly name: string;
}

function namedAggregates(
  catalog: Catalog,
  table: TableDefinition,
  request: GroupsRequest,
): NamedAggregate[] {
  const { aggregates, compared = [], orderBy } = request;
  const distinct = new Map([...aggregates, ...compared].map((one) => [aggregateName(one), one]));
  const isPaged = request.isPaged || (request.after ?? null) !== null;
  const decides = new Set([...compared.map(aggregateName), ...orderBy.map(({ column }) => column)]);
  return [...distinct].map(([text, aggregate], i) => {
    const column = catalog.column(table, aggregate.column);
    const plan = planAggregate(table, column, aggregate, isPaged && decides.has(text));
    return { aggregate, plan, name: ownName(`a${i}`) };
  });
}

function groupKeys(
  catalog: Catalog,
  table: TableDefinition,
  request: GroupsRequest,
  parameters: SqlParameters,
): GroupKey[] {
  const keys = [...new Set(request.by)].map((name, i) =>
    columnKey(catalog.column(table, name), ownName(`k${i}`)),
  );
  if (request.tickBucket !== null) {
    if (table.kind === 'state') {
      throw new EngineError('BAD_USER_INPUT', `rows of "${table.name}" have no tick to bucket by`);
    }
    if (!Number.isInteger(request.tickBucket) || request.tickBucket < 1) {
      throw new EngineError('BAD_USER_INPUT', 'tickBucket must be a whole number of ticks, from 1');
    }
    const width = parameters.add('UInt32', String(request.tickBucket));
    const sql = `toUInt32(intDiv(${quoteName('tick')}, ${width}) * ${width})`;
    const name = ownName('ticks');
    const column = plainColumn('tickBucket', 'u32');
    keys.push({ column, name, sql, readable: name, order: name });
  }
  const timeBucketMs = request.timeBucketMs ?? null;
  if (timeBucketMs !== null) {
    const width = parameters.add('Int64', String(timeBucketMs));
    const ms = `toUnixTimestamp64Milli(${quoteName('committedAt')})`;
    const sql = `fromUnixTimestamp64Milli(toInt64(intDiv(${ms}, ${width}) * ${width}), 'UTC')`;
    const name = ownName('time');
    const column = plainColumn('timeBucket', 'timestamp');
    keys.push({ column, name, sql, readable: readableExpression(column, name), order: name });
  }
  return keys;
}

/** Grouping is by the number of a position, which is its order, too. */
function columnKey(column: ColumnDefinition, name: string): GroupKey {
  if (isPosition(column)) {
    const readable = `concat('0:', toString(${name}))`;
    return { column, name, sql: quoteName(lsnColumn), readable, order: name };
  }
  const order = isTextual(column) && !column.list ? `toString(${name})` : name;
  const readable = readableExpression(column, name);
  return { column, name, sql: quoteName(column.name), readable, order };
}

/** The order asked for, completed by the key. */
function orderOfGroups(
  request: GroupsRequest,
  keys: readonly GroupKey[],
  aggregates: readonly NamedAggregate[],
): OrderTerm[] {
  const terms: OrderTerm[] = [];
  const named = new Set<string>();
  for (const { column: name, direction } of request.orderBy) {
    named.add(name);
    const key = keys.find(({ column }) => column.name === name);
    const aggregate = aggregates.find((one) => aggregateName(one.aggregate) === name);
    if (name === 'count') terms.push({ sql: countName, column: groupCount, direction });
    else if (key) terms.push({ sql: key.order, column: key.column, direction });
    else if (aggregate) {
      const { plan, name: own } = aggregate;
      terms.push({ sql: plan.order(own), column: plan.column(own), direction });
    } else {
      throw new EngineError(
        'BAD_USER_INPUT',
        `groups are ordered by a column of \`by\`, a bucket, count or an aggregate, not "${name}"`,
      );
    }
  }
  for (const { column, order } of keys) {
    if (!named.has(column.name)) terms.push({ sql: order, column, direction: 'ASC' });
  }
  return terms;
}

function finite(value: Value): Value {
  if (typeof value !== 'number' || Number.isFinite(value)) return value;
  return value > 0 ? Number.MAX_VALUE : -Number.MAX_VALUE;
}
