/**
 * What `interval` may lose to a power failure: the acknowledgements since the oldest one whose
 * sync has not ended. A sync under way covers those before its begin:
 *
 * ```
 * acknowledged   a  b  c │ d  e            │ : a sync begins; it covers a, b and c
 *                └ oldest              now
 * ```
 *
 * A sync is begun early enough to end in time on a disk that keeps up. On one that does not, the
 * window is spent: whoever acknowledges has to wait, so that what can be lost never spans more than
 * the interval, however long the sync takes.
 */
export class LossWindow {
  readonly #spanMsMax: number;
  #coveredFromMs: number | null = null;
  #uncoveredFromMs: number | null = null;

  constructor(spanMsMax: number) {
    this.#spanMsMax = spanMsMax;
  }

  acknowledged(nowMs: number): void {
    this.#uncoveredFromMs ??= nowMs;
  }

  syncBegins(): void {
    this.#coveredFromMs ??= this.#uncoveredFromMs;
    this.#uncoveredFromMs = null;
  }

  syncEnds(): void {
    this.#coveredFromMs = null;
  }

  /** An acknowledgement now would stretch what can be lost beyond the interval. */
  isSpent(nowMs: number): boolean {
    const oldestMs = this.#coveredFromMs ?? this.#uncoveredFromMs;
    return oldestMs !== null && nowMs - oldestMs > this.#spanMsMax;
  }
}
