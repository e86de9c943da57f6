import { servingLimits } from '../../serving-limits.ts';

/**
 * How many messages a WebSocket sends that are no operations: pings, pongs, completions of what does
 * not run. Each costs an answer or a look, and none of them counts as a request.
 */
export class ControlRate {
  #windowMs = 0;
  #count = 0;

  /** Whether one more may be now. */
  take(nowMs = performance.now()): boolean {
    if (nowMs - this.#windowMs >= 1_000) {
      this.#windowMs = nowMs;
      this.#count = 0;
    }
    return ++this.#count <= servingLimits.webSocketControlsPerSecondMax;
  }
}
