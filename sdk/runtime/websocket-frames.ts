import type { Client } from 'graphql-ws/client';
import { errorFromWire, isRecord, isServerErrorCode, TickloomError } from './errors.ts';
import type { FrameTransport, SubscribeRequest } from './frame-transport.ts';
import { TokenRefresh } from './token-refresh.ts';
import type { Transport } from './transport.ts';

export interface WebSocketFramesOptions {
  /** `ws://…` or `wss://…`. */
  readonly url: string;
  readonly transport: Transport;
  /** A WebSocket class; where there is no global one, the package `ws` is looked for. */
  readonly webSocketImpl: unknown;
  readonly idleMs: number;
}

/** Frames buffered for a slow reader. Past it the subscription is dropped, to be resumed later. */
const bufferedFramesMax = 256;

/** Subscriptions over one shared WebSocket (`graphql-transport-ws`). */
export class WebSocketFrames implements FrameTransport {
  readonly #options: WebSocketFramesOptions;
  #client: Promise<Client> | null = null;
  /** When the open socket last said something; null while there is none. */
  #heardAtMs: number | null = null;

  constructor(options: WebSocketFramesOptions) {
    this.#options = options;
  }

  async *frames(
    request: SubscribeRequest,
    signal: AbortSignal,
  ): AsyncGenerator<unknown, undefined, undefined> {
    this.#client ??= this.#connect();
    const client = await this.#client;
    const queue = new FrameQueue();
    const payload = {
      operationName: request.name,
      query: request.document,
      variables: { ...request.variables },
      extensions: { readAfter: this.#options.transport.positions.header ?? undefined },
    };
    const unsubscribe = client.subscribe<Record<string, unknown>>(payload, {
      next: (result) => {
        const [failure] = result.errors ?? [];
        if (failure) queue.fail(errorFromWire(failure));
        else if (!queue.push(result.data?.[request.field])) unsubscribe();
      },
      error: (cause) => queue.fail(asSocketError(cause)),
      complete: () => queue.end(),
    });
    const onIdle = () => {
      queue.fail(new TickloomError('REQUEST_TIMEOUT', 'the subscription fell silent'));
      this.#dropDeadSocket(client);
    };
    const onAbort = () => queue.end();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      while (!signal.aborted) {
        const idle = setTimeout(onIdle, this.#options.idleMs);
        const frame = await queue.next().finally(() => clearTimeout(idle));
        if (frame === null) return;
        yield frame;
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      unsubscribe();
    }
  }

  /**
   * A socket can die without a word; heartbeats, or their absence, tell. One that others still hear
   * from is left alone, and so is one that is only being opened: that has its own timeout.
   */
  #dropDeadSocket(client: Client): void {
    if (this.#heardAtMs === null) return;
    if (performance.now() - this.#heardAtMs >= this.#options.idleMs) client.terminate();
  }

  async #connect(): Promise<Client> {
    const { createClient } = await import('graphql-ws/client');
    const { url, transport } = this.#options;
    const webSocketImpl = this.#options.webSocketImpl ?? (await defaultWebSocket());
    const refresh = new TokenRefresh({
      token: transport.token,
      credentials: (token) => transport.headers(token, false),
    });
    const hear = () => {
      this.#heardAtMs = performance.now();
    };
    return createClient({
      url,
      on: {
        connected: (socket, payload) => {
          hear();
          refresh.opened(socket, payload);
        },
        message: hear,
        pong: (_isReceived, payload) => refresh.told(payload),
        closed: () => {
          this.#heardAtMs = null;
          refresh.closed();
        },
      },
      webSocketImpl,
      connectionParams: () => refresh.begin(),
      // The reader resumes by itself, from its cursor: a repeat from the first one would be wrong.
      retryAttempts: 0,
      lazyCloseTimeout: 1_000,
      connectionAckWaitTimeout: 10_000,
    });
  }
}

/** Frames on their way from the socket to the reader. */
class FrameQueue {
  readonly #frames: unknown[] = [];
  #error: TickloomError | null = null;
  #ended = false;
  #wake: () => void = () => {};

  /** Takes a frame; false when it takes no more: what is held will still be read, and then the end. */
  push(frame: unknown): boolean {
    if (this.#ended) return false;
    this.#frames.push(frame);
    if (this.#frames.length >= bufferedFramesMax) this.#ended = true;
    this.#wake();
    return !this.#ended;
  }

  fail(error: TickloomError): void {
    this.#error ??= error;
    this.end();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** The next frame; null at the end. Rejects with the failure once all frames are read. */
  async next(): Promise<unknown> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) return frame;
      if (this.#error) throw this.#error;
      if (this.#ended) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

async function defaultWebSocket(): Promise<unknown> {
  if (typeof WebSocket !== 'undefined') return WebSocket;
  try {
    // Held in a variable, so that bundlers for browsers do not look for it.
    const packageName = 'ws';
    const module: unknown = await import(/* @vite-ignore */ packageName);
    return isRecord(module) ? (module.WebSocket ?? module.default) : module;
  } catch (cause) {
    throw new TypeError(
      'there is no WebSocket here: install the package "ws", pass `webSocketImpl`, or use `subscriptions: "sse"`',
      { cause },
    );
  }
}

/** A list of GraphQL errors, a close event of the socket, or an error of connecting. */
function asSocketError(cause: unknown): TickloomError {
  if (cause instanceof TickloomError) return cause;
  if (Array.isArray(cause) && isRecord(cause[0])) return errorFromWire(cause[0]);
  const closeCode = isRecord(cause) && typeof cause.code === 'number' ? cause.code : null;
  const reason = isRecord(cause) && typeof cause.reason === 'string' ? cause.reason : '';
  // The server gives the code of its refusal as the reason.
  if (isServerErrorCode(reason)) {
    return new TickloomError(reason, 'the server closed the connection', { cause });
  }
  switch (closeCode) {
    case 4401:
      return new TickloomError('UNAUTHENTICATED', reason, { cause });
    case 4400:
    case 4403:
      return new TickloomError('FORBIDDEN', reason, { cause });
    default:
      return new TickloomError('NETWORK_FAILED', 'the connection of the subscription failed', {
        cause,
        details: { closeCode, reason },
      });
  }
}
