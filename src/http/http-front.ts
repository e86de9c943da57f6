import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { EngineError } from '../../engine/errors.ts';
import { limits } from '../../engine/limits.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { refusalOf } from '../telemetry/refusal.ts';
import { applyCors } from './cors.ts';
import { Exchange } from './exchange.ts';
import { listenError } from './listen-error.ts';
import { sendError } from './respond.ts';
import type { Router } from './router.ts';
import { Slots } from './slots.ts';

export interface HttpFrontOptions {
  readonly host: string;
  readonly port: number;
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
  readonly #endOnDrain = new Set<() => void>();
  #router: Router;
  #upgrade: UpgradeHandler | null = null;

  private constructor(options: HttpFrontOptions) {
    this.#options = options;
    this.#router = options.routerAtStart;
    this.#server = createServer(
      {
        keepAliveTimeout: limits.httpKeepAliveMs,
        headersTimeout: limits.httpHeadersMs,
        requestTimeout: limits.httpRequestMs,
        // How often Node looks for requests that take too long.
        connectionsCheckingInterval: limits.httpHeadersMs / 4,
        keepAlive: true,
        noDelay: true,
      },
      (request, response) => void this.#answer(request, response),
    );
    this.#server.on('upgrade', (request, socket, head) => {
      socket.on('error', () => socket.destroy());
      if (this.#upgrade === null) refuseUpgrade(socket, '503 Service Unavailable');
      else this.#upgrade(request, socket, head);
    });
  }

  /** Rejects when the address cannot be had. */
  static async listen(options: HttpFrontOptions): Promise<HttpFront> {
    const front = new HttpFront(options);
    await new Promise<void>((resolve, reject) => {
      front.#server.once('error', (error) =>
        reject(listenError(error, options.host, options.port)),
      );
      front.#server.listen(options.port, options.host, () => {
        front.#server.removeAllListeners('error');
        resolve();
      });
    });
    return front;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  serve(router: Router, upgrade: UpgradeHandler): void {
    this.#router = router;
    this.#upgrade = upgrade;
  }

  /** Registers what ends an open stream when the server drains. Returns its removal. */
  readonly onDrain = (end: () => void): (() => void) => {
    this.#endOnDrain.add(end);
    return () => this.#endOnDrain.delete(end);
  };

  /** Takes nothing new, lets running requests finish for `graceMs`, then cuts what is left. */
  async drain(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const end of this.#endOnDrain) end();
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
    const { logger, metrics } = this.#options;
    const { requestId, response } = exchange;
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

/** Answers an upgrade that is not wanted, as HTTP. */
export function refuseUpgrade(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}
