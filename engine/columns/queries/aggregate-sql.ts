import { EngineError } from '../../model/errors.ts';
import { isNumeric, isPosition, kindOf } from '../../model/kinds.ts';
import { storedOrder } from '../../model/system-columns.ts';
import type { ColumnDefinition, ScalarKind, TableDefinition, Value } from '../../model/types.ts';
import type { GroupAggregate } from '../column-queries.ts';
import { lsnColumn } from '../shipping/system-vectors.ts';
import { isTextual, readableExpression, readFloat, readValue } from '../stored-kinds.ts';
import { comparable } from './condition-sql.ts';
import { orderSql } from './order-sql.ts';
import { quoteName } from './sql-text.ts';

/** One aggregate of a group, as SQL that rows are grouped with. */
export interface AggregatePlan {
  /** The aggregate; no value where the group has none. */
  readonly sql: string;
  /** What its values are like, under a name given to them. */
  column(name: string): ColumnDefinition;
  /** The SQL that yields the value, which a query calls `name`, in a form that JSON carries exactly. */
  readable(name: string): string;
  read(json: unknown): Value;
  /** The SQL that orders groups by it: finite. */
  order(name: string): string;
}

/**
 * `isExact`: the same rows give the same bits, in whichever order and threads they are read, as pages
 * that go on behind a value need; sums of doubles then take memory for each value.
 */
export function planAggregate(
  table: TableDefinition,
  column: ColumnDefinition,
  aggregate: GroupAggregate,
  isExact: boolean,
): AggregatePlan {
  const sql = quoteName(column.name);
  const { op } = aggregate;
  const reduce = isExact ? inOneOrder : inAnyOrder;
  switch (op) {
    case 'countDistinct':
      return whole(`uniqExact(${comparable(column)})`, false);
    case 'sum':
      requireNumber(column, op);
      if (kindOf(column).form !== 'integer') {
        const sum =
          column.kind === 'f64' ? inRange('sum', sql, reduce) : reduce('sum', `toFloat64(${sql})`);
        const some = column.optional ? `if(count(${sql}) = 0, NULL, ${sum})` : sum;
        return { ...double(some), column: (name) => valueColumn(name, 'f64', column.optional) };
      }
      // A sum of 64-bit integers may leave their range; 128 bits hold any number of rows.
      return whole(`sum(${kindOf(column).wideRange ? `toInt128(${sql})` : sql})`, column.optional);
    case 'avg':
      requireNumber(column, op);
      if (column.kind === 'f64') return double(present(inRange('avg', sql, reduce)));
      // ClickHouse adds 64-bit integers up in 64 bits for their mean, too.
      if (kindOf(column).wideRange) {
        return double(present(`sum(toInt128(${sql})) / count(${sql})`));
      }
      if (kindOf(column).form === 'integer') return double(present(`avg(${sql})`));
      return double(present(reduce('avg', `toFloat64(${sql})`)));
    case 'stddev':
      requireNumber(column, op);
      return double(present(deviation(`toFloat64(${sql})`, reduce)));
    case 'quantile':
      requireNumber(column, op);
      if (!(aggregate.q >= 0 && aggregate.q <= 1)) {
        throw new EngineError('BAD_USER_INPUT', 'a quantile lies between 0 and 1');
      }
      // Exact, and between two values on the line between them, so that answers repeat. The length
      // of that line must be in range: an integer's may not be, and half a double's always is.
      return double(
        present(
          column.kind === 'f64'
            ? `quantileExactInclusive(${aggregate.q})(${sql} * 0.5) * 2`
            : `quantileExactInclusive(${aggregate.q})(toFloat64(${sql}))`,
        ),
      );
    case 'min':
    case 'max':
      return oneOf(column, op, (value) => `${op}OrNull(${value})`);
    case 'first':
    case 'last': {
      const place = [lsnColumn, ...storedOrder(table)].map(quoteName).join(', ');
      const chosen = op === 'first' ? 'argMinOrNull' : 'argMaxOrNull';
      return oneOf(column, op, (value) => `${chosen}(${value}, tuple(${place}))`);
    }
  }
}

/** A count, or a sum of integers. */
function whole(sql: string, optional: boolean): AggregatePlan {
  return {
    sql,
    column: (name) => valueColumn(name, 'i64', optional),
    readable: (name) => `toString(${name})`,
    read: (json) => (json === null ? null : BigInt(json as string)),
    order: (name) => name,
  };
}

/** A double; sums of rows may be infinite, though no row is. */
function double(sql: string): AggregatePlan {
  return {
    sql,
    column: (name) => valueColumn(name, 'f64', true),
    readable: (name) => name,
    read: (json) => (json === null ? null : readFloat(json)),
    // The least and greatest of a null and a number are the number.
    order: (name) =>
      `if(isNull(${name}), NULL, least(greatest(${name}, -${doubleMax}), ${doubleMax}))`,
  };
}

/** One of the column's own values. */
function oneOf(
  column: ColumnDefinition,
  op: string,
  choose: (value: string) => string,
): AggregatePlan {
  if (column.list) throw new EngineError('BAD_USER_INPUT', `lists have no ${op}: "${column.name}"`);
  if (isPosition(column)) {
    return {
      sql: choose(comparable(column)),
      column: (name) => valueColumn(name, 'u64', true),
      readable: (name) => `concat('0:', toString(${name}))`,
      read: (json) => json as string | null,
      order: (name) => name,
    };
  }
  const isText = isTextual(column);
  const kind = isText ? 'string' : column.kind;
  return {
    sql: choose(isText ? orderSql(column) : quoteName(column.name)),
    column: (name) => valueColumn(name, kind, true),
    readable: (name) => (isText ? name : readableExpression(column, name)),
    read: (json) => readValue(column, json),
    order: (name) => name,
  };
}

function valueColumn(name: string, kind: ScalarKind, optional: boolean): ColumnDefinition {
  return { name, kind, optional, list: false, values: [] };
}

/** No value instead of none that is a number. */
function present(sql: string): string {
  return `if(isNaN(${sql}), NULL, ${sql})`;
}

/** An aggregate as ClickHouse works it out, by the threads there are. */
type Reduce = (op: string, sql: string) => string;

const inAnyOrder: Reduce = (op, sql) => `${op}(${sql})`;
const inOneOrder: Reduce = (op, sql) => `arrayReduce('${op}', arraySort(groupArray(${sql})))`;

/** The deviation of a sample; none of fewer than two values. What leaves the range on its way is worked out anew in a larger unit. */
function deviation(sql: string, reduce: Reduce): string {
  const plain = reduce('stddevSampStable', sql);
  const large = reduce('stddevSampStable', `${sql} / ${deviationUnit}`);
  return `if(count(${sql}) < 2, NULL, if(isFinite(${plain}), ${plain}, ${large} * ${deviationUnit}))`;
}

/**
 * A sum or mean of doubles that passes the range of a double on its way only where the result itself
 * does: what has left the range is added up anew in units of 2^64. More rows than that there are not.
 */
function inRange(op: 'sum' | 'avg', sql: string, reduce: Reduce): string {
  const plain = reduce(op, sql);
  return `if(isFinite(${plain}), ${plain}, ${reduce(op, `${sql} / ${doubleUnit}`)} * ${doubleUnit})`;
}

const doubleUnit = `${2 ** 64}.`;
const deviationUnit = String(2 ** 540);
const doubleMax = String(Number.MAX_VALUE);

function requireNumber(column: ColumnDefinition, op: string): void {
  if (isNumeric(column)) return;
  throw new EngineError('BAD_USER_INPUT', `${op} needs a column of numbers, not "${column.name}"`);
}
