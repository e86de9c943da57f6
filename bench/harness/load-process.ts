import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { FromLoad, LoadConfig, LoadResult, ToLoad } from '../load/load-config.ts';
import type { Lifetime } from './lifetime.ts';
import { joined } from './samples.ts';

/** A load generator in a process of its own. */
export class LoadProcess {
  readonly #child: ChildProcess;
  #waiting: { resolve(answer: FromLoad): void; reject(error: Error): void } | null = null;

  constructor(lifetime: Lifetime) {
    const path = fileURLToPath(new URL('../load/commit-load.js', import.meta.url));
    // 'advanced' carries typed arrays as they are.
    const child = fork(path, [], { serialization: 'advanced', execArgv: [] });
    this.#child = child;
    child.on('message', (answer: FromLoad) => this.#waiting?.resolve(answer));
    child.on('exit', (code) => this.#waiting?.reject(new Error(`the load ended with ${code}`)));
    lifetime.onEnd(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    });
  }

  /** Resolves once the bodies are made. */
  async prepare(config: LoadConfig): Promise<void> {
    await this.#ask({ kind: 'prepare', config });
  }

  async run(): Promise<LoadResult> {
    const answer = await this.#ask({ kind: 'run' });
    if (answer.kind !== 'result') throw new Error('the load has no result');
    return answer.result;
  }

  async #ask(message: ToLoad): Promise<FromLoad> {
    const answered = new Promise<FromLoad>((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
    this.#child.send(message);
    const answer = await answered;
    if (answer.kind === 'failed') throw new Error(`the load failed: ${answer.message}`);
    return answer;
  }
}

/** Runs one load over several processes at once; sessions are dealt out among them. */
export async function runLoads(
  loads: readonly LoadProcess[],
  config: LoadConfig,
): Promise<LoadResult> {
  const shares = loads.map((_, i) =>
    config.sessions.filter((_session, s) => s % loads.length === i),
  );
  await Promise.all(
    loads.map((load, i) =>
      load.prepare({ ...config, sessions: shares[i] ?? [], seed: config.seed + i * 1000 }),
    ),
  );
  const results = await Promise.all(loads.map((load) => load.run()));
  const sum = (of: (result: LoadResult) => number): number =>
    results.reduce((total, result) => total + of(result), 0);
  return {
    ticks: sum(({ ticks }) => ticks),
    rows: sum(({ rows }) => rows),
    seconds: Math.max(...results.map(({ seconds }) => seconds)),
    bytes: sum(({ bytes }) => bytes),
    rejected: sum(({ rejected }) => rejected),
    latenciesMs: joined(results.map(({ latenciesMs }) => latenciesMs)),
    lateMs: joined(results.map(({ lateMs }) => lateMs)),
    cpuSeconds: sum(({ cpuSeconds }) => cpuSeconds),
  };
}
