import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { processTree, programOf } from './child-hosts.ts';
import { pathWithoutBubblewrap } from './path-without-bubblewrap.ts';
import { temporaryDirectory } from './stores.ts';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const isRoot = process.getuid?.() === 0;
/** A server that is not root: where these tests are, it is a user that owns nothing else. */
const server = isRoot ? { uid: 61_999, gid: 61_999 } : {};
const works = bubblewrapWorks();
if (!works) console.warn('skipped: bubblewrap is not installed here, or does not work');

function bubblewrapWorks(): boolean {
  const words = ['--unshare-all', '--ro-bind', '/', '/', 'true'];
  return spawnSync('bwrap', words, { ...server, cwd: '/' }).status === 0;
}

interface Answer {
  readonly row?: unknown;
  readonly error?: string;
}

/** A process that hosts ClickHouse as a server does. */
class Server {
  readonly process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(dataDirectory: string, demand = 'auto', path = process.env.PATH) {
    const words = ['--import', here('../log/process/load-typescript.mjs')];
    this.process = spawn(
      process.execPath,
      [...words, here('isolated-host.mjs'), dataDirectory, demand],
      { ...server, env: { ...process.env, PATH: path }, stdio: ['pipe', 'pipe', 'inherit'] },
    );
    const output = this.process.stdout;
    if (!output) throw new Error('it has no output');
    this.#lines = createInterface({ input: output })[Symbol.asyncIterator]();
  }

  async next(): Promise<Record<string, unknown>> {
    const { value } = await this.#lines.next();
    return JSON.parse(value) as Record<string, unknown>;
  }

  async ask(question: object): Promise<Answer> {
    this.process.stdin?.write(`${JSON.stringify(question)}\n`);
    return (await this.next()) as Answer;
  }

  async stop(): Promise<void> {
    const ended = once(this.process, 'exit');
    this.process.stdin?.end();
    await ended;
  }
}

function stopAll(pids: readonly number[]): void {
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
}

const data = temporaryDirectory();
const canary = join(data.path, 'issuer-key.json');

function ownedByServer(path: string): void {
  if (isRoot) chownSync(path, 61_999, 61_999);
}

beforeAll(() => {
  ownedByServer(data.path);
  writeFileSync(canary, 'CANARY', { mode: 0o600 });
  ownedByServer(canary);
});
afterAll(() => data.remove());

describe.runIf(works)('where bubblewrap works, the child of a server that is not root', () => {
  let running: Server;
  let outer: number;
  const child = () => programOf(outer);

  beforeAll(async () => {
    running = new Server(data.path, 'required');
    const told = await running.next();
    expect(told).toMatchObject({ kind: 'bubblewrap' });
    expect(told.detail).toMatch(/^bubblewrap: /);
    outer = told.pid as number;
  });
  afterAll(() => running.stop());

  it.each([
    ['a file of the data directory', canary],
    ['the users of the machine', '/etc/passwd'],
    ['its own parent', `/proc/${process.pid}/environ`],
    ['the sources it does not run', here('bubblewrap.test.ts')],
  ])('cannot read %s, which the server can', async (_, path) => {
    if (path === canary) expect(await running.ask({ read: path })).toEqual({ row: 'CANARY' });
    const { error } = await running.ask({ sql: `SELECT file('${path}')` });
    expect(error).toMatch(/No such file|doesn't exist|errno: 2\b/);
  });

  it('sees its own processes alone, and a file system with nothing of its users', async () => {
    const { row } = await running.ask({ sql: "SELECT file('/proc/1/cmdline')" });
    expect(row).toContain('bwrap');
    for (const kind of ['mnt', 'pid', 'net', 'ipc', 'user']) {
      const namespace = `/proc/${child()}/ns/${kind}`;
      if (isRoot) expect(readlinkSync(namespace)).not.toBe(readlinkSync(`/proc/self/ns/${kind}`));
    }
    if (!isRoot) return;
    const root = `/proc/${child()}/root`;
    expect(readdirSync(root)).not.toContain('home');
    expect(readdirSync(root)).not.toContain('root');
    expect(readdirSync(join(root, data.path))).toEqual(['columns']);
    expect(readdirSync(join(root, data.path, 'columns')).sort()).toEqual([
      'clickhouse',
      'handed',
      'scratch',
    ]);
  });

  it('reaches no port of this machine', async () => {
    let requests = 0;
    const listener = createServer((_request, response) => {
      requests += 1;
      response.end('1');
    });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const { port } = listener.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/`;
    expect(await (await fetch(url)).text()).toBe('1');
    const { error } = await running.ask({
      sql: `SELECT * FROM url('${url}', 'LineAsString', 'a String') SETTINGS http_max_tries = 1`,
    });
    expect(error).toBeDefined();
    expect(requests).toBe(1);
    listener.close();
  });

  it('reads a block that it is handed, and cannot change it', async () => {
    const block = join(data.path, 'titles/game/columns/spool/block');
    writeFileSync(block, 'rows', { mode: 0o640 });
    ownedByServer(block);
    const { row: path } = await running.ask({ handOver: 'block' });
    expect(await running.ask({ sql: `SELECT file('${path}')` })).toEqual({ row: 'rows' });
    const into = `INSERT INTO FUNCTION file('${path}', 'LineAsString', 'a String') SELECT 'x'`;
    expect((await running.ask({ command: into })).error).toBeDefined();
    expect(readFileSync(block, 'utf8')).toBe('rows');
  });

  it('is started again when it is killed, and has what it had', async () => {
    await running.ask({
      command: 'CREATE TABLE default.kept (a Int8) ENGINE = MergeTree ORDER BY a',
    });
    await running.ask({ command: 'INSERT INTO default.kept SELECT 7' });
    const inner = child();
    process.kill(inner, 'SIGKILL');
    await vi.waitFor(async () => {
      const { row } = await running.ask({ pid: true });
      expect(row).not.toBe(outer);
      outer = row as number;
    }, 10_000);
    expect(await running.ask({ sql: 'SELECT sum(a) FROM default.kept' })).toEqual({ row: '7' });
  });

  it.each([
    ['it runs', () => {}],
    ['it hangs', stopAll],
  ])('ends with a server that is killed while %s, and the next one serves', async (_, before) => {
    const pids = processTree(outer);
    expect(pids.length, 'bubblewrap, its first process, and the child').toBe(3);
    before(pids.slice(1));
    running.process.kill('SIGKILL');
    await vi.waitFor(() => {
      for (const pid of pids) expect(existsSync(`/proc/${pid}/exe`)).toBe(false);
    }, 10_000);
    running = new Server(data.path, 'required');
    outer = (await running.next()).pid as number;
    expect(await running.ask({ sql: 'SELECT sum(a) FROM default.kept' })).toEqual({ row: '7' });
  });
});

describe('where nothing isolates the child of a server that is not root', () => {
  const other = join(data.path, 'other');
  const path = pathWithoutBubblewrap(data.path);

  it('it is told what would help', async () => {
    mkdirSync(other);
    ownedByServer(other);
    const running = new Server(other, 'auto', path);
    const { kind, detail } = await running.next();
    expect(kind).toBe('none');
    expect(detail).toMatch(
      /^none: .*as the server's user; bubblewrap \(bwrap\) is not installed\. Install bubblewrap/,
    );
    await running.stop();
  });

  it('it is not started where isolation is required', async () => {
    const running = new Server(other, 'required', path);
    expect((await running.next()).error).toMatch(
      /cannot be isolated, which TICKLOOM_COLUMNS_ISOLATION=required demands: none: /,
    );
    expect(await once(running.process, 'exit')).toEqual([1, null]);
  });
});
