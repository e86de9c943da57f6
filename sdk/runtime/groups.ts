import { RowCodec as Codec, type ColumnSpec, type RowCodec } from './columns.ts';
import type { Position } from './position.ts';
import type { NumericColumn, OrderBy, OrderedColumn, ScalarColumn, Where } from './row-types.ts';
import type { Title } from './title.ts';
import type { CallOptions, Transport } from './transport.ts';

/** Aggregates asked for: each names its columns. What is not asked is neither computed nor typed. */
export interface GroupsQuery<Row> {
  readonly where?: Where<Row> | undefined;
  /** Columns to group by; none: one group of all rows. */
  readonly by?: readonly ScalarColumn<Row>[] | undefined;
  /** Groups by buckets of so many ticks too: `key.tickBucket` is the bucket's first tick. */
  readonly tickBucket?: number | undefined;
  readonly sum?: readonly NumericColumn<Row>[] | undefined;
  readonly avg?: readonly NumericColumn<Row>[] | undefined;
  readonly min?: readonly OrderedColumn<Row>[] | undefined;
  readonly max?: readonly OrderedColumn<Row>[] | undefined;
  readonly countDistinct?: readonly ScalarColumn<Row>[] | undefined;
  /** By a name of your own: `{ p99: { q: 0.99, of: ['amount'] } }`. */
  readonly quantiles?:
    | {
        readonly [name: string]: { readonly q: number; readonly of: readonly NumericColumn<Row>[] };
      }
    | undefined;
  readonly orderBy?: readonly OrderBy<ScalarColumn<Row> | 'tickBucket' | 'count'>[] | undefined;
  readonly first?: number | undefined;
  /** Wait until the analytical store covers this; `client.position` is "my own writes". */
  readonly minPosition?: Position | undefined;
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
  } & (Query extends { readonly tickBucket: number } ? { readonly tickBucket: number } : unknown);
  readonly count: number;
} & Aggregates<Row, Integers, Query>;

export interface Groups<Row, Integers, Query extends GroupsQuery<Row>> {
  readonly groups: readonly Group<Row, Integers, Query>[];
  /** Everything up to here is in the answer. */
  readonly coveredPosition: Position;
}

const aggregateNames = ['sum', 'avg', 'min', 'max', 'countDistinct'] as const;

type AnyQuery = {
  readonly [Name in (typeof aggregateNames)[number]]?: readonly string[] | undefined;
} & {
  readonly where?: object | undefined;
  readonly by?: readonly string[] | undefined;
  readonly tickBucket?: number | undefined;
  readonly quantiles?:
    | { readonly [name: string]: { readonly q: number; readonly of: readonly string[] } }
    | undefined;
  readonly orderBy?: readonly OrderBy<string>[] | undefined;
  readonly first?: number | undefined;
  readonly minPosition?: Position | undefined;
};

export async function readGroups(
  title: Title,
  table: string,
  transport: Transport,
  query: AnyQuery,
  options: CallOptions,
): Promise<{ readonly groups: unknown[]; readonly coveredPosition: Position }> {
  const type = title.typeName(table);
  const { orderBy, first, minPosition, by, tickBucket } = query;
  const [bucketVariable, bucketArgument] =
    tickBucket === undefined ? ['', ''] : [', $tickBucket: Int', ', tickBucket: $tickBucket'];
  const operation = {
    name: `${type}Groups`,
    kind: 'query',
    document: `query ${type}Groups($where: ${type}Where, $by: [${type}Column!], $orderBy: [${type}GroupOrder!], $first: Int, $minPosition: Position${bucketVariable}) {
  ${table}Groups(where: $where, by: $by, orderBy: $orderBy, first: $first, minPosition: $minPosition${bucketArgument}) {
    coveredPosition
    nodes { ${groupSelection(query)} }
  }
}`,
  } as const;
  const where = query.where === undefined ? undefined : title.codec(table).encodeWhere(query.where);
  const variables = { where, by, tickBucket, orderBy, first, minPosition };
  const data = await transport.execute(operation, variables, options);
  const answer = data[`${table}Groups`] as {
    readonly nodes: Record<string, unknown>[];
    readonly coveredPosition: Position;
  };
  transport.positions.see(answer.coveredPosition);
  const codecs = new GroupCodecs(title.tables.get(table)?.columns ?? {}, title.codec(table));
  for (const node of answer.nodes) codecs.decode(node, query);
  return { groups: answer.nodes, coveredPosition: answer.coveredPosition };
}

/** Quantiles travel under aliases, so that one query may ask several. */
const quantileAlias = (index: number) => `quantile${index}`;

function groupSelection(query: AnyQuery): string {
  const key = [...(query.by ?? []), ...(query.tickBucket === undefined ? [] : ['tickBucket'])];
  const parts = key.length === 0 ? ['count'] : [`key { ${key.join(' ')} }`, 'count'];
  for (const name of aggregateNames) {
    const columns = query[name];
    if (columns !== undefined && columns.length > 0) parts.push(`${name} { ${columns.join(' ')} }`);
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
    node.key = node.key === undefined ? {} : this.#row.decode(node.key);
    node.count = Number(node.count);
    // An aggregate asked of no column has no selection set on the wire; its type is an empty object.
    for (const name of aggregateNames) if (query[name] !== undefined) node[name] ??= {};
    if (query.sum) this.#sums.decode(node.sum);
    if (query.min) this.#row.decode(node.min);
    if (query.max) this.#row.decode(node.max);
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
