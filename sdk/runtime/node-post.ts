import type { HttpPost, PostRequest, PostResponse } from './http-post.ts';

/** What is used of Node's `http`; the SDK is compiled without Node's types, for browsers. */
interface NodeHttp {
  readonly Agent: new (options: object) => object;
  request(url: string, options: object, onResponse: (response: Incoming) => void): Outgoing;
}

interface Outgoing {
  on(event: 'error', listener: (error: Error) => void): void;
  end(body: string | Uint8Array): void;
  destroy(error: unknown): void;
}

interface Incoming {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  setEncoding(encoding: 'utf8'): void;
  on(event: 'data', listener: (chunk: string) => void): void;
  on(event: 'end' | 'aborted', listener: () => void): void;
  on(event: 'error', listener: (error: Error) => void): void;
}

export function runsOnNode(): boolean {
  const { process } = globalThis as { process?: { versions?: { node?: string } } };
  return process?.versions?.node !== undefined;
}

/**
 * By Node's own HTTP client, over connections that are kept: a small tick costs a quarter of the
 * processor time it costs through Node's `fetch`.
 */
export function nodePost(connectionsMax: number): HttpPost {
  const clients = new Map<string, Promise<NodeClient>>();
  return async (request) => {
    const scheme = request.url.startsWith('https:') ? 'https' : 'http';
    let client = clients.get(scheme);
    if (!client) {
      client = NodeClient.load(scheme, connectionsMax);
      clients.set(scheme, client);
    }
    return await (await client).post(request);
  };
}

class NodeClient {
  readonly #http: NodeHttp;
  readonly #agent: object;

  private constructor(http: NodeHttp, connectionsMax: number) {
    this.#http = http;
    this.#agent = new http.Agent({ keepAlive: true, maxSockets: connectionsMax });
  }

  static async load(scheme: 'http' | 'https', connectionsMax: number): Promise<NodeClient> {
    // Held in a variable, so that bundlers for browsers do not look for it.
    const moduleName = `node:${scheme}`;
    const http = (await import(/* @vite-ignore */ moduleName)) as NodeHttp;
    return new NodeClient(http, connectionsMax);
  }

  post({ url, headers, body, timeoutMs, signal }: PostRequest): Promise<PostResponse> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      let request: Outgoing | null = null;
      let settled = false;
      /** Whatever comes first decides; a request whose answer is not whole is cut off. */
      const settle = (decide: () => void) => {
        if (settled) return;
        settled = true;
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        decide();
      };
      const fail = (error: unknown) =>
        settle(() => {
          reject(error);
          request?.destroy(undefined);
        });
      const onAbort = () => fail(signal?.reason);
      const timer = setTimeout(() => {
        fail(new DOMException('no answer in time', 'TimeoutError'));
      }, timeoutMs);
      signal?.addEventListener('abort', onAbort, { once: true });
      try {
        // What is given to `end` is the whole body, so Node states its length by itself.
        request = this.#http.request(
          url,
          { method: 'POST', headers, agent: this.#agent },
          (response) => {
            let text = '';
            response.setEncoding('utf8');
            response.on('data', (chunk) => {
              text += chunk;
            });
            response.on('error', fail);
            response.on('aborted', () => fail(new Error('the answer was cut off')));
            response.on('end', () => {
              const retryAfter = response.headers['retry-after'] ?? null;
              settle(() => resolve({ status: response.statusCode, retryAfter, text }));
            });
          },
        );
        request.on('error', fail);
        request.end(body);
      } catch (error) {
        fail(error);
      }
    });
  }
}
