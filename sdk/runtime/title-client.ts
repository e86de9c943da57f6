import { defaultRetryPolicy, type RetryPolicy } from './backoff.ts';
import { type AnyExportRequest, createExport, type Export } from './export.ts';
import type { FrameTransport } from './frame-transport.ts';
import { HistoryTable } from './history-table.ts';
import { fetchPost } from './http-post.ts';
import { ManifestAgreement } from './manifest-agreement.ts';
import { nodePost, runsOnNode } from './node-post.ts';
import type { Position } from './position.ts';
import type { ColumnOf } from './row-types.ts';
import {
  type OpenSessionOptions,
  openSessionInfo,
  readSessionInfo,
  Session,
  type SessionInfo,
} from './session.ts';
import { SseFrames } from './sse-frames.ts';
import { StateTable } from './state-table.ts';
import type { ActionVerdict } from './submissions.ts';
import type { ActionOf, ActionRowOf, StateSystemColumn } from './tick-builder.ts';
import { TickCommitter } from './tick-commit.ts';
import { Title, type TitleDescriptor } from './title.ts';
import { type TokenProvider, TokenSource } from './token-source.ts';
import type { Tracer } from './tracing.ts';
import { Transactions } from './transactions.ts';
import { type CallOptions, type QueryClass, type ResponseInfo, Transport } from './transport.ts';
import { View } from './view.ts';
import { WebSocketFrames } from './websocket-frames.ts';

export interface ClientOptions {
  /** The server: `http://127.0.0.1:4800`. */
  readonly url: string;
  /** A token, or a function that fetches one; it is asked again when the server refuses the last. */
  readonly token: TokenProvider;
  readonly retry?: Partial<RetryPolicy> | undefined;
  /** How long one try of one request may take; 15 seconds unless told otherwise. */
  readonly timeoutMs?: number | undefined;
  /** A lower class than the role's own, for every request. */
  readonly class?: QueryClass | undefined;
  /** Which of several roles of the token the client acts in; the first when left out. */
  readonly role?: string | undefined;
  readonly subscriptions?: 'websocket' | 'sse' | undefined;
  /** A WebSocket class, where there is no global one and `ws` is not installed. */
  readonly webSocketImpl?: unknown;
  /** A subscription silent for so long is connected anew; 35 seconds unless told otherwise. */
  readonly subscriptionIdleMs?: number | undefined;
  /** Connections kept to the server, on Node; 64 unless told otherwise. */
  readonly connectionsMax?: number | undefined;
  /** Instead of Node's HTTP client and the global `fetch`: for agents and proxies. */
  readonly fetch?: typeof fetch | undefined;
  /**
   * The session that `transaction` goes through; a new one for each client unless told otherwise. A
   * name serves one process at a time: whoever opens it shuts out the one before.
   */
  readonly transactionSession?: string | undefined;
  /** Told of every answered try: latency, codes, the server's own figures. */
  readonly onResponse?: ((info: ResponseInfo) => void) | undefined;
  /** OpenTelemetry's: each request is a span, below which the server's are. */
  readonly tracer?: Tracer | undefined;
}

/**
 * A client of one title; generated code derives from it and adds the title's tables and views.
 *
 * Reads are monotonic and see the client's own writes: it remembers the highest position any
 * answer has named, and demands it of every read. What needs an end are its live subscriptions, and
 * `close` after its last transaction.
 */
export class TitleClient<Tick> {
  readonly #title: Title;
  readonly #transport: Transport;
  readonly #frames: FrameTransport;
  readonly #committer: TickCommitter<Tick>;
  readonly #transactions: Transactions<Tick>;

