import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildSchema, GraphQLError } from 'graphql';
import { makeServer } from 'graphql-ws';
import { createYoga } from 'graphql-yoga';
import { WebSocketServer } from 'ws';

interface Pulse {
  readonly sessionId: string;
  readonly actions: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly lastTick: number;
  readonly players: number;
}

interface Change {
  readonly rows: readonly Pulse[];
  readonly removed: readonly { readonly sessionId: string }[];
}

const typeDefs = `
  scalar BigInt
  input MatchPulseWhere { sessionId: StringFilter }
  input StringFilter { eq: String }
  enum LagPolicy { COALESCE DISCONNECT }
  type MatchPulse { sessionId: ID! actions: BigInt! accepted: BigInt! rejected: BigInt! lastTick: Int! players: BigInt! }
  type MatchPulseKey { sessionId: ID! }
  type MatchPulseFrame { kind: String! cursor: String! position: String! tick: Int rows: [MatchPulse!]! removed: [MatchPulseKey!]! }
  type Query { nothing: Int }
  type Subscription {
    matchPulseChanges(where: MatchPulseWhere, cursor: String, maxRate: Float, onLag: LagPolicy): MatchPulseFrame!
  }
`;

export function pulse(sessionId: string, actions: number): Pulse {
  return { sessionId, actions, accepted: actions, rejected: 0, lastTick: actions, players: 1 };
}

/**
 * A feed of `matchPulse` by the contract's rules, over WebSocket and SSE alike: a snapshot, then
 * deltas; a cursor (here: a number of changes) gives what was missed, or a RESET when it is older
 * than `remembered`.
 */
export class FeedServer {
  readonly subscribed: { readonly cursor: string | null; readonly token: string }[] = [];
  /** Tokens that are taken. */
  tokens = new Set(['secret']);
  /** What is told of the life of each token; null: nothing, as older servers do. */
  tokenLifeMs: number | null = null;
  /** Tokens that came on open sockets. */
  readonly refreshed: string[] = [];
  /** Thrown at subscribers as they come, in order. */
  readonly refusals: string[] = [];
  remembered = 100;
  /** Subscriptions running now. One that waits for a change ends with the next change. */
  active = 0;
  #onRefresh: () => void = () => {};
  readonly #changes: Change[] = [];
  readonly #rows = new Map<string, Pulse>();
  #wake: () => void = () => {};
  #changed = this.#nextChange();
  readonly #http;
  readonly #sockets = new WebSocketServer({ noServer: true });

  private constructor() {
    const schema = buildSchema(typeDefs);
    const subscription = schema.getSubscriptionType()?.getFields().matchPulseChanges;
    if (!subscription) throw new RangeError('no subscription');
    subscription.subscribe = (_root, args, context) => {
      this.subscribed.push({ cursor: args.cursor ?? null, token: context.token });
      const refusal = this.refusals.shift();
      if (refusal) throw new GraphQLError(refusal, { extensions: { code: refusal } });
      return this.#frames(args.cursor ?? null);
    };
    const yoga = createYoga({
      schema,
      graphqlEndpoint: '/ashfall/graphql',
      logging: false,
      maskedErrors: false,
      context: ({ request }) => {
        const token = tokenOf(request.headers.get('authorization'));
        if (this.tokens.has(token)) return { token };
        throw new GraphQLError('no', {
          extensions: { code: 'TOKEN_EXPIRED', http: { status: 401 } },
        });
      },
    });
    this.#http = createServer(yoga);
    const protocol = makeServer<
      { authorization: string },
      { readonly close: (code: number) => void }
    >({
      schema,
      onConnect: (context) => {
        if (this.tokens.has(tokenOf(context.connectionParams?.authorization))) return this.#life();
        context.extra.close(4401);
        return false;
      },
      context: (context) => ({ token: tokenOf(context.connectionParams?.authorization) }),
    });
    this.#http.on('upgrade', (request, socket, head) => {
      this.#sockets.handleUpgrade(request, socket, head, (opened) => {
        const closed = protocol.opened(
          {
            protocol: opened.protocol,
            send: (text) => opened.send(text),
            close: (code, reason) => opened.close(code, reason),
            onPing: (payload) => {
              const { authorization } = payload as { authorization: string };
              this.refreshed.push(tokenOf(authorization));
              this.#onRefresh();
              opened.send(JSON.stringify({ type: 'pong', payload: this.#life() }));
            },
            onMessage: (listener) => opened.on('message', (message) => listener(String(message))),
          },
          { close: (code) => opened.close(code, 'TOKEN_EXPIRED') },
        );
        opened.once('close', (code, reason) => void closed(code, String(reason)));
      });
    });
  }

  static async start(): Promise<FeedServer> {
    const server = new FeedServer();
    await new Promise<void>((resolve) => server.#http.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  /** Resolves when the next token has come on an open socket. */
  nextRefresh(): Promise<void> {
    return new Promise((resolve) => {
      this.#onRefresh = resolve;
    });
  }

  #life(): Record<string, unknown> {
    return this.tokenLifeMs === null ? {} : { tickloom: { tokenExpiresInMs: this.tokenLifeMs } };
  }

  /** One commit: rows replaced and removed. */
  change(rows: readonly Pulse[], removed: readonly string[] = []): void {
    for (const row of rows) this.#rows.set(row.sessionId, row);
    for (const sessionId of removed) this.#rows.delete(sessionId);
    this.#changes.push({ rows, removed: removed.map((sessionId) => ({ sessionId })) });
    const wake = this.#wake;
    this.#changed = this.#nextChange();
    wake();
  }

  get rows(): readonly Pulse[] {
    return [...this.#rows.values()];
  }

  /** Cuts every connection without a word. */
  cut(): void {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#http.closeAllConnections();
  }

  get connections(): number {
    return this.#sockets.clients.size;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  #nextChange(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  async *#frames(cursor: string | null) {
    this.active += 1;
    try {
      let at = Number(cursor);
      if (cursor === null || at < this.#changes.length - this.remembered) {
        at = this.#changes.length;
        const all = { rows: this.rows, removed: [] };
        yield this.#frame(cursor === null ? 'SNAPSHOT' : 'RESET', at, all);
      }
      for (;;) {
        const change = this.#changes[at];
        if (change === undefined) {
          await this.#changed;
          continue;
        }
        at += 1;
        yield this.#frame('DELTA', at, change);
      }
    } finally {
      this.active -= 1;
    }
  }

  #frame(kind: string, at: number, change: Change) {
    const frame = { kind, cursor: String(at), position: `0:${at}`, tick: at, ...change };
    return { matchPulseChanges: frame };
  }
}

function tokenOf(authorization: unknown): string {
  return String(authorization).replace('Bearer ', '');
}
