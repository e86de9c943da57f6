import { randomUUID } from 'node:crypto';
import { Agent } from 'node:http';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { type ClickHouseClient, ClickHouseError, createClient } from '@clickhouse/client';
import { Ticket } from '../govern/ticket.ts';
import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { answerBytes } from './answer-bytes.ts';
import { answerTooLarge, type SqlAuthor, translateError } from './clickhouse-errors.ts';
import type { QueryBounds, QueryStatistics, RunningColumnQuery } from './column-queries.ts';
import { readStatistics } from './queries/statistics.ts';

export type ClientTarget =
  | { readonly kind: 'socket'; readonly socketPath: string; readonly secret: string }
  /** `http(s)://user:password@host:8123` */
  | { readonly kind: 'url'; readonly url: string };

export type ParameterValue =
  | string
  | number
  | boolean
  | null
  | bigint
  | readonly (string | number | bigint | boolean)[];

export interface ClientQuery {
  readonly sql: string;
  /** What operators see of it, where that is not `sql` itself. */
  readonly shown?: string;
  readonly author: SqlAuthor;
  /** Values of `{name:Type}` placeholders. */
  readonly parameters?: Readonly<Record<string, ParameterValue>>;
  readonly settings?: Readonly<Record<string, string | number>>;
  /** Texts among its settings and parameters that no error may show, nor a log of one. */
  readonly secrets?: readonly string[];
  readonly bounds?: QueryBounds;
  readonly database?: string;
  /** For whom it runs, and until when; without it, this room's own until it is answered. */
  readonly ticket?: Ticket;
  /** A short query of this room's own that operators need not see. */
  readonly housekeeping?: true;
}

export interface ClientResult {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** 64-bit integers are strings, so are NaN and infinities. */
  readonly rows: readonly (readonly unknown[])[];
  readonly statistics: QueryStatistics;
}

interface RunningEntry {
  readonly sql: string;
  readonly housekeeping: boolean;
  readonly startedAtMs: number;
  readonly abort: AbortController;
  cause: 'killed' | 'late' | 'caller' | 'hung' | null;
}

/**
 * The one way to ClickHouse, embedded or a cluster. Rejects with `EngineError`s; an error that is
 * none is a bug. A query ends in ClickHouse when it is killed, late, or its caller aborts.
 */
export class ColumnClient {
  readonly #client: ClickHouseClient;
  readonly #whenUp: () => Promise<void>;
  readonly #running = new Map<string, RunningEntry>();
  #trouble: () => string | null = () => null;
  #isClosed = false;

