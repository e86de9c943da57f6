import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { EngineError } from '../../engine/model/errors.ts';
import { applyCors } from '../http/cors.ts';
import { Exchange, requestIdOf } from '../http/exchange.ts';
import { errorBody, sendError } from '../http/respond.ts';
import { Slots } from '../http/slots.ts';
import { statusOf } from '../http/status.ts';
import { servingLimits } from '../serving-limits.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { refusalOf } from '../telemetry/refusal.ts';
import { listenError } from './listen-error.ts';
import type { Router } from './router.ts';

/** Where a front listens: on the network, or at a socket of this machine's file system. */
export type ListenAddress =
  | { readonly host: string; readonly port: number }
  | { readonly socketPath: string };

export interface HttpFrontOptions {
  readonly address: ListenAddress;
  readonly corsOrigins: readonly string[];
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Answers until `serve` is called, while the engine recovers. */
  readonly routerAtStart: Router;
}

export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** The HTTP server: takes requests, keeps count of them, and can finish them and stop. */
export class HttpFront {
  readonly #options: HttpFrontOptions;
  readonly #server: Server;
  readonly #running = new Slots<ServerResponse>();
  #router: Router;
  #upgrade: UpgradeHandler | null = null;

  private constructor(options: HttpFrontOptions) {
    this.#options = options;
    this.#router = options.routerAtStart;
    this.#server = createServer(
      {
        keepAliveTimeout: servingLimits.httpKeepAliveMs,
        headersTimeout: servingLimits.httpHeadersMs,
        requestTimeout: servingLimits.httpRequestMs,
        // How often Node looks for requests that take too long.
        connectionsCheckingInterval: servingLimits.httpHeadersMs / 4,
        keepAlive: true,
        noDelay: true,
      },
      (request, response) => void this.#answer(request, response),
    );
    this.#server.on('upgrade', (request, socket, head) => {
      if (!wantsWebSocket(request)) return void this.#ignoreUpgrade(request, socket, head);
      socket.on('error', () => socket.destroy());
      if (this.#upgrade !== null) this.#upgrade(request, socket, head);
      else refuseUpgrade(request, socket, starting());
    });
  }

  /** Rejects when the address cannot be had. */
  static async listen(options: HttpFrontOptions): Promise<HttpFront> {
    const front = new HttpFront(options);
    const { address } = options;
    await new Promise<void>((resolve, reject) => {
      front.#server.once('error', (error) => reject(listenError(error, address)));
      const onListening = () => {
        front.#server.removeAllListeners('error');
        resolve();
      };
      if ('socketPath' in address) front.#server.listen(address.socketPath, onListening);
      else front.#server.listen(address.port, address.host, onListening);
    });
    return front;
  }

  /** The port it has, on the network. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  serve(router: Router, upgrade: UpgradeHandler): void {
    this.#router = router;
    this.#upgrade = upgrade;
  }

  /** Takes nothing new, lets running requests finish for `graceMs`, then cuts what is left. */
  async drain(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const response of this.#running.values()) {
      // Otherwise the connection would stay open, idle, after its answer.
      if (!response.headersSent) response.shouldKeepAlive = false;
      response.once('finish', () => setImmediate(() => this.#server.closeIdleConnections()));
    }
    this.#server.closeIdleConnections();
    const cut = setTimeout(() => this.#server.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(cut);
  }

  /**
   * Node's parser leaves a connection as soon as it has seen an offer to upgrade it. Another one
   * begins with the same request, the offer left out, when what was asked before has been answered:
   * answers leave in the order of their requests.
   */
  async #ignoreUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const before = this.#running.values().filter(({ req }) => req.socket === socket);
    const cut = () => socket.destroy();
    // Node tells a response that waits for its turn of this no more.
    const end = () => {
      for (const response of before) if (response.socket === null) response.emit('close');
    };
    socket.on('error', cut).on('close', end);
    await Promise.all(
      before.map((response) => new Promise((resolve) => response.once('close', resolve))),
    );
    if (socket.destroyed) return;
    socket.off('error', cut).off('close', end);
    socket.unshift(Buffer.concat([Buffer.from(headWithoutUpgrade(request), 'latin1'), head]));
    this.#server.emit('connection', socket);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const slot = this.#running.add(response);
    response.once('close', () => this.#running.remove(slot));
    if (applyCors(request, response, this.#options.corsOrigins)) return;
    const exchange = new Exchange(request, response);
    try {
      await this.#router.handle(exchange);
    } catch (error) {
      await this.#answerError(exchange, error);
    }
  }

  async #answerError(exchange: Exchange, error: unknown): Promise<void> {
    const { logger } = this.#options;
    const { requestId, response } = exchange;
    const metrics = exchange.metrics ?? this.#options.metrics;
    if (!(error instanceof EngineError)) logger.error({ error, requestId }, 'a request failed');
    else if (error.cause !== undefined)
      logger.info({ ...refusalOf(error), requestId }, 'a request was refused');
    try {
      if (response.headersSent) response.destroy();
      else await sendError(exchange, metrics, error);
    } catch (second) {
      logger.error({ error: second, requestId }, 'an error could not be answered');
      response.destroy();
    }
  }
}

function starting(): EngineError {
  return new EngineError('UNAVAILABLE', 'the server is starting', { retryAfterMs: 1_000 });
}

/** Answers an upgrade that is not wanted, as HTTP. */
export function refuseUpgrade(request: IncomingMessage, socket: Duplex, error: EngineError): void {
  const status = statusOf(error.code);
  const content = JSON.stringify(errorBody(error, requestIdOf(request)));
  const retryAfter =
    error.retryAfterMs === null ? [] : [`retry-after: ${Math.ceil(error.retryAfterMs / 1000)}`];
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'connection: close',
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(content)}`,
    ...retryAfter,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${content}`);
}

/**
 * Whether a request wants a WebSocket. A server may ignore any other upgrade (RFC 9110, 7.8), such as
 * the one to HTTP/2 that some clients offer with every first request.
 */
function wantsWebSocket({ headers }: IncomingMessage): boolean {
  const offered = (headers.upgrade ?? '').split(',').map((protocol) => protocol.trim());
  return offered.some((protocol) => protocol.toLowerCase() === 'websocket');
}

/** The head of a request as if it had offered no upgrade. */
function headWithoutUpgrade({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = rawHeaders.slice(i, i + 2);
    if (/^(upgrade|http2-settings)$/i.test(name)) continue;
    if (!/^connection$/i.test(name)) {
      lines.push(`${name}: ${value}`);
      continue;
    }
    const kept = value.split(',').filter((part) => !/^\s*(upgrade|http2-settings)\s*$/i.test(part));
    if (kept.length > 0) lines.push(`${name}: ${kept.join(',')}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}
