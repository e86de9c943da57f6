import { type AsOf, encodeAsOf } from './as-of.ts';
import type { Position } from './position.ts';
import type { ColumnOf, OrderBy, OrderColumn, Where } from './row-types.ts';
import type { Title } from './title.ts';
import type { CallOptions, Operation, Transport } from './transport.ts';

export interface ListOptions<Row, Column extends ColumnOf<Row>> extends CallOptions {
  readonly where?: Where<Row> | undefined;
  readonly orderBy?: readonly OrderBy<OrderColumn<Row>>[] | undefined;
  /** Rows a page. */
  readonly first?: number | undefined;
  /** `endCursor` of the page before. */
  readonly after?: string | undefined;
  /** All columns unless told otherwise. */
  readonly columns?: readonly Column[] | undefined;
  /** Wait until the answer covers this; `client.position` is "my own writes". */
  readonly minPosition?: Position | undefined;
  /** The rows exactly as of then. */
  readonly asOf?: AsOf | undefined;
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly hasNextPage: boolean;
  readonly endCursor: string | null;
}

interface WireConnection {
  readonly nodes: readonly unknown[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

export async function readPage<Row>(
  title: Title,
  table: string,
  transport: Transport,
  options: ListOptions<Row, ColumnOf<Row>> & {
    readonly columns?: readonly string[] | undefined;
  },
): Promise<Page<Row>> {
  const codec = title.codec(table);
  const operation = listOperation(title, table, options.columns);
  const { orderBy, first, after, minPosition } = options;
  const asOf = encodeAsOf(options.asOf);
  const where = options.where === undefined ? undefined : codec.encodeWhere(options.where);
  const variables = { where, orderBy, first, after, minPosition, asOf };
  const data = await transport.execute(operation, variables, options);
  const { nodes, pageInfo } = data[`${table}List`] as WireConnection;
  return { rows: codec.decodeAll(nodes) as Row[], ...pageInfo };
}

export async function* readPages<Row>(
  title: Title,
  table: string,
  transport: Transport,
  options: ListOptions<Row, ColumnOf<Row>> & {
    readonly columns?: readonly string[] | undefined;
  },
): AsyncGenerator<Row, undefined, undefined> {
  let after = options.after;
  for (;;) {
    const page: Page<Row> = await readPage(title, table, transport, { ...options, after });
    yield* page.rows;
    if (!page.hasNextPage || page.endCursor === null) return;
    after = page.endCursor;
  }
}

/** `columns`: those that are read; all where they are left out. */
export function listOperation(title: Title, table: string, columns?: readonly string[]): Operation {
  const type = title.typeName(table);
  const selection = columns?.join(' ') ?? title.codec(table).selection;
  return {
    name: `${type}List`,
    kind: 'query',
    document: `query ${type}List($where: ${type}Where, $orderBy: [${type}Order!], $first: Int, $after: String, $minPosition: Position, $asOf: AsOf) {
  ${table}List(where: $where, orderBy: $orderBy, first: $first, after: $after, minPosition: $minPosition, asOf: $asOf) {
    nodes { ${selection} }
    pageInfo { hasNextPage endCursor }
  }
}`,
  };
}
