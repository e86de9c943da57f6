import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { EngineError } from '../../engine/errors.ts';
import { errorExtensions, internalError } from '../../resolvers/errors.ts';
import { shortMessage } from '../../resolvers/short-message.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Exchange } from './exchange.ts';
import { statusOf } from './status.ts';

const gzipAsync = promisify(gzip);
/** Below this, compressing costs more time than sending. */
const compressFromBytes = 32 * 1024;
/** How long a client that sends too much may go on before its connection is cut. */
const lingerMs = 2_000;

export interface Body {
  readonly status?: number;
  readonly contentType: string;
  readonly content: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** Compress a large body where the client takes it and is not on this machine. */
  readonly compress?: 'large';
}

/** Sends one whole body. */
export async function sendBody(exchange: Exchange, metrics: Metrics, body: Body): Promise<void> {
  const { response, request } = exchange;
  if (response.headersSent || response.destroyed) return;
  const headers: Record<string, string | number> = {
    'content-type': body.contentType,
    ...body.headers,
  };
  let { content } = body;
  let bytes = Buffer.byteLength(content);
  if (body.compress === 'large') {
    headers.vary = 'accept-encoding';
    if (bytes >= compressFromBytes && takesGzip(exchange)) {
      content = await gzipAsync(content, { level: 3 });
      bytes = content.length;
      headers['content-encoding'] = 'gzip';
    }
  }
  headers['content-length'] = bytes;
  response.writeHead(body.status ?? 200, headers);
  // A text goes out in one piece with its headers.
  response.end(request.method === 'HEAD' ? undefined : content);
  metrics.sent(exchange.endpoint, bytes);
}

export function sendJson(
  exchange: Exchange,
  metrics: Metrics,
  value: unknown,
  more: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  return sendBody(exchange, metrics, {
    contentType: 'application/json; charset=utf-8',
    content: JSON.stringify(value),
    ...more,
  });
}

/**
 * Answers an error as `{ errors: [{ message, extensions }] }`, the shape GraphQL has too, under the
 * status that fits its code. An error that is no `EngineError` is a bug: its text stays in the log.
 */
export async function sendError(
  exchange: Exchange,
  metrics: Metrics,
  error: unknown,
): Promise<void> {
  const known = error instanceof EngineError ? error : internalError();
  const status = statusOfError(exchange, known);
  const headers: Record<string, string> = { 'cache-control': 'no-store' };
  if (status === 401) headers['www-authenticate'] = 'Bearer realm="tickloom"';
  if (known.retryAfterMs !== null) {
    headers['retry-after'] = String(Math.max(1, Math.ceil(known.retryAfterMs / 1000)));
  }
  metrics.requests.inc({ endpoint: exchange.endpoint, operation_kind: '', code: known.code });
  if (!exchange.request.complete) lingerThenCut(exchange, headers);
  await sendJson(exchange, metrics, errorBody(known, exchange.requestId), { status, headers });
}

/** What the path takes instead is told in a header, which goes with a status of its own. */
function statusOfError({ response }: Exchange, { code }: EngineError): number {
  if (response.hasHeader('allow')) return 405;
  return response.hasHeader('accept-post') ? 415 : statusOf(code);
}

/** The body of an error wherever an answer is not a GraphQL result. */
export function errorBody(error: EngineError, requestId: string): unknown {
  const message = shortMessage(error.message);
  return { errors: [{ message, extensions: errorExtensions(error, requestId) }] };
}

/**
 * The rest of a refused body is read and thrown away for a while: cutting at once would reset the
 * connection, and the client would lose the answer that says why.
 */
function lingerThenCut(exchange: Exchange, headers: Record<string, string>): void {
  const { request } = exchange;
  headers.connection = 'close';
  request.resume();
  const cut = setTimeout(() => request.destroy(), lingerMs);
  cut.unref();
  request.once('close', () => clearTimeout(cut));
}

function takesGzip(exchange: Exchange): boolean {
  const accepts = exchange.request.headers['accept-encoding'];
  if (typeof accepts !== 'string' || !/\bgzip\b/.test(accepts)) return false;
  return !isLoopback(exchange.request.socket.remoteAddress ?? '');
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
}
