import { servingLimits } from '../serving-limits.ts';

export const providerTimeoutMs = 5_000;

/** What the libraries that ask providers say of a request. */
interface ProviderRequest {
  readonly method?: string;
  readonly headers?: RequestInit['headers'] | undefined;
  /** Whatever `fetch` takes; the libraries' own types of it are wider than its. */
  readonly body?: unknown;
  readonly signal?: AbortSignal | null | undefined;
}

/**
 * `fetch` from a provider: no redirect is followed, and an answer is held up to a bound, in bytes
 * and in time: a provider that answers nonsense must not fill the memory.
 */
export async function fetchFromProvider(url: string, init: ProviderRequest): Promise<Response> {
  const timeout = AbortSignal.timeout(providerTimeoutMs);
  const signal = init.signal ? AbortSignal.any([init.signal, timeout]) : timeout;
  const { method = 'GET', headers = {} } = init;
  const sent = (init.body ?? null) as Extract<RequestInit['body'], string> | null;
  const response = await fetch(url, { method, headers, body: sent, signal, redirect: 'manual' });
  const body = await boundedBody(response);
  const { status, statusText } = response;
  // A response of these statuses has no body, and is refused one.
  const content = [204, 205, 304].includes(status) ? null : body;
  return new Response(content, { status, statusText, headers: response.headers });
}

async function boundedBody({ body }: Response): Promise<Uint8Array<ArrayBuffer>> {
  const { providerAnswerBytesMax } = servingLimits;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > providerAnswerBytesMax) {
      throw new Error(`the answer is larger than ${providerAnswerBytesMax} bytes`);
    }
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}
