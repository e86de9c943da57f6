import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** One request of ClickHouse's HTTP interface. */
export interface HostRequest {
  readonly queryId: string;
  readonly sql: string;
  readonly database: string | null;
  readonly settings: ReadonlyMap<string, string>;
  readonly parameters: ReadonlyMap<string, string>;
  /** The format where the text names none. */
  readonly defaultFormat: string;
  /** The answer is held back until the query is done, so that its statistics come as a header. */
  readonly waitForEnd: boolean;
  /** True when the body is data to insert and not (part of) the text. */
  readonly bodyIsData: boolean;
}

const textBytesMax = 16 * 1024 * 1024;

/** Settings that only a server's HTTP layer knows. */
const httpOnly = new Set([
  'wait_end_of_query',
  'buffer_size',
  'compress',
  'decompress',
  'session_id',
  'session_timeout',
  'session_check',
  'role',
  'enable_http_compression',
  'http_zlib_compression_level',
  'http_response_buffer_size',
  'http_write_exception_in_output_format',
  'send_progress_in_http_headers',
  'http_headers_progress_interval_ms',
  'cancel_http_readonly_queries_on_client_close',
]);

export function isAuthorised(request: IncomingMessage, secret: string): boolean {
  const expected = Buffer.from(`Basic ${Buffer.from(`default:${secret}`).toString('base64')}`);
  const actual = Buffer.from(request.headers.authorization ?? '');
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}

/** Throws a `RequestError` for a request this interface does not understand. */
export async function readRequest(request: IncomingMessage, newId: string): Promise<HostRequest> {
  const url = new URL(request.url ?? '/', 'http://host');
  const fields = new Map(url.searchParams);
  const queryInUrl = fields.get('query') ?? '';
  const bodyIsData = request.method === 'POST' && /^\s*INSERT\s/i.test(queryInUrl);
  let text = queryInUrl;
  if (!bodyIsData && request.method === 'POST') {
    const body = await readText(request);
    const type = request.headers['content-type'] ?? '';
    if (type.startsWith('multipart/form-data')) {
      const form = await new Response(new Uint8Array(body), {
        headers: { 'content-type': type },
      }).formData();
      for (const [name, value] of form) if (typeof value === 'string') fields.set(name, value);
      text = fields.get('query') ?? '';
    } else {
      text += body.toString('utf8');
    }
  }
  const settings = new Map<string, string>();
  const parameters = new Map<string, string>();
  for (const [name, value] of fields) {
    if (name.startsWith('param_')) parameters.set(name.slice(6), value);
    else if (!known.has(name) && !httpOnly.has(name)) settings.set(name, value);
  }
  for (const name of [...settings.keys(), ...parameters.keys()]) {
    if (!/^\w+$/.test(name)) throw new RequestError(115, `Unknown setting ${name}`);
  }
  return {
    queryId: fields.get('query_id') || newId,
    sql: text,
    database: fields.get('database') || headerOf(request, 'x-clickhouse-database'),
    settings,
    parameters,
    defaultFormat: fields.get('default_format') || 'TabSeparated',
    waitForEnd: ['1', 'true'].includes(fields.get('wait_end_of_query') ?? ''),
    bodyIsData,
  };
}

const known = new Set(['query', 'query_id', 'database', 'default_format', 'user', 'password']);

/** A refusal in ClickHouse's terms: its error code and text. */
export class RequestError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

async function readText(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > textBytesMax) throw new RequestError(62, 'the query text is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

function headerOf(request: IncomingMessage, name: string): string | null {
  const value = request.headers[name];
  return typeof value === 'string' && value !== '' ? value : null;
}
