/**
 * GraphQL subscriptions over one WebSocket (`graphql-transport-ws`), with the browser's own means.
 * A lost connection is made again after a growing, jittered pause, and every subscription is asked
 * for anew; its `variables` are a function, so that it can say where to resume.
 *
 * @typedef {{ kind: 'connecting' }
 *   | { kind: 'live' }
 *   | { kind: 'waiting', reason: string, retryAtMs: number }
 *   | { kind: 'refused', code: string }} SocketState  `refused`: another token is needed
 *
 * @typedef {object} Subscription
 * @property {string} query
 * @property {() => Record<string, unknown>} variables
 * @property {(data: Record<string, any>) => void} next
 * @property {(message: string, code: string) => void} error  The server ended it for good.
 */

const unauthorized = 4401;
const forbidden = 4403;
const firstPauseMs = 500;
const longestPauseMs = 15_000;
/** The server says something at least every ten seconds; a link this silent is dead. */
const silenceMaxMs = 35_000;

export class GraphqlSocket {
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Map<string, Subscription>} */
  #subscriptions = new Map();
  #acknowledged = false;
  #closed = false;
  #failures = 0;
  #nextId = 1;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #url;
  #authority;
  #onState;

  /**
   * @param {string} url
   * @param {Record<string, string>} authority  What it says of who asks.
   * @param {(state: SocketState) => void} onState
   */
  constructor(url, authority, onState) {
    this.#url = url;
    this.#authority = authority;
    this.#onState = onState;
    this.#connect();
  }

  /**
   * @param {Subscription} subscription
   * @returns {() => void} ends it
   */
  subscribe(subscription) {
    const id = String(this.#nextId++);
    this.#subscriptions.set(id, subscription);
    if (this.#acknowledged) this.#start(id, subscription);
    return () => {
      if (this.#subscriptions.delete(id) && this.#acknowledged)
        this.#send({ id, type: 'complete' });
    };
  }

  /** With another token after `refused`. @param {Record<string, string>} authority */
  renew(authority) {
    this.#authority = authority;
    this.#failures = 0;
    this.#connect();
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close(1000);
  }

  #connect() {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#onState({ kind: 'connecting' });
    const socket = new WebSocket(this.#url, 'graphql-transport-ws');
    this.#socket = socket;
    this.#acknowledged = false;
    socket.onopen = () => {
      this.#send({ type: 'connection_init', payload: this.#authority });
    };
    socket.onmessage = (event) => {
      this.#watchSilence(socket);
      this.#receive(JSON.parse(event.data));
    };
    socket.onclose = (event) => {
      if (this.#socket === socket) this.#lost(event);
    };
    this.#watchSilence(socket);
  }

  /** @param {WebSocket} socket */
  #watchSilence(socket) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => socket.close(4408, 'silence'), silenceMaxMs);
  }

  /** @param {CloseEvent} event */
  #lost(event) {
    this.#socket = null;
    this.#acknowledged = false;
    clearTimeout(this.#timer);
    if (this.#closed) return;
    if (event.code === unauthorized || event.code === forbidden) {
      const fallback = event.code === forbidden ? 'FORBIDDEN' : 'UNAUTHENTICATED';
      this.#onState({ kind: 'refused', code: event.reason || fallback });
      return;
    }
    this.#failures += 1;
    const longest = Math.min(longestPauseMs, firstPauseMs * 2 ** (this.#failures - 1));
    const pauseMs = longest * (0.5 + Math.random() / 2);
    const retryAtMs = Date.now() + pauseMs;
    this.#onState({ kind: 'waiting', reason: event.reason || 'connection lost', retryAtMs });
    this.#timer = setTimeout(() => this.#connect(), pauseMs);
  }

  /** @param {{ type: string, id?: string, payload?: any }} message */
  #receive(message) {
    const subscription = this.#subscriptions.get(message.id ?? '');
    switch (message.type) {
      case 'connection_ack':
        this.#acknowledged = true;
        this.#failures = 0;
        this.#onState({ kind: 'live' });
        for (const [id, waiting] of this.#subscriptions) this.#start(id, waiting);
        break;
      case 'ping':
        this.#send({ type: 'pong' });
        break;
      case 'next':
        if (message.payload.data) subscription?.next(message.payload.data);
        if (message.payload.errors) this.#fail(message.id ?? '', message.payload.errors);
        break;
      case 'error':
        this.#fail(message.id ?? '', message.payload);
        break;
      case 'complete':
        // The server goes away or cut a reader that was too slow: reconnecting resumes.
        if (subscription) this.#socket?.close(4000, 'completed by the server');
        break;
    }
  }

  /**
   * @param {string} id
   * @param {readonly { message: string, extensions?: { code?: string, retryable?: boolean } }[]} errors
   */
  #fail(id, errors) {
    const [first] = errors;
    const code = first?.extensions?.code ?? 'INTERNAL';
    if (code === 'TOKEN_EXPIRED' || code === 'UNAUTHENTICATED') {
      this.#socket?.close();
      this.#socket = null;
      this.#onState({ kind: 'refused', code });
      return;
    }
    if (first?.extensions?.retryable) {
      this.#socket?.close(4000, code);
      return;
    }
    const subscription = this.#subscriptions.get(id);
    this.#subscriptions.delete(id);
    subscription?.error(first?.message ?? 'unknown error', code);
  }

  /**
   * @param {string} id
   * @param {Subscription} subscription
   */
  #start(id, { query, variables }) {
    this.#send({ id, type: 'subscribe', payload: { query, variables: variables() } });
  }

  /** @param {object} message */
  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }
}
