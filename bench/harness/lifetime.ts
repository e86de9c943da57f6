import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * What a benchmark started and has to end: processes, directories. Ended in reverse order when
 * the benchmark returns, throws, is interrupted or runs past its time.
 */
export class Lifetime {
  readonly #ends: (() => Promise<void>)[] = [];

  onEnd(end: () => Promise<void>): void {
    this.#ends.push(end);
  }

  /** A part that may end earlier, and ends with the whole at the latest. */
  part(): Lifetime {
    const part = new Lifetime();
    this.onEnd(() => part.end());
    return part;
  }

  async directory(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), 'tickloom-bench-'));
    this.onEnd(() => rm(path, { recursive: true, force: true }));
    return path;
  }

  async end(): Promise<void> {
    for (let end = this.#ends.pop(); end; end = this.#ends.pop()) {
      await end().catch((error: unknown) => console.error(error));
    }
  }
}

/** Runs a benchmark with a bound on its time. The exit code tells whether it came to its end. */
export async function runBounded(
  seconds: number,
  run: (lifetime: Lifetime) => Promise<void>,
): Promise<void> {
  const lifetime = new Lifetime();
  const giveUp = (why: string) => {
    console.error(why);
    void lifetime.end().finally(() => process.exit(1));
  };
  const timer = setTimeout(() => giveUp(`not done after ${seconds} s: given up`), seconds * 1000);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => giveUp(`ended by ${signal}`));
  }
  try {
    await run(lifetime);
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  } finally {
    clearTimeout(timer);
    await lifetime.end();
  }
  // A socket that lingers must not keep a finished benchmark alive.
  process.exit();
}
