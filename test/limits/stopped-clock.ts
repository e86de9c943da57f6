import { vi } from 'vitest';

/**
 * The date stands still until a test moves it; timers run on, as a server has many. Only those by which
 * `rate-limiter-flexible` forgets keys do not run: they go by the machine's time, so that a slow test
 * would find its counts forgotten. What has expired by the date is counted anew without them.
 */
export class StoppedClock {
  #nowMs = Date.now();

  stop(): void {
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.setSystemTime(this.#nowMs);
    const { setTimeout } = globalThis;
    const held = ((...parameters: Parameters<typeof setTimeout>) => {
      const isOfLimiter = new Error().stack?.includes('MemoryStorage') === true;
      return isOfLimiter ? setTimeout(() => undefined, 0) : setTimeout(...parameters);
    }) as typeof setTimeout;
    vi.stubGlobal('setTimeout', Object.assign(held, setTimeout));
  }

  pass(ms: number): void {
    this.#nowMs += ms;
    vi.setSystemTime(this.#nowMs);
  }

  start(): void {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  }
}
