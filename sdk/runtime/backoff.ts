import { TickloomError } from './errors.ts';

export interface RetryPolicy {
  /** Tries in all, the first included. */
  readonly attemptsMax: number;
  /** The longest wait after the first failure; it doubles with each further one. */
  readonly baseMs: number;
  readonly maxMs: number;
  /** A server that asks for a longer wait than this gets no further try. */
  readonly retryAfterMaxMs: number;
}

export const defaultRetryPolicy: RetryPolicy = {
  attemptsMax: 8,
  baseMs: 50,
  maxMs: 5_000,
  retryAfterMaxMs: 30_000,
};

/**
 * The wait before try `attempt` (the first retry is 1): exponential, with the upper half drawn at
 * random so that many clients do not come back together, and never less than the server asked for.
 */
export function backoffMs(
  attempt: number,
  policy: RetryPolicy,
  retryAfterMs: number | null,
  random: () => number,
): number {
  const ceiling = Math.min(policy.maxMs, policy.baseMs * 2 ** (attempt - 1));
  const drawn = ceiling / 2 + random() * (ceiling / 2);
  return retryAfterMs === null ? drawn : retryAfterMs + drawn;
}

/** Rejects with `REQUEST_ABORTED` as soon as the signal aborts. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortedError(signal));
    const onAbort = () => {
      clearTimeout(timer);
      reject(abortedError(signal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

export function abortedError(signal: AbortSignal | undefined): TickloomError {
  return new TickloomError('REQUEST_ABORTED', 'the caller gave the request up', {
    cause: signal?.reason,
  });
}
