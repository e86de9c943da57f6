import type { IncomingMessage, ServerResponse } from 'node:http';

const allowedHeaders =
  'authorization, content-encoding, content-type, idempotency-key, last-event-id, traceparent, x-request-id, x-tickloom-after-tick, x-tickloom-class, x-tickloom-explain, x-tickloom-fence, x-tickloom-manifest, x-tickloom-on-conflict, x-tickloom-read-after, x-tickloom-role';

/**
 * Lets pages of the configured origins call the API; the console is of the server's own origin and
 * needs none of this. True: the request was a preflight and is answered.
 */
export function applyCors(
  request: IncomingMessage,
  response: ServerResponse,
  origins: readonly string[],
): boolean {
  const origin = request.headers.origin;
  if (origins.length > 0) response.setHeader('vary', 'origin');
  if (origin === undefined || !origins.includes(origin)) return false;
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('cross-origin-resource-policy', 'cross-origin');
  response.setHeader(
    'access-control-expose-headers',
    'x-request-id, retry-after, etag, accept-ranges, content-range',
  );
  if (request.method !== 'OPTIONS') return false;
  response.writeHead(204, {
    'access-control-allow-methods': 'GET, HEAD, POST',
    'access-control-allow-headers': allowedHeaders,
    'access-control-max-age': '7200',
  });
  response.end();
  return true;
}

/**
 * Whether a WebSocket may be opened from where it comes. Browsers send `origin` and do not ask
 * first as they do for requests; whatever is no browser sends none.
 */
export function isOriginAllowed(request: IncomingMessage, origins: readonly string[]): boolean {
  const origin = request.headers.origin;
  if (origin === undefined || origins.includes(origin)) return true;
  return URL.canParse(origin) && new URL(origin).host === request.headers.host;
}
