import { type AsOf, encodeAsOf } from './as-of.ts';
import { RowCodec as Codec, type ColumnSpec, type RowCodec } from './columns.ts';
import type { Position } from './position.ts';
import type {
  Comparison,
  NumericColumn,
  OrderBy,
  OrderedColumn,
  ScalarColumn,
  Where,
} from './row-types.ts';
import type { Title } from './title.ts';
import type { CallOptions, Transport } from './transport.ts';

/** Aggregates asked for: each names its columns. What is not asked is neither computed nor typed. */
export interface GroupsQuery<Row> {
  readonly where?: Where<Row> | undefined;
  /** Columns to group by; none: one group of all rows. */
  readonly by?: readonly ScalarColumn<Row>[] | undefined;
  /** Groups by buckets of so many ticks too: `key.tickBucket` is the bucket's first tick. */
  readonly tickBucket?: number | undefined;
  /** Groups by buckets of so many seconds too: `key.timeBucket` is when the bucket begins. */
  readonly timeBucketSeconds?: number | undefined;
  readonly sum?: readonly NumericColumn<Row>[] | undefined;
  readonly avg?: readonly NumericColumn<Row>[] | undefined;
  /** Standard deviations of samples: null of fewer than two values. */
  readonly stddev?: readonly NumericColumn<Row>[] | undefined;
  /** The values that were committed first, of those present; and last. */
  readonly earliest?: readonly ScalarColumn<Row>[] | undefined;
  readonly latest?: readonly ScalarColumn<Row>[] | undefined;
  readonly min?: readonly OrderedColumn<Row>[] | undefined;
  readonly max?: readonly OrderedColumn<Row>[] | undefined;
  readonly countDistinct?: readonly ScalarColumn<Row>[] | undefined;
  /** By a name of your own: `{ p99: { q: 0.99, of: ['amount'] } }`. */
  readonly quantiles?:
    | {
        readonly [name: string]: { readonly q: number; readonly of: readonly NumericColumn<Row>[] };
      }
    | undefined;
  /** Which groups, by their size and aggregates. */
  readonly having?: Having<Row> | undefined;
  readonly orderBy?: readonly GroupOrder<Row>[] | undefined;
  readonly first?: number | undefined;
  /** `endCursor` of the page before: this one is as of the same position. */
  readonly after?: string | undefined;
  /** Wait until the analytical store covers this; `client.position` is "my own writes". */
  readonly minPosition?: Position | undefined;
  /** The rows exactly as of then. */
  readonly asOf?: AsOf | undefined;
}

type Aggregate<Row> =
  | { readonly sum: NumericColumn<Row> }
  | { readonly avg: NumericColumn<Row> }
  | { readonly stddev: NumericColumn<Row> }
  | { readonly min: OrderedColumn<Row> }
  | { readonly max: OrderedColumn<Row> }
  | { readonly first: ScalarColumn<Row> }
  | { readonly last: ScalarColumn<Row> }
  | { readonly countDistinct: ScalarColumn<Row> }
  | { readonly quantile: { readonly q: number; readonly column: NumericColumn<Row> } };

/** A column of the group, its size, a bucket, or any aggregate. */
export type GroupOrder<Row> =
  | OrderBy<ScalarColumn<Row> | 'tickBucket' | 'timeBucket' | 'count'>
  | { readonly aggregate: Aggregate<Row>; readonly direction?: 'ASC' | 'DESC' | undefined };

type OfColumns<Columns extends string, Value> = {
  readonly [Column in Columns]?: Comparison<Value> | undefined;
};

type OfValues<Row> = {
  readonly [Column in Extract<OrderedColumn<Row>, keyof Row>]?:
    | Comparison<NonNullable<Row[Column]>>
    | undefined;
};

/** Conditions on groups: all of an object must hold; a comparison with no value does not. */
export interface Having<Row> {
  readonly count?: Comparison<number | bigint> | undefined;
  readonly countDistinct?: OfColumns<ScalarColumn<Row>, number | bigint> | undefined;
  readonly sum?: OfColumns<NumericColumn<Row>, number | bigint> | undefined;
  readonly avg?: OfColumns<NumericColumn<Row>, number> | undefined;
  readonly stddev?: OfColumns<NumericColumn<Row>, number> | undefined;
  readonly min?: OfValues<Row> | undefined;
  readonly max?: OfValues<Row> | undefined;
  readonly first?: OfValues<Row> | undefined;
  readonly last?: OfValues<Row> | undefined;
  readonly quantile?:
    | readonly { readonly q: number; readonly of: OfColumns<NumericColumn<Row>, number> }[]
    | undefined;
  readonly and?: readonly Having<Row>[] | undefined;
  readonly or?: readonly Having<Row>[] | undefined;
  readonly not?: Having<Row> | undefined;
}

/** State rows have no tick to make buckets of. */
export type StateGroupsQuery<Row> = GroupsQuery<Row> & { readonly tickBucket?: never };

