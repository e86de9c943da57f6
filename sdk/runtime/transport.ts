import { abortedError, backoffMs, type RetryPolicy, sleep } from './backoff.ts';
import { errorFromStatus, errorFromWire, isRecord, TickloomError } from './errors.ts';
import type { HttpPost } from './http-post.ts';
import type { ManifestAgreement } from './manifest-agreement.ts';
import { PositionTracker } from './position.ts';
import type { TokenSource } from './token-source.ts';
import { type Tracer, traced } from './tracing.ts';

export type QueryClass = 'GAMEPLAY' | 'OPERATOR' | 'ARCHIVAL';

/**
 * - `query`: reads; tried again after any retryable failure.
 * - `idempotent`: a write the server recognises when it comes twice; tried again like a query.
 * - `once`: a write that must not happen twice; tried again only where the server said that it did
 *   nothing, or where no connection was made.
 */
export type OperationKind = 'query' | 'idempotent' | 'once';

export interface Operation {
  readonly name: string;
  readonly kind: OperationKind;
  readonly document: string;
}

/** One request to a title's API, as it is sent; tried again with the same bytes. */
export interface ApiRequest {
  readonly name: string;
  readonly kind: OperationKind;
  /** Below the title's. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  /** A field that every answer has but those that tell errors. */
  readonly answerField: string;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long one try may take. */
  readonly timeoutMs?: number | undefined;
  /** A lower class than the role's own. */
  readonly class?: QueryClass | undefined;
}

/** What the client tells about each answered try; for metrics and logs. */
export interface ResponseInfo {
  readonly operation: string;
  readonly attempt: number;
  readonly status: number | null;
  readonly elapsedMs: number;
  /** `extensions.tickloom` of the answer. */
  readonly server: Readonly<Record<string, unknown>>;
  readonly error: TickloomError | null;
}

export interface TransportOptions {
  /** The title's own: `http://127.0.0.1:4800/ashfall`. */
  readonly titleUrl: string;
  readonly token: TokenSource;
  readonly manifest: ManifestAgreement;
  readonly retry: RetryPolicy;
  readonly timeoutMs: number;
  readonly class: QueryClass | undefined;
  /** Which of the token's roles the requests are made in; the first when left out. */
  readonly role: string | undefined;
  readonly post: HttpPost;
  /** Fetches what is streamed. */
  readonly fetch: typeof fetch;
  readonly random: () => number;
  readonly onResponse: ((info: ResponseInfo) => void) | undefined;
  readonly tracer: Tracer | undefined;
}

/** A server that is replaced while a request is on its way refuses it once more. */
const agreementsMax = 3;

/** Reads nothing, and is refused as any request is. */
export const askOperation: Operation = {
  name: 'Manifest',
  kind: 'query',
  document: 'query Manifest { __typename }',
};

/** Requests over HTTP, with the contract's headers, retries and one change of token. */
export class Transport {
  readonly positions = new PositionTracker();
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /** The URL of the title's GraphQL endpoint. */
  get endpoint(): string {
    return `${this.#options.titleUrl}/graphql`;
  }

  get token(): TokenSource {
    return this.#options.token;
  }

