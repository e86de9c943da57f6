import type { FrameTransport } from './frame-transport.ts';
import type { Position } from './position.ts';
import type { ColumnOf, Where } from './row-types.ts';
import { type ChangesOptions, Subscription, subscriptionDocument } from './subscription.ts';
import type { Title } from './title.ts';
import type { CallOptions, Operation, Transport } from './transport.ts';

export interface ViewRowsOptions<Row> extends CallOptions {
  readonly where?: Where<Row> | undefined;
}

export interface ViewRows<Row> {
  readonly rows: readonly Row[];
  readonly position: Position;
}

/** One materialized view: its rows now, and as they change. */
export class View<Row, Key extends ColumnOf<Row>> {
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

  async rows(options: ViewRowsOptions<Row> = {}): Promise<ViewRows<Row>> {
    const codec = this.#title.codec(this.#name);
    const operation = viewOperation(this.#title, this.#name);
    const where = options.where === undefined ? undefined : codec.encodeWhere(options.where);
    const data = await this.#transport.execute(operation, { where }, options);
    const answer = data[this.#name] as ViewRows<Row>;
    this.#transport.positions.see(answer.position);
    codec.decodeAll(answer.rows);
    return answer;
  }

  /** A snapshot, then one delta a tick. */
  changes(options: ChangesOptions<Row> = {}): Subscription<Row, Pick<Row, Key>> {
    return new Subscription(
      subscriptionDocument(this.#title, this.#name),
      this.#frames,
      this.#transport,
      options,
    );
  }
}

export function viewOperation(title: Title, view: string): Operation {
  const type = title.typeName(view);
  return {
    name: type,
    kind: 'query',
    document: `query ${type}($where: ${type}Where) { ${view}(where: $where) { position rows { ${title.codec(view).selection} } } }`,
  };
}
