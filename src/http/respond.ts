import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import Negotiator from 'negotiator';
import { EngineError } from '../../engine/model/errors.ts';
import { errorExtensions, internalError } from '../../resolvers/errors.ts';
import { shortMessage } from '../../resolvers/short-message.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Exchange } from './exchange.ts';
import { HttpRefusal } from './http-refusal.ts';
import { isLoopback } from './loopback.ts';
import { statusOf } from './status.ts';

const gzipAsync = promisify(gzip);
const brotliAsync = promisify(brotliCompress);
/** Below this, compressing costs more time than sending. */
const compressFromBytes = 32 * 1024;
/** A content that does not change is compressed once, so that less is worth it, and well. */
const compressFixedFromBytes = 1024;
/** How long a client that sends too much may go on before its connection is cut. */
const lingerMs = 2_000;

export interface Body {
  readonly status?: number;
  readonly contentType: string;
  readonly content: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** Compress a large body where the client takes it and is not on this machine. */
  readonly compress?: 'large';
  /** Keeps what is compressed of a content that does not change: once for all that take it. */
  readonly compressed?: CompressedForms;
}

type Encoding = 'br' | 'gzip';
export type CompressedForms = Map<Encoding, Promise<Buffer>>;

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
  const encoding = encodingOf(exchange, body, bytes);
  if (body.compress !== undefined || body.compressed !== undefined) {
    headers.vary = [response.getHeader('vary'), 'accept-encoding'].filter(Boolean).join(', ');
  }
  if (encoding !== null) {
    content = await compressedForm(body, encoding);
    bytes = content.length;
    headers['content-encoding'] = encoding;
    // Other bytes than those of the strong tag, which mean the same.
    if (typeof headers.etag === 'string') headers.etag = `W/${headers.etag}`;
  }
  headers['content-length'] = bytes;
  response.writeHead(body.status ?? 200, headers);
  // A text goes out in one piece with its headers.
  response.end(request.method === 'HEAD' ? undefined : content);
  metrics.sent(exchange.endpoint, bytes);
  exchange.bytesSent = bytes;
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
  const status = known instanceof HttpRefusal ? known.status : statusOf(known.code);
  const headers: Record<string, string> = { 'cache-control': 'no-store' };
  if (status === 401) headers['www-authenticate'] = 'Bearer realm="tickloom"';
  if (known.retryAfterMs !== null) {
    headers['retry-after'] = String(Math.max(1, Math.ceil(known.retryAfterMs / 1000)));
  }
  metrics.requests.inc({ endpoint: exchange.endpoint, operation_kind: '', code: known.code });
  if (status === 415) headers['accept-encoding'] = 'gzip, deflate, br';
  if (!exchange.request.complete) lingerThenCut(exchange, headers);
  await sendJson(exchange, metrics, errorBody(known, exchange.requestId), { status, headers });
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

/** How a body is compressed for a client, null for not at all. */
function encodingOf({ request }: Exchange, body: Body, bytes: number): Encoding | null {
  const fromBytes = body.compressed === undefined ? compressFromBytes : compressFixedFromBytes;
  if (bytes < fromBytes || request.headers['accept-encoding'] === undefined) return null;
  if (body.compressed === undefined) {
    if (body.compress === undefined || isLoopback(request.socket.remoteAddress ?? '')) return null;
  }
  const encoding = new Negotiator(request).encoding(['br', 'gzip', 'identity']);
  return encoding === 'br' || encoding === 'gzip' ? encoding : null;
}

function compressedForm({ content, compressed }: Body, encoding: Encoding): Promise<Buffer> {
  if (compressed === undefined) return compress(content, encoding, 'fast');
  let form = compressed.get(encoding);
  if (form === undefined) {
    form = compress(content, encoding, 'well');
    compressed.set(encoding, form);
  }
  return form;
}

function compress(
  content: string | Buffer,
  encoding: Encoding,
  how: 'fast' | 'well',
): Promise<Buffer> {
  if (encoding === 'gzip') return gzipAsync(content, { level: how === 'fast' ? 3 : 9 });
  const quality = how === 'fast' ? 4 : 10;
  return brotliAsync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: quality } });
}

/** Whether the client has what an entity tag names (`if-none-match`), compressed or not. */
export function isKnown({ request }: Exchange, etag: string): boolean {
  const given = request.headers['if-none-match'];
  if (given === undefined) return false;
  const tags = given.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(etag);
}