type Listed<Asked> = Asked extends readonly (infer Column)[] ? Column : never;
type Value<Row, Column> = Column extends keyof Row ? NonNullable<Row[Column]> : never;

type Sums<Integers, Columns extends PropertyKey> = {
  readonly [Column in Columns]: (Column extends Integers ? bigint : number) | null;
};
type Averages<Columns extends PropertyKey> = { readonly [Column in Columns]: number | null };
type Extremes<Row, Columns extends PropertyKey> = {
  readonly [Column in Columns]: Value<Row, Column> | null;
};
type Counts<Columns extends PropertyKey> = { readonly [Column in Columns]: number };

type Aggregates<Row, Integers, Query> = (Query extends { readonly sum: infer Asked }
  ? { readonly sum: Sums<Integers, Extract<Listed<Asked>, string>> }
  : unknown) &
  (Query extends { readonly avg: infer Asked }
    ? { readonly avg: Averages<Extract<Listed<Asked>, string>> }
    : unknown) &
  (Query extends { readonly stddev: infer Asked }
    ? { readonly stddev: Averages<Extract<Listed<Asked>, string>> }
    : unknown) &
  (Query extends { readonly earliest: infer Asked }
    ? { readonly earliest: Extremes<Row, Extract<Listed<Asked>, string>> }
    : unknown) &
  (Query extends { readonly latest: infer Asked }
    ? { readonly latest: Extremes<Row, Extract<Listed<Asked>, string>> }
    : unknown) &
  (Query extends { readonly min: infer Asked }
    ? { readonly min: Extremes<Row, Extract<Listed<Asked>, string>> }
    : unknown) &
  (Query extends { readonly max: infer Asked }
    ? { readonly max: Extremes<Row, Extract<Listed<Asked>, string>> }
    : unknown) &
  (Query extends { readonly countDistinct: infer Asked }
    ? { readonly countDistinct: Counts<Extract<Listed<Asked>, string>> }
    : unknown) &
  (Query extends { readonly quantiles: infer Asked }
    ? {
        readonly quantiles: {
          readonly [Name in keyof Asked]: Asked[Name] extends { readonly of: infer Columns }
            ? Averages<Extract<Listed<Columns>, string>>
            : never;
        };
      }
    : unknown);

/** `Integers`: the row's integer columns. They add up to a bigint, floats to a number. */
export type Group<Row, Integers, Query extends GroupsQuery<Row>> = {
  readonly key: {
    readonly [Column in Extract<Listed<Query['by']>, keyof Row>]: Row[Column];
  } & (Query extends { readonly tickBucket: number } ? { readonly tickBucket: number } : unknown) &
    (Query extends { readonly timeBucketSeconds: number }
      ? { readonly timeBucket: Date }
      : unknown);
  readonly count: number;
} & Aggregates<Row, Integers, Query>;

export interface Groups<Row, Integers, Query extends GroupsQuery<Row>> {
  readonly groups: readonly Group<Row, Integers, Query>[];
  /** Whether more follow, where `first` or `after` was given. */
  readonly hasNextPage?: boolean;
  /** What to give as `after` for the next page, where `first` or `after` was given; null on an empty one. */
  readonly endCursor?: string | null;
  /** Everything up to here is in the answer. */
  readonly coveredPosition: Position;
}

const aggregateNames = [
  'sum',
  'avg',
  'stddev',
  'min',
  'max',
  'earliest',
  'latest',
  'countDistinct',
] as const;

/** What the schema calls those whose names a query has for something else. */
const fieldNames: { readonly [name: string]: string } = { earliest: 'first', latest: 'last' };

type AnyQuery = {
  readonly [Name in (typeof aggregateNames)[number]]?: readonly string[] | undefined;
} & {
  readonly where?: object | undefined;
  readonly by?: readonly string[] | undefined;
  readonly tickBucket?: number | undefined;
  readonly timeBucketSeconds?: number | undefined;
  readonly quantiles?:
    | { readonly [name: string]: { readonly q: number; readonly of: readonly string[] } }
    | undefined;
  readonly having?: object | undefined;
  readonly orderBy?: readonly object[] | undefined;
  readonly first?: number | undefined;
  readonly after?: string | undefined;
  readonly minPosition?: Position | undefined;
  readonly asOf?: AsOf | undefined;
};