  /** `whenUp` resolves once ClickHouse serves; reads that find it restarting wait for that. */
  constructor(target: ClientTarget, whenUp: () => Promise<void> = () => Promise.resolve()) {
    this.#whenUp = whenUp;
    this.#client = createClient({
      ...connection(target),
      request_timeout: requestTimeoutMs,
      clickhouse_settings: {
        output_format_json_quote_64bit_integers: 1,
        output_format_json_quote_denormals: 1,
      },
      // Errors reach the caller; the client's own log would only repeat them.
      log: { level: 127 },
    });
  }

  /** Runs a query whose whole answer fits in memory. */
  async query(query: ClientQuery): Promise<ClientResult> {
    const started = performance.now();
    try {
      return await this.#queryOnce(query);
    } catch (error) {
      // A connection that breaks at once was broken before: ClickHouse never saw the query. One
      // that breaks later may have been broken by the query, which then must not run again.
      const atOnce = performance.now() - started < brokenBeforeMs;
      if (!atOnce || !(error instanceof EngineError) || error.code !== 'UNAVAILABLE') throw error;
      await this.#whenUp();
      return this.#queryOnce(query);
    }
  }

  async #queryOnce(query: ClientQuery): Promise<ClientResult> {
    return this.#track(query, async (queryId, signal) => {
      const started = performance.now();
      const { stream, response_headers } = await this.#client.exec({
        query: `${query.sql}\nFORMAT JSONCompact`,
        query_id: queryId,
        query_params: { ...query.parameters },
        use_multipart_params_auto: true,
        abort_signal: signal,
        clickhouse_settings: {
          ...boundSettings(query),
          ...query.settings,
          wait_end_of_query: 1,
          cancel_http_readonly_queries_on_client_close: 1,
        },
        ...queryHeaders(query),
      });
      const body = JSON.parse(await wholeAnswer(stream)) as JsonAnswer;
      return {
        columns: body.meta ?? [],
        rows: body.data,
        statistics: readStatistics(
          queryId,
          response_headers,
          body.statistics,
          performance.now() - started,
        ),
      };
    });
  }

  /** Runs a statement that answers nothing. */
  async command(sql: string, settings: Readonly<Record<string, string | number>> = {}) {
    await this.#track({ sql, author: 'engine' }, async (queryId, signal) => {
      await this.#client.command({
        query: sql,
        query_id: queryId,
        abort_signal: signal,
        clickhouse_settings: { ...settings, wait_end_of_query: 1 },
      });
    });
  }

  /**
   * Inserts a body in a ClickHouse format; resolves once it is in. `sql` ends with `FORMAT …`. Null:
   * there is no body, the text names a file that the embedded host reads (`FROM INFILE '…'`).
   */
  async insert(
    sql: string,
    queryId: string,
    body: (() => Readable) | null,
    settings: Readonly<Record<string, string | number>>,
  ): Promise<void> {
    await this.#track(
      { sql, author: 'engine' },
      async (id, signal) => {
        const { stream } = await this.#client.exec({
          query: sql,
          ...(body ? { values: body() } : {}),
          query_id: id,
          abort_signal: signal,
          clickhouse_settings: { ...settings, wait_end_of_query: 1 },
        });
        stream.resume();
        await finished(stream);
      },
      queryId,
    );
  }

  /**
   * Runs a query whose answer streams in the format its text names; the bytes must be read to
   * their end or given up (`return`), as ClickHouse works at the reader's pace.
   */
  async stream(query: ClientQuery): Promise<AsyncGenerator<Uint8Array>> {
    const queryId = randomUUID();
    const entry = this.#begin(queryId, query);
    const release = this.#watch(queryId, entry, query);
    const explained = (error: unknown) =>
      explain(entry, withoutSecrets(error, query), query.author);
    try {
      const { stream, response_headers } = await this.#client.exec({
        query: query.sql,
        query_id: queryId,
        query_params: { ...query.parameters },
        abort_signal: entry.abort.signal,
        clickhouse_settings: {
          ...boundSettings(query),
          ...query.settings,
          cancel_http_readonly_queries_on_client_close: 1,
        },
        ...queryHeaders(query),
      });
      entry.abort.signal.addEventListener('abort', () => stream.destroy(), { once: true });
      stream.once('close', release);
      const tag = response_headers['x-clickhouse-exception-tag'];
      return answerBytes(stream, typeof tag === 'string' ? tag : null, explained);
    } catch (error) {
      release();
      throw explained(error);
    }
  }

  /** What runs through this client, oldest first. */
  async running(): Promise<readonly RunningColumnQuery[]> {
    const entries = [...this.#running].filter(
      ([, entry]) => entry.cause === null && !entry.housekeeping,
    );
    if (entries.length === 0) return [];
    const now = Date.now();
    const memory = await this.#memoryOfRunning();
    return entries.map(([queryId, entry]) => ({
      queryId,
      query: entry.sql,
      elapsedMs: now - entry.startedAtMs,
      memoryBytes: memory.get(queryId) ?? null,
    }));
  }

  /** True when such a query ran here and was told to stop. */
  async kill(queryId: string): Promise<boolean> {
    const entry = this.#running.get(queryId);
    if (!entry) return false;
    await this.#stop(queryId, entry, 'killed');
    return true;
  }

  async isAlive(): Promise<boolean> {
    const abort_signal = AbortSignal.timeout(controlMsMax);
    return (await this.#client.ping({ select: false, abort_signal })).success;
  }

  /** Resolves with any answer, an error among them; rejects where none comes. */
  async answers(signal: AbortSignal): Promise<void> {
    const ticket = Ticket.internal('the pulse', { signal });
    try {
      await this.query({ sql: 'SELECT 1', author: 'engine', housekeeping: true, ticket });
    } catch (error) {
      const isSilent = !(error instanceof EngineError) || noAnswer.has(error.code);
      if (isSilent) throw error;
    }
  }

  /** Users' queries are refused at once, as `UNAVAILABLE`, while `trouble` tells of some. */
  refuseWhile(trouble: () => string | null): void {
    this.#trouble = trouble;
  }

  /** What waits for a ClickHouse that hangs ends as `UNAVAILABLE`. */
  breakOff(): void {
    for (const entry of this.#running.values()) {
      entry.cause ??= 'hung';
      entry.abort.abort();
    }
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const entry of this.#running.values()) {
      entry.cause ??= 'caller';
      entry.abort.abort();
    }
    await this.#client.close();
  }

  async #track<T>(
    query: ClientQuery,
    work: (queryId: string, signal: AbortSignal) => Promise<T>,
    queryId: string = randomUUID(),
  ): Promise<T> {
    const entry = this.#begin(queryId, query);
    const release = this.#watch(queryId, entry, query);
    try {
      return await work(queryId, entry.abort.signal);
    } catch (error) {
      throw explain(entry, withoutSecrets(error, query), query.author);
    } finally {
      release();
    }
  }

  #begin(queryId: string, query: ClientQuery): RunningEntry {
    const end = query.ticket?.end ?? null;
    if (end !== null) throw end === 'left' ? givenUp() : tookTooLong();
    if (this.#isClosed) throw new EngineError('UNAVAILABLE', 'the column store is closed');
    const trouble = query.bounds === undefined ? null : this.#trouble();
    if (trouble !== null) throw new EngineError('UNAVAILABLE', trouble, { retryAfterMs: 1_000 });
    const entry: RunningEntry = {
      sql: (query.shown ?? query.sql).slice(0, limits.sqlShownLengthMax),
      housekeeping: query.housekeeping ?? false,
      startedAtMs: Date.now(),
      abort: new AbortController(),
      cause: null,
    };
    this.#running.set(queryId, entry);
    return entry;
  }

  #watch(queryId: string, entry: RunningEntry, query: ClientQuery): () => void {
    // ClickHouse keeps its own clock; this one is for a ClickHouse that no longer answers.
    const release = query.ticket?.whenOver((end) => {
      void this.#stop(queryId, entry, end === 'left' ? 'caller' : 'late');
    }, graceMs);
    const spans = query.ticket?.trace.spans ?? null;
    const startedMs = spans === null ? 0 : performance.now();
    return () => {
      release?.();
      this.#running.delete(queryId);
      spans?.add('clickhouse.query', startedMs, performance.now(), {
        'db.system.name': 'clickhouse',
        'tickloom.query_id': queryId,
      });
    };
  }

  async #stop(
    queryId: string,
    entry: RunningEntry,
    cause: 'killed' | 'late' | 'caller',
  ): Promise<void> {
    if (entry.cause !== null) return;
    entry.cause = cause;
    const killed = this.killOnServer(queryId);
    entry.abort.abort();
    await killed.catch(() => {}); // The aborted request ends it too.
  }

  /** Tells ClickHouse to stop a query, whoever runs it. */
  killOnServer(queryId: string): Promise<void> {
    return this.#killWhere('query_id = {id:String}', queryId);
  }

  /** Stops every query whose id begins with `idStart`. */
  killOnServerAll(idStart: string): Promise<void> {
    return this.#killWhere('startsWith(query_id, {id:String})', idStart);
  }

  async #killWhere(condition: string, id: string): Promise<void> {
    const { stream } = await this.#client.exec({
      query: `KILL QUERY WHERE ${condition}`,
      query_params: { id },
      abort_signal: AbortSignal.timeout(controlMsMax),
    });
    stream.resume();
    await finished(stream);
  }

  /** The embedded host marks queries by `log_comment`, a server knows them by id. */
  async #memoryOfRunning(): Promise<ReadonlyMap<string, number>> {
    try {
      const result = await this.#client.query({
        query: `SELECT if(Settings['log_comment'] = '', query_id, Settings['log_comment']), memory_usage FROM system.processes`,
        format: 'JSONCompactEachRow',
        abort_signal: AbortSignal.timeout(controlMsMax),
      });
      const rows = await result.json<[string, string]>();
      return new Map(rows.map(([id, bytes]) => [id, Number(bytes)]));
    } catch {
      return new Map(); // The list without memory is worth more than none.
    }
  }
}

