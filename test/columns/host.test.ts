import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { availableParallelism, getPriority } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type ClickHouseClient, createClient } from '@clickhouse/client';
import { tableFromArrays, tableToIPC } from 'apache-arrow';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { EmbeddedHost } from '../../engine/columns/embedded-host.ts';
import { silentLogger } from '../../engine/columns/logger.ts';
import { childHosts, programOf } from './child-hosts.ts';
import { temporaryDirectory } from './stores.ts';

const directory = temporaryDirectory();
let host: EmbeddedHost;
let client: ClickHouseClient;

function connect(password: string): ClickHouseClient {
  return createClient({
    url: 'http://localhost',
    password,
    http_agent: new Agent({ socketPath: host.socketPath, maxSockets: 16 } as object),
    log: { level: 127 },
  });
}

beforeAll(async () => {
  host = await EmbeddedHost.start(directory.path, silentLogger);
  client = connect(host.secret);
});
afterAll(async () => {
  await client.close();
  await host.close();
  directory.remove();
});

it('says at once that it cannot start where its program cannot', async () => {
  const { execPath } = process;
  process.execPath = join(directory.path, 'no such program');
  try {
    const starting = EmbeddedHost.start(join(directory.path, 'other'), silentLogger);
    await expect(starting).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  } finally {
    process.execPath = execPath;
  }
});

async function rowsOf(query: string, query_params = {}, clickhouse_settings = {}) {
  const result = await client.query({
    query,
    query_params,
    clickhouse_settings,
    format: 'JSONEachRow',
  });
  return result.json();
}

const endless = 'SELECT number FROM numbers(1000000000000)';

interface ThreadState {
  readonly isRunning: boolean;
  readonly niceness: number;
  /** Hundredths of a second of processor. */
  readonly ticks: number;
  readonly isIdleClass: boolean;
}

/** Where it is not installed, niceness is all there is. */
const hasChrt = (process.env.PATH ?? '').split(':').some((path) => existsSync(join(path, 'chrt')));

function threadsOf(pid: number): Map<string, ThreadState> {
  const threads = new Map<string, ThreadState>();
  for (const id of readdirSync(`/proc/${pid}/task`)) {
    const stat = readFileSync(`/proc/${pid}/task/${id}/stat`, 'utf8');
    // After the name in parentheses: state, …, utime (14), stime (15), …, nice (19), …, policy (41).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    threads.set(id, {
      isRunning: fields[0] === 'R',
      ticks: Number(fields[11]) + Number(fields[12]),
      niceness: Number(fields[16]),
      isIdleClass: fields[38] === idlePolicy,
    });
  }
  return threads;
}

/** `SCHED_IDLE` of Linux. */
const idlePolicy = '5';

/** How many queries with this text run in the engine. */
async function runningCount(part: string): Promise<number> {
  const rows = await rowsOf(
    'SELECT count() AS n FROM system.processes WHERE query LIKE {part:String} AND query NOT LIKE {not:String}',
    { part: `%${part}%`, not: '%system.processes%' },
  );
  return Number((rows[0] as { n: string }).n);
}

