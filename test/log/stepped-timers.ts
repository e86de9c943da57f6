import type { Timers } from '../../engine/time/timers.ts';

/** Time that moves when a test says so, and runs what has come due by then. */
export class SteppedTimers implements Timers {
  #nowMs = 0;
  readonly #waiting = new Set<{ readonly atMs: number; readonly run: () => void }>();

  now(): number {
    return this.#nowMs;
  }

  after(milliseconds: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + milliseconds, run };
    this.#waiting.add(timer);
    return () => this.#waiting.delete(timer);
  }

  moveTo(nowMs: number): void {
    this.#nowMs = nowMs;
    for (const timer of [...this.#waiting].filter(({ atMs }) => atMs <= nowMs)) {
      this.#waiting.delete(timer);
      timer.run();
    }
  }
}
