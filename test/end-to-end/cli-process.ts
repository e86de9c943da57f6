import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { childHosts, programOf } from '../columns/child-hosts.ts';

/** The CLI as users run it: compiled. `npm test` builds it. */
const program = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The environment without settings of whoever runs the tests. */
function environment(more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('TICKLOOM_'));
  return { ...Object.fromEntries(own), ...more };
}

function start(args: readonly string[], more: Readonly<Record<string, string>>): ChildProcess {
  const child = spawn(process.execPath, [program, ...args], {
    env: environment(more),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  });
  return child;
}

/** Runs a verb to its end. */
export async function runCli(
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const child = start(args, more);
  let out = '';
  let err = '';
  child.stdout?.setEncoding('utf8').on('data', (text) => {
    out += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    err += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tickloom-process-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

interface StartingSandbox {
  readonly child: ChildProcess;
  readonly exit: SandboxProcess['exit'];
  readonly url: Promise<string | null>;
  readonly log: () => string;
}

/** Throws while the process has no ClickHouse. */
export function columnHostOf(pid: number): number {
  const [host] = childHosts(pid);
  if (host === undefined) throw new RangeError(`process ${pid} has no child that hosts ClickHouse`);
  return programOf(host);
}

/** A sandbox in a process of its own. */
export class SandboxProcess {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #exit: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  readonly #err: () => string;

  private constructor(
    child: ChildProcess,
    exit: SandboxProcess['exit'],
    url: string,
    err: () => string,
  ) {
    this.#child = child;
    this.#exit = exit;
    this.url = url;
    this.#err = err;
  }

  static async start(dataDirectory: string, args: readonly string[] = []): Promise<SandboxProcess> {
    const starting = SandboxProcess.launch(dataDirectory, args);
    const url = await starting.url;
    if (url === null) throw new Error(`the sandbox did not start: ${starting.log()}`);
    return new SandboxProcess(starting.child, starting.exit, url, starting.log);
  }

  /** One that is being started; `url` is null where it ends instead. */
  static launch(dataDirectory: string, args: readonly string[] = []): StartingSandbox {
    const child = start(
      ['start', '--json', '--port', '0', '--data-dir', dataDirectory, ...args],
      {},
    );
    let err = '';
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      err += text;
    });
    const exit = once(child, 'close').then(([code, signal]) => ({ code, signal }));
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    const first = Promise.race([once(lines, 'line'), exit.then(() => null)]);
    const url = first.then((line) => {
      return line === null ? null : (JSON.parse(String(line[0])) as { url: string }).url;
    });
    return { child, exit, url, log: () => err };
  }

  get exit(): Promise<{ readonly code: number | null; readonly signal: string | null }> {
    return this.#exit;
  }

  get log(): string {
    return this.#err();
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** The process id of its ClickHouse. */
  columnHost(): number {
    return columnHostOf(this.#child.pid as number);
  }

  async token(role: string): Promise<string> {
    const response = await fetch(`${this.url}/sandbox/token?title=ashfall&role=${role}`, {
      method: 'POST',
    });
    return response.text();
  }

  async graphql(
    token: string,
    query: string,
    variables: Record<string, unknown> = {},
  ): Promise<Record<string, unknown>> {
    const response = await fetch(`${this.url}/ashfall/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = (await response.json()) as {
      data?: Record<string, unknown>;
      errors?: unknown;
    };
    if (!data) throw new Error(JSON.stringify(errors));
    return data;
  }
}
