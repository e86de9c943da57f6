import { type AsOf, encodeAsOf } from './as-of.ts';
import { backoffMs, sleep } from './backoff.ts';
import { TickloomError } from './errors.ts';
import type { FrameTransport } from './frame-transport.ts';
import { type Groups, readGroups, type StateGroupsQuery } from './groups.ts';
import type { Position } from './position.ts';
import { type ListOptions, type Page, readPage, readPages } from './row-list.ts';
import type { ColumnOf } from './row-types.ts';
import { type ChangesOptions, Subscription, subscriptionDocument } from './subscription.ts';
import type { Guarded, StatePatch, StateSystemColumn } from './tick-builder.ts';
import { type Conflict, conflictFields } from './tick-commit.ts';
import type { Title } from './title.ts';
import type { CallOptions, Operation, Transport } from './transport.ts';

/** What a direct write answers: the row as it is now, and why the write was refused, if it was. */
export type WriteResult<Row> =
  | { readonly applied: true; readonly row: Row | null; readonly position: Position }
  | {
      readonly applied: false;
      readonly row: Row | null;
      readonly position: Position;
      readonly conflict: Conflict;
    };

export interface SwapOptions<Row> extends CallOptions, Guarded<Row> {}

export interface RetryOnConflictOptions<Row> extends SwapOptions<Row> {
  /** Swaps tried in all before the last conflict is returned; 16 unless told otherwise. */
  readonly attemptsMax?: number | undefined;
}

/** Live rows of one state table. `Integers`: its integer columns, whose sums are bigint. */
export class StateTable<
  Row extends { readonly version: number },
  Key extends Exclude<ColumnOf<Row>, StateSystemColumn>,
  Integers extends ColumnOf<Row>,
> {
  readonly #title: Title;
  readonly #name: string;
  readonly #transport: Transport;
  readonly #frames: FrameTransport;

  constructor(title: Title, name: string, transport: Transport, frames: FrameTransport) {
    this.#title = title;
    this.#name = name;
    this.#transport = transport;
    this.#frames = frames;
  }

  /** The row, or null; `asOf`: as it was then. */
  async get(
    key: Pick<Row, Key>,
    options: CallOptions & { readonly asOf?: AsOf | undefined } = {},
  ): Promise<Row | null> {
    const codec = this.#title.codec(this.#name);
    const operation = rowOperation(this.#title, this.#name);
    const variables = { key: codec.encode(key), asOf: encodeAsOf(options.asOf) };
    const data = await this.#transport.execute(operation, variables, options);
    const row = data[this.#name];
    return row === null ? null : (codec.decode(row) as Row);
  }

  /** One page of rows. A GAMEPLAY read needs a `where` that the key or an index serves. */
  list<Column extends ColumnOf<Row> = ColumnOf<Row>>(
    options: ListOptions<Row, Column> = {},
  ): Promise<Page<Pick<Row, Column>>> {
    return readPage(this.#title, this.#name, this.#transport, options);
  }

  /** All rows, page by page: `for await (const row of client.unitState.rows({ … }))`. */
  rows<Column extends ColumnOf<Row> = ColumnOf<Row>>(
    options: ListOptions<Row, Column> = {},
  ): AsyncIterableIterator<Pick<Row, Column>> {
    return readPages(this.#title, this.#name, this.#transport, options);
  }

  /** Counts and aggregates over all live rows, answered by the column store. */
  async groups<const Query extends StateGroupsQuery<Row>>(
    query: Query,
    options: CallOptions = {},
  ): Promise<Groups<Row, Integers, Query>> {
    const answer = await readGroups(this.#title, this.#name, this.#transport, query, options);
    return answer as unknown as Groups<Row, Integers, Query>;
  }

  /** Rows as they change: a snapshot, then deltas. */
  changes(options: ChangesOptions<Row> = {}): Subscription<Row, Pick<Row, Key>> {
    return new Subscription(
      subscriptionDocument(this.#title, this.#name),
      this.#frames,
      this.#transport,
      options,
    );
  }

  /**
   * Swaps the row if it still has `expectedVersion`: a tick of its own, outside tick order.
   * A refusal is a result, not an error.
   */
  async compareAndSet(
    key: Pick<Row, Key>,
    expectedVersion: number,
    set: StatePatch<Row, Key>,
    options: SwapOptions<Row> = {},
  ): Promise<WriteResult<Row>> {
    const codec = this.#title.codec(this.#name);
    const field = `compareAndSet${this.#title.typeName(this.#name)}`;
    const operation = swapOperation(this.#title, this.#name);
    const require = options.require === undefined ? undefined : codec.encodeWhere(options.require);
    const input = { key: codec.encode(key), expectedVersion, set: codec.encode(set), require };
    const data = await this.#transport.execute(operation, { input }, options);
    const result = data[field] as {
      readonly position: Position;
      readonly row: unknown;
      readonly conflict: Conflict | null;
    };
    this.#transport.positions.see(result.position);
    const { position, conflict } = result;
    const row = result.row === null ? null : (codec.decode(result.row) as Row);
    return conflict === null
      ? { applied: true, row, position }
      : { applied: false, row, position, conflict };
  }

  /**
   * Read, modify, swap; again from the start while somebody else wins (`VERSION_MISMATCH`).
   * `modify` may run several times; from null it gives up and the row stays as it is. Any other
   * conflict is returned. Throws `NOT_FOUND` when there is no such row.
   *
   * ```ts
   * await client.playerWallet.retryOnConflict(key, (wallet) =>
   *   wallet.balance < price ? null : { balance: wallet.balance - price });
   * ```
   *
   * When the answer of a swap is lost, nobody can tell it from one that was beaten: the error is
   * thrown (`outcomeUnknown`), for to modify once more might do it twice.
   */
  async retryOnConflict(
    key: Pick<Row, Key>,
    modify: (row: Row) => StatePatch<Row, Key> | null,
    options: RetryOnConflictOptions<Row> = {},
  ): Promise<WriteResult<Row> | null> {
    const attemptsMax = options.attemptsMax ?? 16;
    for (let attempt = 1; ; attempt += 1) {
      const row = await this.get(key, options);
      if (row === null) {
        throw new TickloomError('NOT_FOUND', `${this.#name}: there is no row with this key`, {
          details: { table: this.#name, key },
        });
      }
      const set = modify(row);
      if (set === null) return null;
      const result = await this.compareAndSet(key, row.version, set, options);
      const beaten = !result.applied && result.conflict.code === 'VERSION_MISMATCH';
      if (!beaten || attempt >= attemptsMax) return result;
      const { retry, random } = this.#transport;
      await sleep(backoffMs(attempt, { ...retry, baseMs: 2, maxMs: 100 }, null, random));
    }
  }
}

export function rowOperation(title: Title, table: string): Operation {
  const type = title.typeName(table);
  return {
    name: type,
    kind: 'query',
    document: `query ${type}($key: ${type}Key!, $asOf: AsOf) { ${table}(key: $key, asOf: $asOf) { ${title.codec(table).selection} } }`,
  };
}

export function swapOperation(title: Title, table: string): Operation {
  const type = title.typeName(table);
  return {
    name: `CompareAndSet${type}`,
    kind: 'once',
    document: `mutation CompareAndSet${type}($input: ${type}CompareAndSet!) {
  compareAndSet${type}(input: $input) {
    position
    row { ${title.codec(table).selection} }
    conflict { ${conflictFields} }
  }
}`,
  };
}
