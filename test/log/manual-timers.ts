import type { Timers } from '../../engine/time/timers.ts';

/** Time that passes when a test says so. */
export class ManualTimers implements Timers {
  readonly #waiting = new Set<() => void>();
  /** The delays asked for, in order. */
  readonly delays: number[] = [];

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Stands still unless the test moves it. */
  nowMs = 0;

  now(): number {
    return this.nowMs;
  }

  after(milliseconds: number, run: () => void): () => void {
    this.delays.push(milliseconds);
    this.#waiting.add(run);
    return () => this.#waiting.delete(run);
  }

  /** Runs every timer that waits now. */
  fire(): void {
    const due = [...this.#waiting];
    this.#waiting.clear();
    for (const run of due) run();
  }
}
