import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Lifetime } from './lifetime.ts';
import { usageOf } from './process-usage.ts';

/** A module of `bench/load` in a process of its own, asked and answering one message at a time. */
export class BenchProcess<To extends object, From extends { readonly kind: string }> {
  readonly #child: ChildProcess;

  constructor(lifetime: Lifetime, module: string) {
    const path = fileURLToPath(new URL(`../load/${module}.js`, import.meta.url));
    // 'advanced' carries typed arrays as they are.
    const child = fork(path, [], { serialization: 'advanced', execArgv: [] });
    this.#child = child;
    lifetime.onEnd(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    });
  }

  get cpuSeconds(): number {
    return usageOf(this.#child.pid ?? 0)?.cpuSeconds ?? 0;
  }

  tell(message: To): void {
    this.#child.send(message);
  }

  async heard(): Promise<From> {
    const ended = once(this.#child, 'exit').then(([code]) => {
      throw new Error(`a process of the benchmark ended with ${code}`);
    });
    const [answer] = (await Promise.race([once(this.#child, 'message'), ended])) as [From];
    if (answer.kind === 'failed')
      throw new Error((answer as unknown as { message: string }).message);
    return answer;
  }

  async ask(message: To): Promise<From> {
    const answer = this.heard();
    this.tell(message);
    return await answer;
  }
}