/** `JSONCompact` of ClickHouse, as much of it as is read. */
interface JsonAnswer {
  readonly meta?: readonly { readonly name: string; readonly type: string }[];
  readonly data: readonly (readonly unknown[])[];
  readonly statistics?: {
    readonly elapsed: number;
    readonly rows_read: number;
    readonly bytes_read: number;
  };
}

/** An answer as text, given up as soon as it is larger than one may be. */
async function wholeAnswer(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > limits.columnsAnswerBytesMax) throw answerTooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes).toString('utf8');
}

const brokenBeforeMs = 100;
const requestTimeoutMs = 3_600_000;
const graceMs = 5_000;
/** What is asked beside queries, about them or of ClickHouse itself, answers at once or not at all. */
const controlMsMax = 5_000;
const noAnswer: ReadonlySet<string> = new Set(['UNAVAILABLE', 'QUERY_KILLED']);

function connection(target: ClientTarget) {
  if (target.kind === 'url') return { url: target.url, max_open_connections: connectionsMax };
  const options = { socketPath: target.socketPath, keepAlive: true, maxSockets: connectionsMax };
  return {
    url: 'http://localhost',
    username: 'default',
    password: target.secret,
    http_agent: new Agent(options),
  };
}

const connectionsMax = 64;

/** ClickHouse takes the trace context of a request, too, and notes it where it is set up to. */
function queryHeaders({ database, ticket }: ClientQuery) {
  const traceparent = ticket?.trace.spans?.traceparent;
  return {
    http_headers: {
      ...(database === undefined ? {} : { 'x-clickhouse-database': database }),
      ...(traceparent === undefined ? {} : { traceparent }),
    },
  };
}