describe('the host of chDB, spoken to by the unchanged ClickHouse client', () => {
  it('answers queries with parameters and settings of their own, side by side', async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        const rows = await rowsOf(
          "SELECT {n:UInt32} AS n, {s:String} AS s, getSetting('max_block_size') AS b",
          { n: i, s: `it's \\ ${i}\n` },
          { max_block_size: String(1000 + i) },
        );
        return rows[0];
      }),
    );
    expect(answers).toEqual(answers.map((_, i) => ({ n: i, s: `it's \\ ${i}\n`, b: 1000 + i })));
  });

  it('keeps no setting of one query for the next', async () => {
    await rowsOf('SELECT 1', {}, { max_block_size: '4321' });
    const [row] = await rowsOf("SELECT getSetting('max_block_size') AS b");
    expect(row).not.toEqual({ b: 4321 });
  });

  it('answers errors with their code and type', async () => {
    await expect(rowsOf('SELECT nothing')).rejects.toMatchObject({
      code: '47',
      type: 'UNKNOWN_IDENTIFIER',
    });
    await expect(rowsOf('SELEC 1')).rejects.toMatchObject({ code: '62' });
    await expect(rowsOf('SELECT 1', {}, { nothing: 1 })).rejects.toMatchObject({ code: '115' });
  });

  it('inserts rows in ClickHouse formats and in Arrow', async () => {
    await client.command({
      query: 'CREATE TABLE t (a UInt32, b String) ENGINE = MergeTree ORDER BY a',
    });
    await client.insert({ table: 't', values: [{ a: 1, b: 'x' }], format: 'JSONEachRow' });
    const arrow = tableToIPC(tableFromArrays({ a: Uint32Array.of(2, 3), b: ['y', 'z'] }), 'stream');
    const { stream } = await client.exec({
      query: 'INSERT INTO t (a, b) FORMAT ArrowStream',
      values: Readable.from([arrow]),
    });
    await text(stream);
    expect(await rowsOf('SELECT a, b FROM t ORDER BY a')).toEqual([
      { a: 1, b: 'x' },
      { a: 2, b: 'y' },
      { a: 3, b: 'z' },
    ]);
  });

  it("streams an answer larger than it would hold, at the reader's pace", async () => {
    const result = await client.query({
      query: 'SELECT number FROM numbers(3000000)',
      format: 'JSONEachRow',
    });
    let rows = 0;
    for await (const chunk of result.stream()) rows += chunk.length;
    expect(rows).toBe(3_000_000);
  });

  it('ends a query whose reader is gone', async () => {
    const { stream } = await client.exec({ query: `${endless} FORMAT TabSeparated` });
    await new Promise((resolve) => stream.once('data', resolve));
    expect(await runningCount('numbers(1000000000000)')).toBe(1);
    stream.destroy();
    await expect.poll(() => runningCount('numbers(1000000000000)'), { timeout: 10_000 }).toBe(0);
  });

  it('ends a query that was given up before its first row', async () => {
    const caller = new AbortController();
    const query = 'SELECT count() FROM numbers(1000000000001) WHERE NOT ignore(sipHash64(number))';
    const gone = expect(
      client.query({
        query,
        format: 'JSON',
        abort_signal: caller.signal,
        clickhouse_settings: { wait_end_of_query: 1 },
      }),
    ).rejects.toThrow();
    await expect.poll(() => runningCount('1000000000001'), { timeout: 10_000 }).toBe(1);
    caller.abort();
    await gone;
    await expect.poll(() => runningCount('1000000000001'), { timeout: 10_000 }).toBe(0);
  });

  it('kills a query by its id', async () => {
    const query = 'SELECT count() FROM numbers(1000000000002) WHERE NOT ignore(sipHash64(number))';
    const killed = expect(
      client.query({
        query,
        format: 'JSON',
        query_id: 'my-query',
        clickhouse_settings: { wait_end_of_query: 1 },
      }),
    ).rejects.toMatchObject({ code: '394' });
    await expect.poll(() => runningCount('1000000000002'), { timeout: 10_000 }).toBe(1);
    await client.command({
      query: 'KILL QUERY WHERE query_id = {id:String} SYNC',
      query_params: { id: 'my-query' },
    });
    await killed;
  });

  it('writes nothing in read-only mode', async () => {
    const settings = { readonly: '1' };
    await expect(
      rowsOf("SELECT * FROM file('/etc/hosts', 'LineAsString')", {}, settings),
    ).rejects.toMatchObject({ code: '164' });
    await expect(
      client.command({ query: 'DROP TABLE t', clickhouse_settings: settings }),
    ).rejects.toMatchObject({ code: '164' });
    // Streamed answers take another way out; it must be as closed.
    await expect(
      client.exec({
        query: "SELECT * FROM file('/etc/hosts', 'LineAsString') FORMAT TabSeparated",
        clickhouse_settings: settings,
      }),
    ).rejects.toMatchObject({ code: '164' });
  });

  it('refuses whoever does not know the secret', async () => {
    for (const password of ['', 'guess', `${host.secret}x`]) {
      const stranger = connect(password);
      await expect(stranger.query({ query: 'SELECT 1', format: 'JSON' })).rejects.toMatchObject({
        code: '516',
      });
      await stranger.close();
    }
    const status = await new Promise((resolve, reject) => {
      get({ socketPath: host.socketPath, path: '/?query=SELECT%201' }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).on('error', reject);
    });
    expect(status).toBe(403);
  });
});

