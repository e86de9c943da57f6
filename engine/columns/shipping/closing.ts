import { setTimeout as sleep } from 'node:timers/promises';

const retryMs = 50;
const retryMsMax = 5_000;

/** The end of a tailer, which whatever waits within it must not outlast. */
export class Closing {
  readonly #controller = new AbortController();
  readonly #begun: Promise<void>;

  constructor() {
    const { signal } = this.#controller;
    this.#begun = new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  get hasBegun(): boolean {
    return this.#controller.signal.aborted;
  }

  begin(): void {
    this.#controller.abort();
  }

  /** Resolves when `work` does, or the end begins. */
  async orUntil(work: Promise<void>): Promise<void> {
    await Promise.race([work, this.#begun]);
  }

  /** Before the next try: longer after each failure, over at once when the end begins. */
  async pauseAfter(failures: number): Promise<void> {
    const ms = Math.min(retryMs * 2 ** failures, retryMsMax);
    await sleep(ms, undefined, { signal: this.#controller.signal }).catch(() => {});
  }
}
