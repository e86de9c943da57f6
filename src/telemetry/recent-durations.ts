import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { RecentDurations } from '../../resolvers/insight/title-health.ts';

/** Durations of the last one to two panes of time, in memory that does not grow. */
export class RecentDurationsRecorder {
  readonly #nowMs: () => number;
  #paneMs: number;
  #now = newPane();
  #before: RecordableHistogram | null = null;

  /** `nowMs`: a monotonic clock in milliseconds. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#paneMs = nowMs();
  }

  record(ms: number): void {
    this.#turn();
    this.#now.record(Math.min(durationUsMax, Math.max(1, Math.round(ms * 1_000))));
  }

  /** Null: there was none. */
  read(): RecentDurations | null {
    this.#turn();
    const all = newPane();
    all.add(this.#now);
    if (this.#before !== null) all.add(this.#before);
    if (all.count === 0) return null;
    return {
      count: all.count,
      p50Ms: all.percentile(50) / 1_000,
      p99Ms: all.percentile(99) / 1_000,
    };
  }

  #turn(): void {
    const agoMs = this.#nowMs() - this.#paneMs;
    if (agoMs < paneMs) return;
    this.#before = agoMs < 2 * paneMs ? this.#now : null;
    this.#now = newPane();
    this.#paneMs = this.#nowMs();
  }
}

/** Two of them make the window. */
export const paneMs = 60_000;
/** Longer ones count as one hour. */
const durationUsMax = 3_600_000_000;

/** Whole microseconds, to within a sixteenth. */
function newPane(): RecordableHistogram {
  return createHistogram({ lowest: 1, highest: durationUsMax, figures: 1 });
}