function boundSettings({ bounds, ticket }: ClientQuery): Record<string, string | number> {
  const settings: Record<string, string | number> = {};
  const leftMs = ticket?.leftMs ?? Number.POSITIVE_INFINITY;
  if (Number.isFinite(leftMs)) {
    settings.max_execution_time = Math.max(1, Math.ceil(leftMs)) / 1000;
    settings.timeout_overflow_mode = 'throw';
  }
  if (bounds) {
    settings.max_memory_usage = bounds.memoryBytesMax;
    settings.max_rows_to_read = bounds.rowsReadMax;
    settings.read_overflow_mode = 'throw';
    settings.max_threads = bounds.threadsMax;
  }
  return settings;
}

function explain(entry: RunningEntry, error: unknown, author: SqlAuthor): unknown {
  switch (entry.cause) {
    case 'killed':
      return new EngineError('QUERY_KILLED', 'the query was killed', { cause: error });
    case 'late':
      return tookTooLong(error);
    case 'caller':
      return givenUp(error);
    case 'hung':
      return new EngineError('UNAVAILABLE', 'the column store hangs and was broken off', {
        cause: error,
        retryAfterMs: 1_000,
      });
    case null:
      return translateError(error, author);
  }
}

/**
 * An error as it is, unless it might show a secret that the query had: ClickHouse prints the arguments of
 * a function that fails. Then its code is kept, and its words are not.
 */
function withoutSecrets(error: unknown, { secrets = [] }: ClientQuery): unknown {
  if (secrets.length === 0 || !(error instanceof ClickHouseError)) return error;
  const text = `${error.message}\n${error.stack ?? ''}`;
  const mayTell = /\b(?:SHA256|unhex|getSetting|JSONExtractString)\b/.test(text);
  if (!mayTell && !secrets.some((secret) => text.includes(secret))) return error;
  const { code, type } = error;
  const options = type === undefined ? { code } : { code, type };
  return new ClickHouseError({ message: 'the query failed', ...options });
}

function tookTooLong(cause?: unknown): EngineError {
  const options = { cause, retryAfterMs: 1_000 };
  return new EngineError('QUERY_TIMEOUT', 'the query took longer than its class allows', options);
}

function givenUp(cause?: unknown): EngineError {
  return new EngineError('QUERY_KILLED', 'the query was given up', { cause });
}
