import type { Clock } from '../../engine/views/feeds/clock.ts';

/** Time that passes, and turns of the event loop that come, when a test says so. */
export class ManualClock implements Clock {
  #nowMs = 0;
  #deferred: (() => void)[] = [];
  readonly #timers = new Set<{ readonly dueMs: number; readonly callback: () => void }>();

  /** Timers set and not yet fired or cancelled. */
  get timers(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#nowMs;
  }

  setTimer(ms: number, callback: () => void): () => void {
    const timer = { dueMs: this.#nowMs + ms, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  defer(callback: () => void): void {
    this.#deferred.push(callback);
  }

  settle(callback: () => void): void {
    this.#deferred.push(callback);
  }

  /** Runs what was deferred, and what that defers; then lets promises settle. */
  async turn(): Promise<void> {
    while (this.step());
    await settled();
  }

  /** Runs what was deferred by now, as one turn of the event loop does; false where nothing was. */
  step(): boolean {
    const callbacks = this.#deferred;
    this.#deferred = [];
    for (const callback of callbacks) callback();
    return callbacks.length > 0;
  }

  /** Lets time pass, firing timers when they are due, each followed by turns; and then turns. */
  async pass(ms: number): Promise<void> {
    const end = this.#nowMs + ms;
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.dueMs <= end);
      due.sort((a, b) => a.dueMs - b.dueMs);
      const [next] = due;
      if (!next) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.callback();
      while (this.step());
    }
    this.#nowMs = end;
    await this.turn();
  }
}

/** Time passes a little whenever somebody looks, as if work were done between. */
export class BusyClock extends ManualClock {
  readonly #lookMs: number;
  #looks = 0;

  constructor(lookMs: number) {
    super();
    this.#lookMs = lookMs;
  }

  override now(): number {
    this.#looks += 1;
    return super.now() + this.#looks * this.#lookMs;
  }
}

/** Lets promises settle. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
