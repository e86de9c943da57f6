import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { EngineError } from '../../engine/model/errors.ts';
import { HttpRefusal } from '../http/http-refusal.ts';
import { errorBody } from '../http/respond.ts';
import type { SecureHeaders } from '../http/secure-headers.ts';
import { statusOf } from '../http/status.ts';

/** How long a client may take to read it, before its connection is cut. */
const lingerMs = 2_000;

/**
 * Answers an error, as HTTP, on a connection where there is no response to do it: an upgrade that is
 * not wanted, a head that cannot be read, a connection too many. Ends the connection.
 */
export function answerBare(
  socket: Duplex,
  error: EngineError,
  requestId: string,
  secure: SecureHeaders,
): void {
  const status = error instanceof HttpRefusal ? error.status : statusOf(error.code);
  const content = JSON.stringify(errorBody(error, requestId));
  const retryAfter =
    error.retryAfterMs === null ? [] : [`retry-after: ${Math.ceil(error.retryAfterMs / 1000)}`];
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'connection: close',
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(content)}`,
    `x-request-id: ${requestId}`,
    ...secure.lines(),
    ...retryAfter,
  ];
  const cut = setTimeout(() => socket.destroy(), lingerMs);
  cut.unref();
  socket.once('close', () => clearTimeout(cut));
  socket.once('error', () => socket.destroy());
  // What else the client sends is read and thrown away: unread bytes would reset the connection, and
  // the answer with it.
  socket.removeAllListeners('data').resume();
  socket.end(`${head.join('\r\n')}\r\n\r\n${content}`);
}
