import { LRUCache } from 'lru-cache';
import { EngineError } from '../../engine/model/errors.ts';
import { servingLimits } from '../serving-limits.ts';
import type { AnomalyRule } from './anomaly-rule.ts';

interface Restraint {
  readonly rule: string;
  readonly action: 'throttle' | 'suspend';
  readonly untilMs: number;
  /** When the next request of somebody who is throttled may come. */
  nextMs: number;
}

/** Who is throttled or suspended by a rule that says so, for as long as it says. A restart forgets it. */
export class Restraints {
  readonly #restraints = new LRUCache<string, Restraint>({
    max: servingLimits.anomalyBaselinesMax,
  });
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  put(subject: string, { name: rule, action, forSeconds }: AnomalyRule): void {
    if (action === 'report') return;
    const nowMs = this.#nowMs();
    const restraint = { rule, action, untilMs: nowMs + forSeconds * 1_000, nextMs: nowMs };
    const known = this.#restraints.get(subject);
    // The harder one stays for as long as it holds.
    if (known?.action === 'suspend' && action === 'throttle' && known.untilMs > nowMs) return;
    this.#restraints.set(subject, restraint);
  }

  /** Throws `RATE_LIMITED` for a request of who is restrained. */
  check(subject: string): void {
    if (this.#restraints.size === 0) return;
    const restraint = this.#restraints.get(subject);
    if (restraint === undefined) return;
    const nowMs = this.#nowMs();
    const { rule, action, untilMs } = restraint;
    if (nowMs >= untilMs) {
      this.#restraints.delete(subject);
      return;
    }
    if (action === 'throttle' && nowMs >= restraint.nextMs) {
      restraint.nextMs = nowMs + throttledMs;
      return;
    }
    const retryAfterMs = Math.max(1, (action === 'suspend' ? untilMs : restraint.nextMs) - nowMs);
    const what = action === 'suspend' ? 'no requests' : 'one request a second';
    throw new EngineError(
      'RATE_LIMITED',
      `the rule "${rule}" allows ${what} until ${new Date(untilMs).toISOString()}: what came was unusual; an operator of the server knows why`,
      { retryAfterMs, details: { rule, action } },
    );
  }
}

const throttledMs = 1_000;
