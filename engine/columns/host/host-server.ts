import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockDirectory } from '../../disk/directory-lock.ts';
import { EngineError } from '../../model/errors.ts';
import type { HostOptions } from './host-options.ts';
import { type HostRequest, isAuthorised, RequestError, readRequest } from './host-request.ts';
import { type Answer, type AnswerStatistics, QueryRunner } from './query-runner.ts';

export interface Host {
  close(): Promise<void>;
}

/** ClickHouse's HTTP interface, as much as `@clickhouse/client` uses of it, over chDB. */
export async function startHost(options: HostOptions): Promise<Host> {
  mkdirSync(options.dataDirectory, { recursive: true, mode: 0o700 });
  // The parent has waited for the child before this one, and keeps other servers out.
  const lock = await lockOnceFree(options.dataDirectory);
  const runner = await QueryRunner.open(options);
  const server = createServer({ maxHeaderSize: headerBytesMax }, (request, response) => {
    void serve(runner, options.secret, request, response);
  });
  // Requests may take as long as their query; connections stay open for the next one.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 0;
  rmSync(options.socketPath, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.socketPath, resolve);
  });
  return {
    async close() {
      await closeServer(server);
      await runner.close();
      await lock.release();
    },
  };
}

/** Parameters of a long query travel in its URL. */
const headerBytesMax = 4 * 1024 * 1024;

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  await closed;
}

async function serve(
  runner: QueryRunner,
  secret: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  response.on('error', () => gone.abort());
  try {
    if (!isAuthorised(request, secret)) {
      throw new RequestError(516, 'Authentication failed');
    }
    if (request.url === '/ping') {
      response.end('Ok.\n');
      return;
    }
    const asked = await readRequest(request, randomUUID());
    const answer = await runner.run(asked, request, gone.signal);
    if (answer.body instanceof Uint8Array) sendWhole(response, asked, answer, answer.body);
    else await sendStream(response, asked, answer, answer.body, gone.signal);
  } catch (error) {
    sendError(response, error);
  }
}

function sendWhole(
  response: ServerResponse,
  request: HostRequest,
  answer: Answer,
  body: Uint8Array,
): void {
  response.writeHead(200, {
    ...headers(request, answer),
    'x-clickhouse-summary': JSON.stringify(summary(answer.statistics)),
    'content-length': body.byteLength,
  });
  response.end(body);
}

/** The head goes out with the first byte, so that a query that fails before answers with its code. */
async function sendStream(
  response: ServerResponse,
  request: HostRequest,
  answer: Answer,
  body: Readable,
  gone: AbortSignal,
): Promise<void> {
  const tag = randomBytes(8).toString('hex');
  gone.addEventListener('abort', () => answer.abandon(), { once: true });
  if (gone.aborted) answer.abandon();
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      if (!response.headersSent) {
        response.writeHead(200, { ...headers(request, answer), 'x-clickhouse-exception-tag': tag });
      }
      if (!response.write(chunk)) await drained(response, gone);
    }
    await answer.done;
    if (!response.headersSent) response.writeHead(200, headers(request, answer));
    response.end();
  } catch (error) {
    answer.abandon();
    // The query's own error tells more than the pipe's.
    const cause = await answer.done.then(
      () => error,
      (reason: unknown) => reason,
    );
    if (!response.headersSent) throw cause;
    const message = `${errorText(cause)}\n`;
    const length = Buffer.byteLength(message);
    response.end(`\r\n__exception__\r\n${tag}\r\n${message}${length} ${tag}\r\n__exception__\r\n`);
  }
}

function drained(response: ServerResponse, gone: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(new Error('the client is gone'));
    if (gone.aborted) return stop();
    gone.addEventListener('abort', stop, { once: true });
    response.once('drain', () => {
      gone.removeEventListener('abort', stop);
      resolve();
    });
  });
}

function sendError(response: ServerResponse, error: unknown): void {
  if (response.destroyed) return;
  const text = errorText(error);
  response.writeHead(/^Code: 516/.test(text) ? 403 : 500, {
    'content-type': 'text/plain; charset=UTF-8',
    'x-clickhouse-exception-code': /^Code: (\d+)/.exec(text)?.[1] ?? '1002',
    // An insert's body may not have been read: the connection cannot serve another request.
    connection: 'close',
  });
  response.end(`${text}\n`);
}

function errorText(error: unknown): string {
  if (error instanceof RequestError) {
    return `Code: ${error.code}. DB::Exception: ${error.message} (REQUEST_REFUSED)`;
  }
  const text = error instanceof Error ? error.message : String(error);
  const start = text.indexOf('Code: ');
  return start >= 0 ? text.slice(start) : `Code: 1002. DB::Exception: ${text} (UNKNOWN_EXCEPTION)`;
}

function headers(request: HostRequest, answer: Answer): Record<string, string> {
  return {
    'content-type': 'application/octet-stream',
    'x-clickhouse-query-id': request.queryId,
    'x-clickhouse-format': answer.format,
  };
}

function summary(statistics: AnswerStatistics | null): Record<string, string> {
  if (!statistics) return {};
  const elapsed = Math.round(statistics.elapsedSeconds * 1e9);
  return {
    read_rows: String(statistics.rowsRead),
    read_bytes: String(statistics.bytesRead),
    elapsed_ns: String(elapsed),
    ...(statistics.memoryPeakBytes === null
      ? {}
      : { memory_usage: String(statistics.memoryPeakBytes) }),
  };
}

/** How long the child before, whose bubblewrap was killed as it began, may take to follow it. */
const diesWithinMs = 2_000;

/**
 * Takes the directory. A child that was killed before it held it may still hold it for a moment: the
 * kernel ends bubblewrap's program after bubblewrap.
 */
async function lockOnceFree(directory: string): ReturnType<typeof lockDirectory> {
  const deadlineMs = performance.now() + diesWithinMs;
  for (;;) {
    try {
      return await lockDirectory(directory);
    } catch (error) {
      if (!(error instanceof EngineError) || performance.now() > deadlineMs) throw error;
      await sleep(20);
    }
  }
}
