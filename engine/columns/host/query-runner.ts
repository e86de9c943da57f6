import { createWriteStream, mkdirSync, readdirSync, rm, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ChdbResult, Session } from 'chdb';
import { quoteName, quoteText } from '../queries/sql-text.ts';
import { AnswerPipe } from './answer-pipe.ts';
import { type HostOptions, queriesMax } from './host-options.ts';
import { type HostRequest, RequestError } from './host-request.ts';
import { MemorySampler } from './memory-sampler.ts';
import { SessionPool } from './session-pool.ts';
import { parseStatement, type Statement } from './statement.ts';

export interface Answer {
  readonly format: string;
  /** The whole answer, or its pipe. */
  readonly body: Uint8Array | Readable;
  /** Null while a pipe's query runs. */
  readonly statistics: AnswerStatistics | null;
  /** Resolves when the query is over; rejects with its error. Settled already for a whole answer. */
  readonly done: Promise<void>;
  /** Stops reading: the query ends. */
  abandon(): void;
}

export interface AnswerStatistics {
  readonly rowsRead: number;
  readonly bytesRead: number;
  readonly elapsedSeconds: number;
  readonly memoryPeakBytes: number | null;
}

/** Runs requests on chDB. */
export class QueryRunner {
  readonly #options: HostOptions;
  readonly #sessions: SessionPool;
  readonly #sampler: MemorySampler;
  #running = 0;
  #files = 0;

  private constructor(options: HostOptions) {
    this.#options = options;
    this.#sessions = new SessionPool(options.dataDirectory, [
      `--max_server_memory_usage=${options.memoryBytesMax}`,
      `--max_threads=${options.threadsMax}`,
      // Merges and clean-up: enough to keep pace on a small machine, next to nothing when idle.
      `--background_pool_size=${options.threadsMax}`,
      '--background_merges_mutations_concurrency_ratio=1',
      '--background_move_pool_size=1',
      '--background_fetches_pool_size=1',
      '--background_common_pool_size=2',
      '--background_schedule_pool_size=4',
      // Where it may (as root), ClickHouse lifts its threads to a niceness of its own: 0 unless told.
      `--os_threads_nice_value_merge_mutate=${options.niceness}`,
      `--os_threads_nice_value_query=${options.niceness}`,
    ]);
    this.#sampler = new MemorySampler((sql) => this.#control(sql));
  }

  static async open(options: HostOptions): Promise<QueryRunner> {
    mkdirSync(options.scratchDirectory, { recursive: true, mode: 0o700 });
    // Emptied, not made anew: the folder around it may be another user's.
    for (const name of readdirSync(options.scratchDirectory)) {
      rmSync(join(options.scratchDirectory, name), { recursive: true, force: true });
    }
    const runner = new QueryRunner(options);
    await runner.#control('SELECT 1');
    return runner;
  }

  /** `aborted` ends when the client is gone: the query is killed. */
  async run(request: HostRequest, body: Readable, aborted: AbortSignal): Promise<Answer> {
    const statement = parseStatement(request.sql, request.bodyIsData);
    if (statement.kind === 'kill') return this.#kill(request, statement);
    // Inserts are few, one a table, and go before everything else.
    if (statement.kind !== 'insert' && this.#running >= queriesMax) {
      throw new RequestError(202, 'Too many simultaneous queries');
    }
    this.#running += 1;
    const onAbort = () => void this.#killById(request.queryId);
    aborted.addEventListener('abort', onAbort, { once: true });
    const over = () => {
      this.#running -= 1;
      aborted.removeEventListener('abort', onAbort);
    };
    try {
      if (statement.kind === 'insert') {
        return await this.#insert(request, statement, body, aborted).finally(over);
      }
      if (statement.kind === 'select' && !request.waitForEnd) {
        return await this.#stream(request, statement, over);
      }
      return await this.#whole(request, statement.sql, statement.format).finally(over);
    } catch (error) {
      if (statement.kind === 'select' && !request.waitForEnd) over();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#sampler.close();
    this.#sessions.close();
  }

  async #whole(request: HostRequest, sql: string, format: string | null): Promise<Answer> {
    const name = format ?? request.defaultFormat;
    return this.#withSession(request, new Map(), async (session) => {
      const result = await session.queryAsync(sql, { format: name });
      const answer = wholeAnswer(name, result, this.#sampler.end(request.queryId));
      if (answer.body.byteLength > this.#options.answerBytesMax) {
        throw new RequestError(396, 'the answer is too large');
      }
      return answer;
    });
  }

  /**
   * ClickHouse takes Arrow from files only, so the body becomes one, unless there is one. Settings
   * stand in the text: the session stays as it is, and an insert is one call of the engine.
   */
  async #insert(
    request: HostRequest,
    statement: Statement & { kind: 'insert' },
    body: Readable,
    aborted: AbortSignal,
  ): Promise<Answer> {
    const scratch = statement.path === null ? this.#scratchPath('insert') : null;
    const path = statement.path ?? scratch ?? '';
    const settings = new Map([...request.settings, ['log_comment', request.queryId]]);
    const assignments = Array.from(settings, ([name, value]) => `${name} = ${quoteText(value)}`);
    const source = `file(${quoteText(path)}, ${quoteText(statement.format)})`;
    const sql = `${statement.head} SETTINGS ${assignments.join(', ')} SELECT * FROM ${source}`;
    try {
      if (scratch) await pipeline(body, createWriteStream(scratch, { mode: 0o600 }));
      // There was nothing to kill yet; the client has been told nothing, and will send it again.
      if (aborted.aborted) throw new RequestError(394, 'Query was cancelled');
      if (request.database !== null || request.parameters.size > 0) {
        return await this.#whole(request, sql, null);
      }
      return await this.#insertOnce(sql, request.defaultFormat);
    } finally {
      if (scratch) rm(scratch, { force: true }, () => {});
    }
  }

  async #insertOnce(sql: string, format: string): Promise<Answer> {
    const session = this.#sessions.borrow();
    try {
      const result = await session.queryAsync(sql, { format: 'Null' });
      void this.#sessions.release(session, []);
      return wholeAnswer(format, result, null);
    } catch (error) {
      // A query that failed counts as running until its session runs another.
      await this.#sessions.release(session, ['log_comment']);
      throw error;
    }
  }

  async #stream(
    request: HostRequest,
    statement: Statement & { kind: 'select' },
    over: () => void,
  ): Promise<Answer> {
    const format = statement.format ?? request.defaultFormat;
    const settings = new Map(request.settings);
    if (settings.has('readonly')) {
      // The pipe is written by an INSERT, which a read-only session refuses; so the query is
      // first analysed, its table functions included, in a session that is read-only.
      await this.#withSession(request, new Map(), (session) =>
        session.queryAsync(`EXPLAIN ${statement.sql}`, { format: 'Null' }),
      );
      settings.delete('readonly');
    }
    const pipe = await AnswerPipe.create(this.#scratchPath('answer'));
    const target = `file(${quoteText(pipe.path)}, ${quoteText(format)})`;
    const sql = `INSERT INTO FUNCTION ${target} ${statement.sql}`;
    const done = this.#withSession({ ...request, settings }, streamSettings, async (session) => {
      await session.queryAsync(sql, { format: 'Null' });
    }).finally(() => {
      this.#sampler.end(request.queryId);
      pipe.finish();
      over();
    });
    done.catch(() => {});
    return {
      format,
      body: pipe.readable,
      statistics: null,
      done,
      abandon: () => pipe.destroy(),
    };
  }

  async #kill(request: HostRequest, statement: Statement & { kind: 'kill' }): Promise<Answer> {
    return this.#withSession(request, new Map(), async (session) => {
      const result = await session.queryAsync(statement.sql, { format: request.defaultFormat });
      return wholeAnswer(request.defaultFormat, result, null);
    });
  }

  async #killById(queryId: string): Promise<void> {
    await this.#control(`KILL QUERY WHERE Settings['log_comment'] = ${quoteText(queryId)}`).catch(
      () => {},
    ); // The query may be over.
  }

  async #control(sql: string): Promise<ChdbResult> {
    const session = this.#sessions.borrow();
    try {
      return await session.queryAsync(sql, { format: 'JSONCompactEachRow' });
    } finally {
      await this.#sessions.release(session, []);
    }
  }

  async #withSession<T>(
    request: HostRequest,
    defaults: ReadonlyMap<string, string>,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    const session = this.#sessions.borrow();
    const settings = new Map([
      ['allow_introspection_functions', '0'],
      ['implicit_select', '0'],
      ...defaults,
      ...request.settings,
      ['log_comment', request.queryId],
    ]);
    try {
      await session.queryAsync(preamble(request, settings), { format: 'Null' });
      this.#sampler.begin(request.queryId);
      return await work(session);
    } finally {
      this.#sampler.end(request.queryId);
      // The answer need not wait for the session to be made ready for the next one.
      void this.#sessions.release(session, settings.keys());
    }
  }

  #scratchPath(kind: string): string {
    this.#files += 1;
    return join(this.#options.scratchDirectory, `${kind}-${process.pid}-${this.#files}`);
  }
}