  /**
   * Whether what the server refused for its manifest may be asked again with another: a socket is
   * refused without a word of what the server has, so that is asked for. Throws `SCHEMA_MISMATCH` with
   * what differs. `named` is what the refused request named.
   */
  async agrees(error: TickloomError, named: string | null): Promise<boolean> {
    if (error.code !== 'SCHEMA_MISMATCH' || named === null) return false;
    if (this.#options.manifest.reachedBy(error)) return true;
    if (this.#options.manifest.hash === named) await this.execute(askOperation, {});
    return this.#options.manifest.hash !== named;
  }

  /** The manifest that requests name. */
  get manifestHash(): string | null {
    return this.#options.manifest.hash;
  }

  get fetch(): typeof fetch {
    return this.#options.fetch;
  }

  get retry(): RetryPolicy {
    return this.#options.retry;
  }

  get random(): () => number {
    return this.#options.random;
  }

  /** The answer's `data`, or the first of its errors, thrown. */
  async execute(
    { name, kind, document }: Operation,
    variables: Readonly<Record<string, unknown>>,
    options: CallOptions = {},
  ): Promise<Record<string, unknown>> {
    const body = JSON.stringify({ query: document, operationName: name, variables });
    const headers = {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json, application/json',
    };
    const request = { name, kind, path: 'graphql', headers, body, answerField: 'data' };
    return (await this.post(request, options)).data as Record<string, unknown>;
  }

  /** The answer, or the first of its errors, thrown. */
  post(request: ApiRequest, options: CallOptions = {}): Promise<Record<string, unknown>> {
    return traced(this.#options.tracer, request.name, (context) =>
      this.#send({ ...request, headers: { ...context, ...request.headers } }, options),
    );
  }

  /** One request, in as many tries as it takes. */
  async #send(request: ApiRequest, options: CallOptions): Promise<Record<string, unknown>> {
    const { retry, random, manifest } = this.#options;
    let tokenReplaced = false;
    let agreements = 0;
    for (let attempt = 1; ; attempt += 1) {
      const token = await this.#options.token.get();
      try {
        return await this.#try(request, token, attempt, options);
      } catch (error) {
        if (!(error instanceof TickloomError)) throw error;
        if (agreements < agreementsMax && manifest.reachedBy(error)) {
          agreements += 1;
          continue;
        }
        if (isTokenRefusal(error) && !tokenReplaced) {
          tokenReplaced = true;
          if ((await this.#options.token.replace(token)) === null) throw error;
          continue;
        }
        if (attempt >= retry.attemptsMax || !mayRetry(request.kind, error)) throw error;
        if ((error.retryAfterMs ?? 0) > retry.retryAfterMaxMs) throw error;
        await sleep(backoffMs(attempt, retry, error.retryAfterMs, random), options.signal);
      }
    }
  }

  /** Headers of any request to the API; `readAfter` for those that read. */
  headers(token: string, readAfter: boolean, queryClass?: QueryClass): Record<string, string> {
    const headers: Record<string, string> = { authorization: `Bearer ${token}` };
    const position = readAfter ? this.positions.header : null;
    if (position !== null) headers['x-tickloom-read-after'] = position;
    const manifest = this.#options.manifest.hash;
    if (manifest !== null) headers['x-tickloom-manifest'] = manifest;
    const lowered = queryClass ?? this.#options.class;
    if (lowered !== undefined) headers['x-tickloom-class'] = lowered;
    if (this.#options.role !== undefined) headers['x-tickloom-role'] = this.#options.role;
    return headers;
  }

  async #try(
    request: ApiRequest,
    token: string,
    attempt: number,
    options: CallOptions,
  ): Promise<Record<string, unknown>> {
    const started = performance.now();
    let status: number | null = null;
    let server: Readonly<Record<string, unknown>> = {};
    let failure: TickloomError | null = null;
    try {
      const url = `${this.#options.titleUrl}/${request.path}`;
      const response = await this.#options.post({
        url,
        headers: {
          ...this.headers(token, request.kind === 'query', options.class),
          ...request.headers,
        },
        body: request.body,
        timeoutMs: options.timeoutMs ?? this.#options.timeoutMs,
        signal: options.signal,
      });
      status = response.status;
      const unreadable = () => errorFromStatus(response.status, response.retryAfter, url);
      const answer = parseAnswer(response.text, request.answerField);
      if (answer === null) throw unreadable();
      if (isRecord(answer.extensions) && isRecord(answer.extensions.tickloom)) {
        server = answer.extensions.tickloom;
        this.positions.see(server.position);
      }
      const firstError: unknown = Array.isArray(answer.errors) ? answer.errors[0] : undefined;
      if (isRecord(firstError)) throw errorFromWire(firstError);
      const told = answer[request.answerField];
      if (!isRecord(told) && typeof told !== 'string') throw unreadable();
      return answer;
    } catch (error) {
      failure = asTransportError(error, request, options.signal);
      throw failure;
    } finally {
      this.#options.onResponse?.({
        operation: request.name,
        attempt,
        status,
        elapsedMs: performance.now() - started,
        server,
        error: failure,
      });
    }
  }
}

export function isTokenRefusal(error: TickloomError): boolean {
  return error.code === 'UNAUTHENTICATED' || error.code === 'TOKEN_EXPIRED';
}

function mayRetry(kind: OperationKind, error: TickloomError): boolean {
  if (!error.retryable) return false;
  if (kind !== 'once') return true;
  return error.category === 'overload' || error.details.connected === false;
}

function parseAnswer(text: string, field: string): Record<string, unknown> | null {
  try {
    const answer: unknown = JSON.parse(text);
    return isRecord(answer) && (field in answer || 'errors' in answer) ? answer : null;
  } catch {
    return null;
  }
}

/** Codes of failures before a connection stood: the server has seen nothing of the request. */
const notConnectedCodes = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH']);

export function asTransportError(
  error: unknown,
  operation: { readonly name: string },
  callerSignal: AbortSignal | undefined,
): TickloomError {
  if (error instanceof TickloomError) return error;
  if (callerSignal?.aborted) return abortedError(callerSignal);
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return new TickloomError('REQUEST_TIMEOUT', `${operation.name}: no answer in time`, {
      cause: error,
    });
  }
  const connected = !notConnectedCodes.has(systemCodeOf(error));
  return new TickloomError('NETWORK_FAILED', `${operation.name}: the connection failed`, {
    cause: error,
    details: { connected },
  });
}

/** Node's HTTP client puts the system's code on the error itself, `fetch` on its cause. */
function systemCodeOf(error: unknown): string {
  if (!isRecord(error)) return '';
  if (typeof error.code === 'string') return error.code;
  return isRecord(error.cause) && typeof error.cause.code === 'string' ? error.cause.code : '';
}
