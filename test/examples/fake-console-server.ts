import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { handleProtocols } from 'graphql-ws';
import { type WebSocket, WebSocketServer } from 'ws';
import { viewColumns } from '../../engine/index.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';

const page = fileURLToPath(new URL('../../examples/live-dashboard/page/', import.meta.url));
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
};

/** Columns of the reference title's views, by name. */
const views: Readonly<Record<string, Readonly<Record<'key' | 'columns', string[]>>>> =
  Object.fromEntries(
    ashfall.views.map((view) => {
      const { key, values } = viewColumns(ashfall, view);
      const columns = [...key, ...values].map(({ name }) => name);
      return [view.name, { key: key.map(({ name }) => name), columns }];
    }),
  );

/** No stricter one fits a page that runs its own files and talks to its own server. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

export interface Subscribed {
  readonly id: string;
  readonly view: string;
  readonly variables: { readonly where: unknown; readonly cursor: string | null };
}

/**
 * What the page needs of a server, played by a script: its files, the sandbox's tokens, and
 * `graphql-transport-ws` whose frames the test writes. The server under the page is tested for
 * itself; this one can lose connections and refuse tokens on demand.
 */
export class FakeConsoleServer {
  /** Tokens that are taken; the sandbox hands out the last. */
  readonly tokens = ['token-1'];
  sandbox: 'open' | 'absent' = 'open';
  readonly subscribed: Subscribed[] = [];
  /** Answers a subscription at once. */
  onSubscribe: (subscription: Subscribed) => void = () => undefined;
  readonly #http = createServer((request, response) => void this.#answer(request, response));
  readonly #sockets = new WebSocketServer({ noServer: true, handleProtocols });

  constructor() {
    this.#http.on('upgrade', (request, socket, head) => {
      this.#sockets.handleUpgrade(request, socket, head, (opened) => this.#open(opened));
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#http.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.drop();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  /** Sends a frame to the newest subscription of a view. */
  frame(view: string, frame: object): void {
    const target = this.subscribed.filter((candidate) => candidate.view === view).at(-1);
    if (!target) throw new RangeError(`nobody subscribed to ${view}`);
    const whole = { cursor: 'c', position: '0:1', tick: null, rows: [], removed: [], ...frame };
    const payload = { data: { [`${view}Changes`]: whole } };
    this.#broadcast({ id: target.id, type: 'next', payload });
  }

  error(view: string, code: string): void {
    const target = this.subscribed.find((candidate) => candidate.view === view);
    const payload = [{ message: 'refused', extensions: { code, retryable: false } }];
    this.#broadcast({ id: target?.id, type: 'error', payload });
  }

  /** Cuts every connection, or closes it with a code of the protocol. */
  drop(code?: number, reason?: string): void {
    for (const socket of this.#sockets.clients) {
      if (code === undefined) socket.terminate();
      else socket.close(code, reason);
    }
  }

  #broadcast(message: object): void {
    for (const socket of this.#sockets.clients) socket.send(JSON.stringify(message));
  }

  #open(socket: WebSocket): void {
    socket.on('message', (data) => {
      const message = JSON.parse(String(data));
      if (message.type === 'connection_init') {
        const token = String(message.payload.authorization).replace('Bearer ', '');
        if (!this.tokens.includes(token)) return socket.close(4401, 'TOKEN_EXPIRED');
        socket.send(JSON.stringify({ type: 'connection_ack' }));
      }
      if (message.type === 'subscribe') {
        const view = /(\w+)Changes\(where/.exec(message.payload.query)?.[1] ?? '';
        const subscription = { id: message.id, view, variables: message.payload.variables };
        this.subscribed.push(subscription);
        this.onSubscribe(subscription);
      }
    });
  }

  /** The manifest, and of GraphQL over HTTP what the page asks: columns of types, sessions. */
  async #answerTitle(request: IncomingMessage, response: ServerResponse, file: string) {
    response.setHeader('content-type', 'application/json');
    const token = String(request.headers.authorization).replace('Bearer ', '');
    if (!this.tokens.includes(token)) {
      const error = { message: 'expired', extensions: { code: 'TOKEN_EXPIRED' } };
      response.writeHead(401).end(JSON.stringify({ errors: [error] }));
      return;
    }
    const names = Object.keys(views);
    if (file === 'manifest.json') {
      const roles = [{ name: 'liveops', views: names }];
      const listed = names.map((name) => ({ name }));
      response.end(JSON.stringify({ title: 'ashfall', views: listed, roles }));
      return;
    }
    let body = '';
    for await (const piece of request) body += piece;
    const { query } = JSON.parse(body) as { query: string };
    const types = [...query.matchAll(/([rk]\d+): __type\(name: "(\w+)"/g)].map(
      ([, alias, type]) => {
        const view = Object.entries(views).find(([name]) => {
          const rowType = name.charAt(0).toUpperCase() + name.slice(1);
          return type === rowType || type === `${rowType}Key`;
        })?.[1];
        const columns = alias?.startsWith('k') ? view?.key : view?.columns;
        return [alias, { fields: columns?.map((name) => ({ name })) }];
      },
    );
    const sessions = { nodes: [], pageInfo: { hasNextPage: false } };
    response.end(JSON.stringify({ data: { sessions, ...Object.fromEntries(types) } }));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', 'http://fake');
    if (request.method === 'POST' && pathname === '/sandbox/token' && this.sandbox === 'open') {
      response.end(this.tokens.at(-1));
      return;
    }
    if (pathname === '/sandbox/titles' && this.sandbox === 'open') {
      const roles = [{ name: 'liveops', views: Object.keys(views) }];
      response.end(JSON.stringify({ titles: [{ title: 'ashfall', roles }] }));
      return;
    }
    const file = /^(?:\/ashfall)?\/(manifest\.json|graphql)$/.exec(pathname)?.[1];
    if (file !== undefined) return this.#answerTitle(request, response, file);
    const name = pathname.replace(/^\/console\/?/, '') || 'index.html';
    try {
      const content = await readFile(`${page}${name}`);
      response.setHeader('content-type', types[extname(name)] ?? 'application/octet-stream');
      response.setHeader('content-security-policy', policy);
      response.end(content);
    } catch {
      response.writeHead(404).end();
    }
  }
}