  constructor(descriptor: TitleDescriptor, options: ClientOptions) {
    this.#title = new Title(descriptor);
    const titleUrl = `${options.url.replace(/\/+$/, '')}/${descriptor.title}`;
    const token = new TokenSource(options.token);
    const fetch = options.fetch ?? globalThis.fetch.bind(globalThis);
    this.#transport = new Transport({
      titleUrl,
      token,
      manifest: new ManifestAgreement(descriptor),
      retry: { ...defaultRetryPolicy, ...options.retry },
      timeoutMs: options.timeoutMs ?? 15_000,
      class: options.class,
      role: options.role,
      post:
        options.fetch === undefined && runsOnNode()
          ? nodePost(options.connectionsMax ?? 64)
          : fetchPost(fetch),
      fetch,
      random: Math.random,
      onResponse: options.onResponse,
      tracer: options.tracer,
    });
    const idleMs = options.subscriptionIdleMs ?? 35_000;
    const { webSocketImpl } = options;
    this.#frames =
      options.subscriptions === 'sse'
        ? new SseFrames(this.#transport, idleMs)
        : new WebSocketFrames({
            url: this.#transport.endpoint.replace(/^http/, 'ws'),
            transport: this.#transport,
            webSocketImpl,
            idleMs,
          });
    this.#committer = new TickCommitter(this.#title, this.#transport);
    this.#transactions = new Transactions({
      title: this.#title,
      transport: this.#transport,
      committer: this.#committer,
      sessionId: options.transactionSession,
    });
  }

  /** The highest position seen; null before the first answer. */
  get position(): Position | null {
    return this.#transport.positions.highest;
  }

  /** From now on reads are at least as of `position`: a write made elsewhere, told by its writer. */
  readAfter(position: Position): void {
    this.#transport.positions.see(position);
  }

  /** Opens a match for writing, or finds it open. With `takeOver` earlier writers are shut out. */
  async openSession(sessionId: string, options: OpenSessionOptions = {}): Promise<Session<Tick>> {
    const opened = await openSessionInfo(this.#transport, sessionId, options);
    return new Session(opened, this.#transport, this.#committer);
  }

  /**
   * Submits an action on title-wide rows, which belong to no session: a purchase, a trade, a bid.
   * Like `Session.submit`, through a session of its own, which `close` ends.
   */
  transaction(
    action: ActionRowOf<Tick>,
    effects?: (action: ActionOf<Tick>) => unknown,
  ): Promise<ActionVerdict> {
    return this.#transactions.submit(action, effects);
  }

  /** Ends what `transaction` has opened, once everything submitted has its verdict. */
  close(): Promise<void> {
    return this.#transactions.close();
  }

  /** A match as it is now, or null. */
  session(sessionId: string, options: CallOptions = {}): Promise<SessionInfo | null> {
    return readSessionInfo(this.#transport, sessionId, options);
  }

  /** Any operation of the title's schema; its `data`, untyped. Sent again only if it is a query. */
  graphql(
    document: string,
    variables: Readonly<Record<string, unknown>> = {},
    options: CallOptions = {},
  ): Promise<Record<string, unknown>> {
    const match = /^\s*(?:#.*\s*)*(query|mutation)?\s*([_A-Za-z]\w*)?/.exec(document);
    const kind = match?.[1] === 'mutation' ? 'once' : 'query';
    return this.#transport.execute({ name: match?.[2] ?? '', kind, document }, variables, options);
  }

  protected createExportOf(request: AnyExportRequest, options: CallOptions = {}): Promise<Export> {
    return createExport(this.#title, this.#transport, request, options);
  }

  protected historyTable<Row, Integers extends ColumnOf<Row>>(
    name: string,
  ): HistoryTable<Row, Integers> {
    return new HistoryTable(this.#title, name, this.#transport);
  }

  protected stateTable<
    Row extends { readonly version: number },
    Key extends Exclude<ColumnOf<Row>, StateSystemColumn>,
    Integers extends ColumnOf<Row>,
  >(name: string): StateTable<Row, Key, Integers> {
    return new StateTable(this.#title, name, this.#transport, this.#frames);
  }

  protected view<Row, Key extends ColumnOf<Row>>(name: string): View<Row, Key> {
    return new View(this.#title, name, this.#transport, this.#frames);
  }
}
