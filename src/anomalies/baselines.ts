import { LRUCache } from 'lru-cache';
import { servingLimits } from '../serving-limits.ts';
import type { AnomalyRule, CountedRule, NewRule } from './anomaly-rule.ts';

/** A crossing: so much where so much was to be expected, or what was never seen. */
export interface Crossing {
  readonly rule: AnomalyRule;
  /** What was counted, or the name of what is new. */
  readonly value: number | string;
  /** What the count was held against; null of what is new. */
  readonly bound: number | null;
}

interface Window {
  endsAtMs: number;
  count: number;
  /** The mean of the windows before, the latest counting the most; null before the first has ended. */
  usual: number | null;
  hasCrossed: boolean;
}

interface Known {
  readonly sinceMs: number;
  readonly values: Set<string>;
}

/** How much of the mean the newest window is. */
const newestShare = 0.2;

/**
 * What is usual for one rule, by subject or role. Memory is bounded: who was not seen for the longest
 * is forgotten first, and learns anew.
 */
export class Baselines {
  readonly #windows = new LRUCache<string, Window>({ max: servingLimits.anomalyBaselinesMax });
  readonly #known = new LRUCache<string, Known>({ max: servingLimits.anomalyBaselinesMax });

  /** Adds to the window of now; tells of a crossing once a window. */
  add(rule: CountedRule, key: string, amount: number, nowMs: number): Crossing | null {
    const windowMs = rule.windowSeconds * 1_000;
    let window = this.#windows.get(key);
    if (window === undefined) {
      window = { endsAtMs: nowMs + windowMs, count: 0, usual: null, hasCrossed: false };
      this.#windows.set(key, window);
    } else if (nowMs >= window.endsAtMs) this.#next(window, windowMs, nowMs);
    window.count += amount;
    if (window.hasCrossed) return null;
    const bound = boundOf(rule, window.usual);
    if (bound === null || window.count <= bound) return null;
    window.hasCrossed = true;
    return { rule, value: window.count, bound };
  }

  /** Tells of what was not seen before, once it has learnt for as long as the rule says. */
  see(rule: NewRule, key: string, value: string, nowMs: number): Crossing | null {
    let known = this.#known.get(key);
    if (known === undefined) {
      known = { sinceMs: nowMs, values: new Set() };
      this.#known.set(key, known);
    }
    if (known.values.has(value)) return null;
    if (known.values.size >= servingLimits.anomalyValuesMax) {
      const [oldest] = known.values;
      known.values.delete(oldest as string);
    }
    known.values.add(value);
    const isLearning = nowMs - known.sinceMs < rule.learnSeconds * 1_000;
    return isLearning || known.values.size === 1 ? null : { rule, value, bound: null };
  }

  /** Windows in which nothing came count as 0, those of a day at most. */
  #next(window: Window, windowMs: number, nowMs: number): void {
    window.usual =
      window.usual === null
        ? window.count
        : window.usual * (1 - newestShare) + window.count * newestShare;
    const empty = Math.min(1_000, Math.floor((nowMs - window.endsAtMs) / windowMs));
    window.usual *= (1 - newestShare) ** empty;
    window.endsAtMs = nowMs + windowMs;
    window.count = 0;
    window.hasCrossed = false;
  }
}

/** Null: it is not known yet what is usual. */
function boundOf({ above, timesUsual }: CountedRule, usual: number | null): number | null {
  if (timesUsual === null) return above;
  return usual === null ? null : Math.max(above, timesUsual * usual);
}