describe('the child process', () => {
  it.runIf(existsSync('/proc/self/stat'))(
    'is started again when it is killed before it serves',
    async () => {
      const before = childHosts();
      const starting = EmbeddedHost.start(join(directory.path, 'killed'), silentLogger);
      const first = await vi.waitFor(
        () => {
          const [pid] = childHosts().filter((child) => !before.includes(child));
          expect(pid).toBeDefined();
          return pid as number;
        },
        { timeout: 10_000, interval: 1 },
      );
      process.kill(first, 'SIGKILL');
      const started = await starting;
      expect(started.pid).not.toBe(first);
      await started.close();
    },
  );

  it('is started again when it is killed, and holds what was inserted', async () => {
    const killed = host.pid as number;
    process.kill(killed, 'SIGKILL');
    await vi.waitFor(() => expect(host.pid).not.toBe(killed), 10_000);
    await host.whenUp();
    expect(host.pid).not.toBeNull();
    const [row] = await rowsOf('SELECT count() AS n FROM t');
    expect(row).toEqual({ n: 3 });
  });

  it('runs behind everything else', async () => {
    expect(getPriority(programOf(host.pid as number))).toBe(10);
  });

  it.runIf(existsSync('/proc/self/task'))('runs its queries behind everything else', async () => {
    const yields = hasChrt && availableParallelism() >= 2;
    const isYielding = () => {
      const threads = [...threadsOf(programOf(host.pid as number)).values()];
      return threads.every(({ isIdleClass }) => isIdleClass === yields);
    };
    host.yieldProcessors();
    await vi.waitFor(() => expect(isYielding()).toBe(true), 10_000);
    // So does the one that takes its place.
    const killed = host.pid as number;
    process.kill(killed, 'SIGKILL');
    await vi.waitFor(() => expect(host.pid).not.toBe(killed), 10_000);
    await host.whenUp();
    await vi.waitFor(() => expect(isYielding()).toBe(true), 10_000);
    const query = 'SELECT count() FROM numbers(1000000000002) WHERE NOT ignore(sipHash64(number))';
    const caller = new AbortController();
    const gone = expect(
      client.query({ query, format: 'JSON', abort_signal: caller.signal }),
    ).rejects.toThrow();
    // ClickHouse may set back the niceness of a thread between two tasks: those at work count.
    const atWork = await vi.waitFor(
      () => {
        const before = threadsOf(programOf(host.pid as number));
        const busy = [...before].filter(([, thread]) => thread.isRunning && thread.ticks > 20);
        expect(busy.length).toBeGreaterThan(0);
        return busy.map(([, thread]) => thread);
      },
      { timeout: 10_000 },
    );
    caller.abort();
    await gone;
    expect(new Set(atWork.map(({ niceness }) => niceness))).toEqual(new Set([10]));
    expect(new Set(atWork.map(({ isIdleClass }) => isIdleClass))).toEqual(new Set([yields]));
  });

  it('shows its secret to nobody who lists processes', async () => {
    expect(readFileSync(`/proc/${host.pid}/cmdline`, 'utf8')).not.toContain(host.secret);
  });

  it('leaves neither process nor socket behind when it is closed', async () => {
    const own = temporaryDirectory();
    const second = await EmbeddedHost.start(own.path, silentLogger);
    const pid = second.pid as number;
    await second.close();
    expect(() => process.kill(pid, 0)).toThrow();
    expect(existsSync(dirname(second.socketPath))).toBe(false);
    await expect(second.whenUp()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    own.remove();
  });
});
