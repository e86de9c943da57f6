import { WebSocket } from 'ws';

export interface PulseFrame {
  readonly kind: 'SNAPSHOT' | 'DELTA' | 'RESET' | 'HEARTBEAT';
  readonly cursor: string;
  readonly position: string;
  readonly rows: readonly { readonly sessionId: string; readonly actions: number }[];
  readonly removed: readonly { readonly sessionId: string }[];
}

/** One message of a subscription to `matchPulseChanges`. */
export interface Event {
  readonly frame: PulseFrame;
  readonly extensions: { readonly tickloom: { readonly position?: string } };
  /** The id of an event stream's event. */
  readonly id?: string | undefined;
  readonly errors?: readonly { readonly extensions: { readonly code: string } }[];
}

interface Message {
  readonly id?: string;
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: what the protocol carries, looked into by tests
  readonly payload: any;
}

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** A client that speaks `graphql-transport-ws` word by word. */
export class FrameSocket {
  readonly #socket: WebSocket;
  readonly #received: Message[] = [];
  #wake: () => void = () => undefined;
  readonly closed: Promise<Closed>;

  private constructor(url: string, headers: Record<string, string>, title: string) {
    const address = `${url.replace('http', 'ws')}/${title}/graphql`;
    this.#socket = new WebSocket(address, 'graphql-transport-ws', { headers });
    this.#socket.on('message', (data) => {
      this.#received.push(JSON.parse(String(data)));
      this.#wake();
    });
    this.closed = new Promise((resolve) =>
      this.#socket.once('close', (code, reason) => {
        resolve({ code, reason: String(reason) });
        this.#wake();
      }),
    );
  }

  static async connect(
    url: string,
    parameters: Record<string, unknown>,
    headers: Record<string, string> = {},
    title = 'ashfall',
  ): Promise<FrameSocket> {
    const socket = new FrameSocket(url, headers, title);
    await new Promise((resolve, reject) => {
      socket.#socket.once('open', resolve);
      socket.#socket.once('error', reject);
    });
    socket.send({ type: 'connection_init', payload: parameters });
    await socket.receive(({ type }) => type === 'connection_ack');
    return socket;
  }

  /** How the server closes a connection it does not accept. */
  static async refused(
    url: string,
    parameters: Record<string, unknown>,
    headers: Record<string, string> = {},
    title = 'ashfall',
  ): Promise<Closed> {
    const socket = new FrameSocket(url, headers, title);
    socket.#socket.once('open', () =>
      socket.send({ type: 'connection_init', payload: parameters }),
    );
    return socket.closed;
  }

  /** For what no well-behaved client does. */
  get raw(): WebSocket {
    return this.#socket;
  }

  send(message: unknown): void {
    this.#socket.send(JSON.stringify(message));
  }

  subscribe(id: string, query: string, variables: Record<string, unknown> = {}): void {
    this.send({ id, type: 'subscribe', payload: { query, variables } });
  }

  /** The next message that fits, whichever came before it; each is given once. */
  async receive(fits: (message: Message) => boolean): Promise<Message> {
    for (;;) {
      const index = this.#received.findIndex(fits);
      if (index >= 0) return this.#received.splice(index, 1)[0] as Message;
      if (this.#socket.readyState === WebSocket.CLOSED) throw new Error('the socket is closed');
      await new Promise<void>((resolve) => {
        const wake = this.#wake;
        this.#wake = () => {
          this.#wake = wake;
          wake();
          resolve();
        };
      });
    }
  }

  /** The next frame of a subscription. */
  async next(id: string): Promise<Event> {
    const { payload } = await this.receive((message) => message.id === id);
    return { ...payload, frame: payload.data?.matchPulseChanges };
  }

  close(): void {
    this.#socket.close();
  }
}

/** The rows a client holds after folding frames by key. */
export class Sum {
  readonly #rows = new Map<string, PulseFrame['rows'][number]>();

  constructor(snapshot: PulseFrame) {
    this.add(snapshot);
  }

  add(frame: PulseFrame): void {
    if (frame.kind === 'SNAPSHOT' || frame.kind === 'RESET') this.#rows.clear();
    for (const row of frame.rows) this.#rows.set(row.sessionId, row);
    for (const { sessionId } of frame.removed) this.#rows.delete(sessionId);
  }

  actionsOf(sessionId: string): number {
    return this.#rows.get(sessionId)?.actions ?? 0;
  }

  rows(): unknown[] {
    return [...this.#rows.values()].sort((a, b) => (a.sessionId < b.sessionId ? -1 : 1));
  }
}
