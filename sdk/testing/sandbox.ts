import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

export interface SandboxOptions {
  /** The manifest of the title: a `.ts`, `.js` or `.json` file. Left out: the reference title. */
  readonly manifest?: string | undefined;
  /** The folder whose `node_modules` has the package `tickloom`. Default: the working directory. */
  readonly directory?: string | undefined;
  /** Settings of the server, as flags: `['--canary', 'on']`. */
  readonly flags?: readonly string[] | undefined;
  /** How long the start may take. Default: 60,000. */
  readonly startMs?: number | undefined;
}

export interface TokenOptions {
  /** Who the token says you are. Default: `test`. */
  readonly subject?: string | undefined;
  /** The token's claim `player_id`. */
  readonly playerId?: number | undefined;
}

/** A running server with data of its own, which `stop` removes. */
export interface Sandbox {
  /** Where it listens: a free port of this machine. */
  readonly url: string;
  /** The title that it serves. */
  readonly title: string;
  /** Fetches tokens of a role; what a client's option `token` takes. */
  token(role: string, options?: TokenOptions): () => Promise<string>;
  /** Ends the server and removes its data. Calling it again changes nothing. */
  stop(): Promise<void>;
}

/**
 * Starts `tickloom start` as a process of its own, on a free port, with an empty data directory.
 *
 * ```ts
 * let sandbox: Sandbox;
 * before(async () => { sandbox = await startSandbox({ manifest: 'title.ts' }); });
 * after(() => sandbox.stop());
 * ```
 *
 * Data lives as long as the test, so nothing is synced to the disk. If the test's process ends
 * without `stop`, the server is ended with it.
 *
 * @throws Error with what the server printed, when it does not come up
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const data = mkdtempSync(join(tmpdir(), 'tickloom-sandbox-'));
  const args = ['start', '--json', '--port', '0', '--data-dir', data, '--durability', 'none'];
  if (options.manifest !== undefined) args.push('--manifest', options.manifest);
  const directory = options.directory ?? process.cwd();
  let child: ChildProcess;
  try {
    const program = programOf(directory);
    child = spawn(process.execPath, [program, ...args, ...(options.flags ?? [])], {
      cwd: directory,
      env: withoutSettings(process.env),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    rmSync(data, { recursive: true, force: true });
    throw error;
  }
  const server = new SandboxServer(child, data);
  try {
    const { url, title } = await server.ready(options.startMs ?? 60_000);
    return {
      url,
      title,
      token:
        (role, who = {}) =>
        () =>
          fetchToken(url, title, role, who),
      stop: () => server.stop(),
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** The command line of the package `tickloom`, as a folder's own modules would find it. */
function programOf(directory: string): string {
  const require = createRequire(join(directory, 'package.json'));
  let path: string;
  try {
    path = require.resolve('tickloom/package.json');
  } catch (cause) {
    throw new Error(`${directory} has no package tickloom; install it: npm install tickloom`, {
      cause,
    });
  }
  const { bin } = JSON.parse(readFileSync(path, 'utf8')) as { bin: { tickloom: string } };
  return join(dirname(path), bin.tickloom);
}

/** Settings of whoever runs the test are not the sandbox's. */
function withoutSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !name.startsWith('TICKLOOM_')),
  );
}

async function fetchToken(
  url: string,
  title: string,
  role: string,
  { subject = 'test', playerId }: TokenOptions,
): Promise<string> {
  const query = new URLSearchParams({ title, role, subject });
  if (playerId !== undefined) query.set('player_id', String(playerId));
  const answer = await fetch(`${url}/sandbox/token?${query}`, { method: 'POST' });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`the sandbox gives no token of the role "${role}": ${text}`);
  return text.trim();
}

const printedLengthMax = 20_000;
const stopMs = 15_000;

class SandboxServer {
  readonly #child: ChildProcess;
  readonly #data: string;
  readonly #exited: Promise<unknown>;
  readonly #endWithParent = () => {
    this.#child.kill('SIGKILL');
    rmSync(this.#data, { recursive: true, force: true });
  };
  #printed = '';

  constructor(child: ChildProcess, data: string) {
    this.#child = child;
    this.#data = data;
    this.#exited = once(child, 'close').catch(() => {});
    process.once('exit', this.#endWithParent);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#printed = (this.#printed + text).slice(-printedLengthMax);
    });
  }

  async ready(startMs: number): Promise<{ readonly url: string; readonly title: string }> {
    const { stdout } = this.#child;
    if (stdout === null) throw new Error('the server has no output');
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), startMs);
    });
    const line = once(createInterface({ input: stdout }), 'line');
    const first = await Promise.race([line, this.#exited.then(() => null), late]);
    clearTimeout(timer);
    if (first === null || first === 'late') {
      const what = first === null ? 'did not start' : `was not ready within ${startMs} ms`;
      throw new Error(`the sandbox ${what}:\n${this.#printed}`);
    }
    return JSON.parse(String(first[0])) as { url: string; title: string };
  }

  async stop(): Promise<void> {
    process.off('exit', this.#endWithParent);
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), stopMs);
    await this.#exited;
    clearTimeout(timer);
    rmSync(this.#data, { recursive: true, force: true });
  }
}
