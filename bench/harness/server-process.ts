import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { flagName } from '../../src/config/settings.ts';
import { packageDirectory } from '../../src/package-directory.ts';
import type { Lifetime } from './lifetime.ts';
import { familyOf, usageOf } from './process-usage.ts';

export interface ServerStart {
  readonly dataDir: string;
  /** Where V8 writes a profile of the server when it ends; empty: none. */
  readonly profileDir?: string;
  /** Settings by their keys (`src/config/settings.ts`). */
  readonly flags?: Readonly<Record<string, string>>;
  /** A module of `bench/load` that is loaded before the server, and may be asked things. */
  readonly preload?: string;
}

export interface ServerUsage {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}

/** The built server as a child process, on a free port of the loopback. */
export class ServerProcess {
  readonly url: string;
  readonly pid: number;
  /** From starting the process to its saying that it is ready. */
  readonly readyMs: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, pid: number, url: string, readyMs: number) {
    this.#child = child;
    this.pid = pid;
    this.url = url;
    this.readyMs = readyMs;
  }

  static async start(lifetime: Lifetime, options: ServerStart): Promise<ServerProcess> {
    const profile = options.profileDir
      ? ['--cpu-prof', `--cpu-prof-dir=${options.profileDir}`]
      : [];
    const main = join(packageDirectory(), 'dist', 'src', 'cli', 'main.js');
    const flags = Object.entries(options.flags ?? {}).flatMap(([key, value]) => [
      flagName(key),
      value,
    ]);
    const { preload } = options;
    const before =
      preload === undefined
        ? []
        : ['--import', new URL(`../load/${preload}.js`, import.meta.url).href];
    const args = [...profile, ...before, main, 'start', '--json', '--port', '0'];
    const started = performance.now();
    const child = spawn(process.execPath, [...args, '--data-dir', options.dataDir, ...flags], {
      stdio: ['ignore', 'pipe', 'pipe', preload === undefined ? 'ignore' : 'ipc'],
    });
    const { pid, stdout, stderr } = child;
    if (pid === undefined || !stdout || !stderr) throw new Error('the server did not start');
    lifetime.onEnd(() => stop(child, 'SIGTERM'));
    stderr.pipe(createWriteStream(join(options.dataDir, 'server.log'), { flags: 'a' }));
    const line = await firstLine(child, stdout, join(options.dataDir, 'server.log'));
    const readyMs = performance.now() - started;
    const { url } = JSON.parse(line) as { readonly url: string };
    return new ServerProcess(child, pid, url, readyMs);
  }

  /** Asks the module that was loaded before the server. */
  async ask<Answer>(message: object): Promise<Answer> {
    const answer = once(this.#child, 'message') as Promise<[Answer]>;
    this.#child.send(message);
    return (await answer)[0];
  }

  /** What the server alone uses, without the column store's host. */
  usage(): ServerUsage {
    return usageOf(this.pid) ?? { cpuSeconds: 0, residentBytes: 0 };
  }

  /** What the column store's host uses. */
  columnsUsage(): ServerUsage {
    const [, ...others] = familyOf(this.pid);
    const all = others.map((pid) => usageOf(pid) ?? { cpuSeconds: 0, residentBytes: 0 });
    return {
      cpuSeconds: all.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
      residentBytes: all.reduce((sum, { residentBytes }) => sum + residentBytes, 0),
    };
  }

  async token(
    role: string,
    title = 'ashfall',
    claims: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const query = new URLSearchParams({ title, role, subject: 'bench', ...claims });
    const response = await fetch(`${this.url}/sandbox/token?${query}`, { method: 'POST' });
    if (!response.ok) throw new Error(`no token: status ${response.status}`);
    return (await response.text()).trim();
  }

  async graphql(token: string, query: string, variables: unknown): Promise<unknown> {
    const response = await fetch(`${this.url}/ashfall/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    const answer = (await response.json()) as { data?: unknown; errors?: unknown };
    if (answer.errors) throw new Error(JSON.stringify(answer.errors));
    return answer.data;
  }

  async openSession(token: string, sessionId: string): Promise<void> {
    const mutation = 'mutation($input: OpenSessionInput!) { openSession(input: $input) { fence } }';
    await this.graphql(token, mutation, { input: { sessionId } });
  }

  /** Applied and covered by the column store, in log positions. */
  async positions(): Promise<{ readonly applied: number; readonly covered: number }> {
    const response = await fetch(`${this.url}/readyz`);
    const { position, coveredPosition } = (await response.json()) as Readonly<
      Record<string, string>
    >;
    const lsn = (text: string | undefined): number => Number(text?.split(':')[1] ?? 0);
    return { applied: lsn(position), covered: lsn(coveredPosition) };
  }

  /** Seconds until the column store had everything that was applied when this was called. */
  async columnsCaughtUp(secondsMax: number): Promise<number | null> {
    const started = performance.now();
    const { applied } = await this.positions();
    for (;;) {
      const { covered } = await this.positions();
      const seconds = (performance.now() - started) / 1000;
      if (covered >= applied) return seconds;
      if (seconds > secondsMax) return null;
      await sleep(50);
    }
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await stop(this.#child, signal);
  }
}

async function firstLine(
  child: ChildProcess,
  stdout: NonNullable<ChildProcess['stdout']>,
  log: string,
): Promise<string> {
  const lines = createInterface({ input: stdout });
  const [line] = await Promise.race([
    once(lines, 'line') as Promise<[string]>,
    once(child, 'exit').then(([code]) => {
      throw new Error(`the server ended with ${code} before it was ready; see ${log}`);
    }),
  ]);
  return line;
}

async function stop(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
  await ended;
  clearTimeout(timer);
}
