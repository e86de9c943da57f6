import { errorFromStatus, errorFromWire, isRecord, TickloomError } from './errors.ts';
import type { FrameTransport, SubscribeRequest } from './frame-transport.ts';
import { readServerSentEvents } from './server-sent-events.ts';
import { asTransportError, type Transport } from './transport.ts';

/** Subscriptions as one streamed answer each: GraphQL over SSE, distinct connections. */
export class SseFrames implements FrameTransport {
  readonly #transport: Transport;
  readonly #idleMs: number;

  constructor(transport: Transport, idleMs: number) {
    this.#transport = transport;
    this.#idleMs = idleMs;
  }

  async *frames(
    request: SubscribeRequest,
    signal: AbortSignal,
  ): AsyncGenerator<unknown, undefined, undefined> {
    const connection = new AbortController();
    const onAbort = () => connection.abort();
    const onIdle = () => connection.abort(new DOMException('idle', 'TimeoutError'));
    signal.addEventListener('abort', onAbort, { once: true });
    let idle = setTimeout(onIdle, this.#idleMs);
    try {
      const body = await this.#open(request, connection.signal);
      for await (const event of readServerSentEvents(body)) {
        clearTimeout(idle);
        if (event.type === 'complete') return;
        if (event.type === 'next') yield frameOf(event.data, request.field);
        idle = setTimeout(onIdle, this.#idleMs);
      }
    } catch (error) {
      if (signal.aborted) return;
      throw asTransportError(error, request, undefined);
    } finally {
      clearTimeout(idle);
      signal.removeEventListener('abort', onAbort);
      connection.abort();
    }
  }

  async #open(request: SubscribeRequest, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const { endpoint, fetch } = this.#transport;
    const token = await this.#transport.token.get();
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: {
        ...this.#transport.headers(token, true),
        'content-type': 'application/json',
        accept: 'text/event-stream',
      },
      body: JSON.stringify({
        query: request.document,
        operationName: request.name,
        variables: request.variables,
      }),
      signal,
    });
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
    // A refusal may be told as the stream's first event, too.
    if (isStream && response.body) return response.body;
    const text = await response.text();
    throw (
      wireErrorOf(text) ??
      errorFromStatus(response.status, response.headers.get('retry-after'), endpoint)
    );
  }
}

function frameOf(data: string, field: string): unknown {
  const result: unknown = parseJson(data);
  const failure = isRecord(result) && Array.isArray(result.errors) ? result.errors[0] : undefined;
  if (isRecord(failure)) throw errorFromWire(failure);
  if (isRecord(result) && isRecord(result.data)) return result.data[field];
  throw new TickloomError('BAD_RESPONSE', 'an event of the subscription holds no frame');
}

function wireErrorOf(text: string): TickloomError | null {
  const answer = parseJson(text);
  const failure = isRecord(answer) && Array.isArray(answer.errors) ? answer.errors[0] : undefined;
  return isRecord(failure) ? errorFromWire(failure) : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
