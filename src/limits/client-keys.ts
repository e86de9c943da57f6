import { createHash } from 'node:crypto';

/** Counts what comes from subjects that there was no place for. No subject has this key. */
export const sharedKey = '';

/**
 * The keys under which the clients of one role are counted. There are so many at most: once all
 * places are taken by clients that are still counted, those who come anew share one key, and with it
 * one allowance, so that neither a flood of subjects takes memory nor those who were there suffer.
 */
export class ClientKeys {
  /** Until when each key counts for something. */
  readonly #untilMs = new Map<string, number>();
  readonly #max: number;
  #sweepAtMs = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#untilMs.size;
  }

  /** The key of a subject, kept for so long at least. */
  keep(subject: string, untilMs: number, nowMs: number): string {
    const key = keyOf(subject);
    const known = this.#untilMs.get(key);
    if (known !== undefined) {
      if (untilMs > known) this.#untilMs.set(key, untilMs);
      return key;
    }
    if (this.#untilMs.size >= this.#max && !this.#sweep(nowMs)) return sharedKey;
    this.#untilMs.set(key, untilMs);
    return key;
  }

  /** Forgets those that count for nothing any more, once a second at most; whether there is room. */
  #sweep(nowMs: number): boolean {
    if (nowMs < this.#sweepAtMs) return false;
    this.#sweepAtMs = nowMs + 1_000;
    for (const [key, untilMs] of this.#untilMs) if (untilMs <= nowMs) this.#untilMs.delete(key);
    return this.#untilMs.size < this.#max;
  }
}

/** A subject may be as long as a token; what is kept of it is short. */
function keyOf(subject: string): string {
  if (subject.length <= 43) return `s${subject}`;
  return `h${createHash('sha256').update(subject).digest('base64url')}`;
}
