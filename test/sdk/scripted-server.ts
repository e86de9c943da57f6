import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';

export interface ScriptedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The operation's name and variables. */
  readonly operation: string;
  readonly query: string;
  readonly variables: Record<string, unknown>;
}

/** `drop` cuts the connection without an answer; a function writes the answer itself. */
export type ScriptedAnswer =
  | 'drop'
  | ((response: ServerResponse) => unknown)
  | { readonly status?: number; readonly headers?: Record<string, string>; readonly body: unknown };

export type Script = (
  request: ScriptedRequest,
  index: number,
) => ScriptedAnswer | Promise<ScriptedAnswer>;

/** A real HTTP server that answers as a test says. */
export class ScriptedServer {
  readonly requests: ScriptedRequest[] = [];
  readonly #script: Script;
  readonly #server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const body = text === '' ? {} : JSON.parse(text);
      const request = {
        path: incoming.url ?? '',
        headers: incoming.headers,
        operation: String(body.operationName ?? ''),
        query: String(body.query ?? ''),
        variables: body.variables ?? {},
      };
      this.requests.push(request);
      void this.#answer(request, response);
    });
  });

  private constructor(script: Script) {
    this.#script = script;
  }

  static async start(script: Script): Promise<ScriptedServer> {
    const server = new ScriptedServer(script);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get http() {
    return this.#server;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: ScriptedRequest, response: ServerResponse): Promise<void> {
    const answer = await this.#script(request, this.requests.length - 1);
    // One turn, so that a dropped request has been seen as sent by its client.
    await setImmediate();
    if (answer === 'drop') {
      response.socket?.destroy();
    } else if (typeof answer === 'function') {
      answer(response);
    } else {
      const body = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
      response.writeHead(answer.status ?? 200, {
        'content-type': 'application/json',
        ...answer.headers,
      });
      response.end(body);
    }
  }
}

export function data(value: Record<string, unknown>, position?: string): ScriptedAnswer {
  return { body: { data: value, extensions: { tickloom: position ? { position } : {} } } };
}

export function failure(
  code: string,
  extensions: Record<string, unknown> = {},
  status = 200,
): ScriptedAnswer {
  const error = { message: `it is ${code}`, extensions: { code, ...extensions } };
  return { status, body: { data: null, errors: [error] } };
}
