import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';
import { servingLimits } from '../serving-limits.ts';

/** What a meter says no with. */
export interface Wait {
  readonly ms: number;
}

/**
 * Counts one bound by key, in windows: so much in each. A window begins with what is counted first in
 * it. `rate-limiter-flexible` keeps the counts, in memory, and forgets a key when its window is over.
 */
export class Meter {
  readonly windowMs: number;
  readonly #max: number;
  readonly #limiter: RateLimiterMemory;

  constructor(max: number, windowSeconds: number) {
    this.#max = max;
    this.windowMs = windowSeconds * 1000;
    this.#limiter = new RateLimiterMemory({ keyPrefix: '', points: max, duration: windowSeconds });
  }

  /** Counts one before it is done; or says how long to wait, until there is room again. */
  async take(key: string): Promise<Wait | null> {
    try {
      await this.#limiter.consume(key);
      return null;
    } catch (refusal) {
      if (refusal instanceof Error) throw refusal;
      return { ms: Math.max(1, (refusal as RateLimiterRes).msBeforeNext) };
    }
  }

  /**
   * Counts what has been done already. What is beyond the bound is a debt: it takes as long as so much
   * would have taken, an hour at most. Answers how long the key counts.
   */
  async charge(key: string, amount: number): Promise<Wait> {
    const { consumedPoints, msBeforeNext } = await this.#limiter.penalty(key, amount);
    const owed = Math.min(amount, consumedPoints - this.#max);
    if (owed <= 0) return { ms: msBeforeNext };
    const ms = Math.min(
      msBeforeNext + (owed / this.#max) * this.windowMs,
      Math.max(servingLimits.debtMsMax, this.windowMs),
    );
    await this.#limiter.set(key, consumedPoints, ms / 1000);
    return { ms };
  }

  /** How long until the debt is paid; null where there is none. */
  async debt(key: string): Promise<Wait | null> {
    const counted = await this.#limiter.get(key);
    if (counted === null || counted.msBeforeNext <= 0) return null;
    return counted.consumedPoints > this.#max ? { ms: counted.msBeforeNext } : null;
  }
}
