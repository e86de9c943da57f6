import { aggregateName, type GroupAggregate, type OrderBy } from '../engine/index.ts';
import { EngineError } from '../engine/model/errors.ts';
import { isNumeric, kindOf } from '../engine/model/kinds.ts';
import { limits } from '../engine/model/limits.ts';
import type { ColumnDefinition, WhereInput } from '../engine/model/types.ts';
import { checkListLength } from './query-bounds.ts';

type Op = GroupAggregate['op'];
type ColumnOp = Exclude<Op, 'quantile'>;
type Columns = ReadonlyMap<string, ColumnDefinition>;

/** One aggregate, as orders of groups name it. */
export type AggregateInput = {
  readonly [O in ColumnOp]?: string | null | undefined;
} & {
  readonly quantile?: { readonly q: number; readonly column: string } | null | undefined;
};

export interface GroupOrderInput {
  readonly column?: string | null | undefined;
  readonly aggregate?: AggregateInput | null | undefined;
  readonly direction: OrderBy['direction'];
}

interface QuantileHaving {
  readonly q: number;
  readonly of: Readonly<Record<string, unknown>>;
}

/** Conditions on groups: as a `where`, over the size of a group and its aggregates. */
export interface HavingInput {
  readonly [member: string]: unknown;
}

/** Aggregates that an operation compares, and what it makes of them in the engine's terms. */
export class ComparedAggregates {
  readonly #columns: Columns;
  readonly #all = new Map<string, GroupAggregate>();
  /** What conditions name: `count`, and aggregates by their names. */
  readonly #values = new Map<string, ColumnDefinition>([['count', valueColumn('count', 'i64')]]);

  constructor(columns: Columns) {
    this.#columns = columns;
  }

  get all(): readonly GroupAggregate[] {
    return [...this.#all.values()];
  }

  get values(): Columns {
    return this.#values;
  }

  order(orderBy: readonly GroupOrderInput[] | null | undefined): OrderBy[] {
    checkListLength('orderBy', orderBy ?? [], 'orderColumnsMax');
    return (orderBy ?? []).map(({ column, aggregate, direction }, i) => {
      const path = `orderBy[${i}]`;
      const isColumn = column !== null && column !== undefined;
      if (isColumn === (aggregate !== null && aggregate !== undefined)) {
        throw invalid(path, 'give either a column or an aggregate');
      }
      if (isColumn) return { column: column as string, direction };
      return { column: this.#add(aggregateOf(aggregate as AggregateInput, path)), direction };
    });
  }

  /** The condition over the names of `values`. */
  where(having: HavingInput, path = 'having', depth = 1): WhereInput {
    if (depth > limits.filterDepthMax) {
      throw new EngineError(
        'LIMIT_EXCEEDED',
        `${path}: the condition may be ${limits.filterDepthMax} levels deep at most`,
        { details: { path, limit: 'filterDepthMax', max: limits.filterDepthMax } },
      );
    }
    const all: WhereInput[] = [];
    for (const [member, value] of Object.entries(having)) {
      const place = `${path}.${member}`;
      if (value === undefined) continue;
      if (value === null) throw invalid(place, 'must not be null; leave it out');
      all.push(this.#member(member, value, place, depth));
    }
    return { and: all } as WhereInput;
  }

  #member(member: string, value: unknown, path: string, depth: number): WhereInput {
    switch (member) {
      case 'and':
      case 'or': {
        const parts = value as readonly HavingInput[];
        const all = parts.map((part, i) => this.where(part, `${path}[${i}]`, depth + 1));
        return { [member]: all } as WhereInput;
      }
      case 'not':
        return { not: this.where(value as HavingInput, path, depth + 1) } as WhereInput;
      case 'count':
        return { count: value } as WhereInput;
      case 'quantile': {
        const all = (value as readonly QuantileHaving[]).map(({ q, of }, i) => {
          checkQ(q, `${path}[${i}].q`);
          return this.#byColumn(of, `${path}[${i}].of`, (column) => ({
            op: 'quantile',
            column,
            q,
          }));
        });
        return { and: all } as WhereInput;
      }
      default:
        return this.#byColumn(value as Record<string, unknown>, path, (column) => {
          return { op: member as ColumnOp, column };
        });
    }
  }

  #byColumn(
    filters: Readonly<Record<string, unknown>>,
    path: string,
    aggregateOn: (column: string) => GroupAggregate,
  ): WhereInput {
    const where: Record<string, unknown> = {};
    for (const [column, filter] of Object.entries(filters)) {
      if (filter === null) throw invalid(`${path}.${column}`, 'must not be null; leave it out');
      if (filter !== undefined) where[this.#add(aggregateOn(column))] = filter;
    }
    return where as WhereInput;
  }

  #add(aggregate: GroupAggregate): string {
    const name = aggregateName(aggregate);
    const column = this.#columns.get(aggregate.column);
    if (!column) throw invalid('having', `there is no column "${aggregate.column}"`);
    this.#all.set(name, aggregate);
    this.#values.set(name, resultColumn(name, aggregate.op, column));
    return name;
  }
}

function aggregateOf(input: AggregateInput, path: string): GroupAggregate {
  const { quantile, ...others } = input;
  if (quantile) {
    checkQ(quantile.q, `${path}.aggregate.quantile.q`);
    return { op: 'quantile', ...quantile };
  }
  const [entry] = Object.entries(others).filter(([, column]) => typeof column === 'string');
  if (!entry) throw invalid(`${path}.aggregate`, 'name one aggregate');
  return { op: entry[0] as ColumnOp, column: entry[1] as string };
}

/** What the values of an aggregate are like. */
function resultColumn(name: string, op: Op, column: ColumnDefinition): ColumnDefinition {
  switch (op) {
    case 'countDistinct':
      return valueColumn(name, 'i64');
    case 'sum':
      return valueColumn(name, isNumeric(column) && kindOf(column).sum !== 'f64' ? 'i64' : 'f64');
    case 'avg':
    case 'stddev':
    case 'quantile':
      return valueColumn(name, 'f64');
    default:
      return { ...column, name, optional: true };
  }
}

function valueColumn(name: string, kind: ColumnDefinition['kind']): ColumnDefinition {
  return { name, kind, optional: true, list: false, values: [] };
}

function checkQ(q: number, path: string): void {
  if (!(q >= 0 && q <= 1)) throw invalid(path, `must be from 0 to 1, not ${q}`);
}

function invalid(path: string, problem: string): EngineError {
  return new EngineError('BAD_USER_INPUT', `${path}: ${problem}`, { details: { path } });
}