/** Blocks small enough to flow; the default gathers a million rows before writing any. */
const streamSettings: ReadonlyMap<string, string> = new Map([
  ['min_insert_block_size_rows', '65536'],
  ['min_insert_block_size_bytes', '0'],
  ['max_insert_threads', '1'],
]);

/** `readonly` comes last: behind it nothing can be set. */
function preamble(request: HostRequest, settings: ReadonlyMap<string, string>): string {
  const assignments: string[] = [];
  for (const [name, value] of request.parameters) {
    assignments.push(`param_${name} = ${quoteText(value)}`);
  }
  for (const [name, value] of settings) {
    if (name !== 'readonly') assignments.push(`${name} = ${quoteText(value)}`);
  }
  const statements = [`USE ${quoteName(request.database ?? 'default')}`];
  statements.push(`SET ${assignments.join(', ')}`);
  const readonly = settings.get('readonly');
  if (readonly !== undefined) statements.push(`SET readonly = ${quoteText(readonly)}`);
  return statements.join('; ');
}

function wholeAnswer(
  format: string,
  result: ChdbResult,
  memory: number | null,
): Answer & { readonly body: Uint8Array } {
  return {
    format,
    body: result.bytes(),
    statistics: {
      rowsRead: result.rowsRead,
      bytesRead: result.bytesRead,
      elapsedSeconds: result.elapsed,
      memoryPeakBytes: memory,
    },
    done: Promise.resolve(),
    abandon: () => {},
  };
}
