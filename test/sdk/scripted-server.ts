import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { isCommit, readWireTick, type WireTick } from './wire-tick.ts';

export interface ScriptedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The operation's name and variables; `CommitTick` is a request to the commit endpoint. */
  readonly operation: string;
  readonly query: string;
  readonly variables: Record<string, unknown>;
  /** The tick of a `CommitTick`, and the bytes it was read from. */
  readonly tick?: WireTick;
  readonly body: Buffer;
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
      const request = readRequest(incoming.url ?? '', incoming.headers, Buffer.concat(chunks));
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

function readRequest(path: string, headers: IncomingHttpHeaders, body: Buffer): ScriptedRequest {
  if (isCommit(path)) {
    const tick = readWireTick({ path, headers, body });
    return { path, headers, operation: 'CommitTick', query: '', variables: {}, tick, body };
  }
  const parsed = body.length === 0 ? {} : JSON.parse(body.toString());
  return {
    path,
    headers,
    operation: String(parsed.operationName ?? ''),
    query: String(parsed.query ?? ''),
    variables: parsed.variables ?? {},
    body,
  };
}

/** What the commit endpoint answers: no envelope of GraphQL. */
export function committed(payload: Record<string, unknown>): ScriptedAnswer {
  return { body: payload };
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