export async function readGroups(
  title: Title,
  table: string,
  transport: Transport,
  query: AnyQuery,
  options: CallOptions,
): Promise<Groups<unknown, never, GroupsQuery<unknown>>> {
  const type = title.typeName(table);
  const codec = title.codec(table);
  const { by, tickBucket, timeBucketSeconds, orderBy, first, after, minPosition } = query;
  const asked: readonly (readonly [name: string, type: string, value: unknown])[] = [
    ['where', `${type}Where`, query.where && codec.encodeWhere(query.where)],
    ['by', `[${type}Column!]`, by],
    ['tickBucket', 'Int', tickBucket],
    ['timeBucketSeconds', 'Int', timeBucketSeconds],
    ['having', `${type}Having`, encoded(query.having)],
    ['orderBy', `[${type}GroupOrder!]`, orderBy],
    ['first', 'Int', first],
    ['after', 'String', after],
    ['minPosition', 'Position', minPosition],
    ['asOf', 'AsOf', encodeAsOf(query.asOf)],
  ];
  const given = asked.filter(([, , value]) => value !== undefined);
  const list = (each: string[], open: string) =>
    each.length === 0 ? '' : `${open}${each.join(', ')})`;
  const variableTypes = given.map(([name, ofType]) => `$${name}: ${ofType}`);
  const argumentsGiven = given.map(([name]) => `${name}: $${name}`);
  // Only a page that may be gone on behind must be exactly as of a position, which costs.
  const isPaged = first !== undefined || after !== undefined;
  const operation = {
    name: `${type}Groups`,
    kind: 'query',
    document: `query ${type}Groups${list(variableTypes, '(')} {
  ${table}Groups${list(argumentsGiven, '(')} {
    coveredPosition
    truncated
    nodes { ${groupSelection(query)} }${isPaged ? '\n    pageInfo { endCursor }' : ''}
  }
}`,
  } as const;
  const variables = Object.fromEntries(given.map(([name, , value]) => [name, value]));
  const data = await transport.execute(operation, variables, options);
  const answer = data[`${table}Groups`] as {
    readonly nodes: Record<string, unknown>[];
    readonly coveredPosition: Position;
    readonly truncated: boolean;
    readonly pageInfo?: { readonly endCursor: string | null };
  };
  transport.positions.see(answer.coveredPosition);
  const codecs = new GroupCodecs(title.tables.get(table)?.columns ?? {}, codec);
  for (const node of answer.nodes) codecs.decode(node, query);
  return {
    groups: answer.nodes as never,
    ...(isPaged
      ? { hasNextPage: answer.truncated, endCursor: answer.pageInfo?.endCursor ?? null }
      : {}),
    coveredPosition: answer.coveredPosition,
  };
}

/** Values in conditions on groups as they travel: wide integers as digits, times as text. */
function encoded(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(encoded);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, encoded(inner)]));
}

/** Quantiles travel under aliases, so that one query may ask several. */
const quantileAlias = (index: number) => `quantile${index}`;

function groupSelection(query: AnyQuery): string {
  const key = [
    ...(query.by ?? []),
    ...(query.tickBucket === undefined ? [] : ['tickBucket']),
    ...(query.timeBucketSeconds === undefined ? [] : ['timeBucket']),
  ];
  const parts = key.length === 0 ? ['count'] : [`key { ${key.join(' ')} }`, 'count'];
  for (const name of aggregateNames) {
    const columns = query[name];
    if (columns === undefined || columns.length === 0) continue;
    const field = fieldNames[name];
    parts.push(`${field ? `${name}: ${field}` : name} { ${columns.join(' ')} }`);
  }
  Object.values(query.quantiles ?? {}).forEach(({ q, of }, i) => {
    if (of.length > 0) {
      parts.push(`${quantileAlias(i)}: quantile(q: ${Number(q)}) { ${of.join(' ')} }`);
    }
  });
  return parts.join(' ');
}

class GroupCodecs {
  readonly #row: RowCodec;
  readonly #sums: RowCodec;
  readonly #counts: RowCodec;

  constructor(columns: Readonly<Record<string, ColumnSpec>>, row: RowCodec) {
    this.#row = row;
    const integers = Object.entries(columns).filter(([, spec]) => /^[iu]\d/.test(spec));
    this.#sums = new Codec('sum', Object.fromEntries(integers.map(([name]) => [name, 'i64'])));
    const all = Object.keys(columns).map((name) => [name, 'count'] as const);
    this.#counts = new Codec('countDistinct', Object.fromEntries(all));
  }

  decode(node: Record<string, unknown>, query: AnyQuery): void {
    const { timeBucket, ...key } = (node.key ?? {}) as Record<string, unknown>;
    node.key = this.#row.decode(key);
    if (query.timeBucketSeconds !== undefined) {
      node.key = { ...(node.key as object), timeBucket: new Date(timeBucket as string) };
    }
    node.count = Number(node.count);
    // An aggregate asked of no column has no selection set on the wire; its type is an empty object.
    for (const name of aggregateNames) if (query[name] !== undefined) node[name] ??= {};
    if (query.sum) this.#sums.decode(node.sum);
    if (query.min) this.#row.decode(node.min);
    if (query.max) this.#row.decode(node.max);
    if (query.earliest) this.#row.decode(node.earliest);
    if (query.latest) this.#row.decode(node.latest);
    if (query.countDistinct) this.#counts.decode(node.countDistinct);
    if (query.quantiles === undefined) return;
    const quantiles: Record<string, unknown> = {};
    Object.keys(query.quantiles).forEach((name, i) => {
      quantiles[name] = node[quantileAlias(i)] ?? {};
      delete node[quantileAlias(i)];
    });
    node.quantiles = quantiles;
  }
}
