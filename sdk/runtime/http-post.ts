export interface PostRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  /** How long the whole exchange may take. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

export interface PostResponse {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly text: string;
}

/**
 * Sends one POST and reads its answer. Rejects with a `DOMException` named `TimeoutError` after
 * `timeoutMs`, and with any error when the signal aborts or the connection fails.
 */
export type HttpPost = (request: PostRequest) => Promise<PostResponse>;

/** Posts by `fetch`: in browsers, and wherever a `fetch` of the caller's own is given. */
export function fetchPost(fetch: typeof globalThis.fetch): HttpPost {
  return async ({ url, headers, body, timeoutMs, signal }) => {
    const timeout = AbortSignal.timeout(timeoutMs);
    const response = await fetch(url, {
      method: 'POST',
      headers,
      // Its memory is this process's own, never shared. TypeScript before 5.7 has no word for that,
      // so the declarations do not say it.
      body: body as BodyInit,
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    return {
      status: response.status,
      retryAfter: response.headers.get('retry-after'),
      text: await response.text(),
    };
  };
}
