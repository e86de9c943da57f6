import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { EngineError } from '../../engine/model/errors.ts';
import { ConnectionPlaces } from '../http/connection-places.ts';
import { applyCors } from '../http/cors.ts';
import { Exchange, requestIdOf } from '../http/exchange.ts';
import { checkHead, unreadable } from '../http/request-head.ts';
import { sendError } from '../http/respond.ts';
import type { SecureHeaders } from '../http/secure-headers.ts';
import { Slots } from '../http/slots.ts';
import { servingLimits } from '../serving-limits.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { refusalOf } from '../telemetry/refusal.ts';
import { answerBare } from './bare-answer.ts';
import { listenError } from './listen-error.ts';
import type { Router } from './router.ts';

/** Where a front listens: on the network, or at a socket of this machine's file system. */
export type ListenAddress =
  | { readonly host: string; readonly port: number }
  | { readonly socketPath: string };

export interface HttpFrontOptions {
  readonly address: ListenAddress;
  readonly corsOrigins: readonly string[];
  readonly secure: SecureHeaders;
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
  readonly #places = new ConnectionPlaces();
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
        maxHeaderSize: servingLimits.httpHeaderBytesMax,
        // How often Node looks for requests that take too long.
        connectionsCheckingInterval: servingLimits.httpHeadersMs / 4,
        keepAlive: true,
        noDelay: true,
      },
      (request, response) => void this.#answer(request, response),
    );
    // Node leaves out those beyond, without a word: one more shows that there are too many.
    this.#server.maxHeadersCount = servingLimits.httpHeadersMax + 1;
    this.#server.on('connection', (socket) => this.#welcome(socket));
    this.#server.on('clientError', (error, socket) => this.#answerUnreadable(error, socket));
    this.#server.on('upgrade', (request, socket, head) => {
      if (!wantsWebSocket(request)) return void this.#ignoreUpgrade(request, socket, head);
      socket.on('error', () => socket.destroy());
      this.#places.signedIn(request.socket);
      if (this.#upgrade !== null) this.#upgrade(request, socket, head);
      else answerBare(socket, starting(), requestIdOf(request), this.#options.secure);
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

  #welcome(socket: Socket): void {
    const refusal = this.#places.take(socket);
    if (refusal === null) return;
    this.#count(refusal);
    answerBare(socket, refusal, randomUUID(), this.#options.secure);
  }

  /** What came is no request, or not in time. */
  #answerUnreadable(error: Error, stream: Duplex): void {
    const socket = stream as Socket;
    const refusal = unreadable(error, this.#places.isAsked(socket));
    const answers = this.#running.values().filter(({ req }) => req.socket === socket);
    // Half an answer that is on its way is followed by nothing.
    if (refusal === null || !socket.writable || answers.some(({ headersSent }) => headersSent)) {
      socket.destroy();
      return;
    }
    this.#count(refusal);
    answerBare(socket, refusal, randomUUID(), this.#options.secure);
  }

  #count({ code }: EngineError): void {
    this.#options.metrics.requests.inc({ endpoint: 'other', operation_kind: '', code });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { corsOrigins, secure } = this.#options;
    const { socket } = request;
    const slot = this.#running.add(response);
    this.#places.begin(socket);
    response.once('close', () => {
      this.#running.remove(slot);
      this.#places.end(socket);
    });
    secure.apply(response);
    const exchange = new Exchange(request, response, () => this.#places.signedIn(socket));
    try {
      this.#places.checkPipeline(socket);
      checkHead(request);
      if (applyCors(request, response, corsOrigins)) return;
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
