import { type Groups, type GroupsQuery, readGroups } from './groups.ts';
import { type ListOptions, type Page, readPage, readPages } from './row-list.ts';
import type { ColumnOf } from './row-types.ts';
import type { Title } from './title.ts';
import type { CallOptions, Transport } from './transport.ts';

/**
 * The history of one event or action table, answered by the column store. `Integers`: its integer
 * columns, whose sums are bigint.
 */
export class HistoryTable<Row, Integers extends ColumnOf<Row>> {
  readonly #title: Title;
  readonly #name: string;
  readonly #transport: Transport;

  constructor(title: Title, name: string, transport: Transport) {
    this.#title = title;
    this.#name = name;
    this.#transport = transport;
  }

  list<Column extends ColumnOf<Row> = ColumnOf<Row>>(
    options: ListOptions<Row, Column> = {},
  ): Promise<Page<Pick<Row, Column>>> {
    return readPage(this.#title, this.#name, this.#transport, options);
  }

  /** All rows, page by page. For more than some ten thousand an export is the faster way. */
  rows<Column extends ColumnOf<Row> = ColumnOf<Row>>(
    options: ListOptions<Row, Column> = {},
  ): AsyncIterableIterator<Pick<Row, Column>> {
    return readPages(this.#title, this.#name, this.#transport, options);
  }

  /**
   * Counts and aggregates by any columns; the answer has what the query asks, and no more.
   *
   * ```ts
   * const { groups } = await client.actionLog.groups({ by: ['playerId'], countDistinct: ['kind'] });
   * groups[0]?.countDistinct.kind;
   * ```
   */
  async groups<const Query extends GroupsQuery<Row>>(
    query: Query,
    options: CallOptions = {},
  ): Promise<Groups<Row, Integers, Query>> {
    const answer = await readGroups(this.#title, this.#name, this.#transport, query, options);
    return answer as unknown as Groups<Row, Integers, Query>;
  }
}
