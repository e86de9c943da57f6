import type { UseLimits } from '../../engine/model/types.ts';
import { servingLimits } from '../serving-limits.ts';
import { ClientKeys, sharedKey } from './client-keys.ts';
import { Meter, type Wait } from './meter.ts';

/** Whose use is counted together. */
export type AllowanceOf = 'client' | 'role' | 'title';

export type Bound = keyof UseLimits;

/** A bound that is passed. */
export interface Excess {
  readonly of: AllowanceOf;
  readonly bound: Bound;
  readonly max: number;
  /** Until asking again is of use; null where nobody knows, as others must end something first. */
  readonly waitMs: number | null;
}

type Rate = Exclude<Bound, 'burst' | 'subscriptions'>;

const windowSeconds: Readonly<Record<Rate | 'burst', number>> = {
  requestsPerSecond: 1,
  burst: 10,
  bytesPerSecond: 1,
  ticksPerSecond: 1,
  rowsReadPerMinute: 60,
  exportsPerHour: 3600,
};

/** What is counted when it has been done, as nobody knows before how much it is. */
const debts = ['bytesPerSecond', 'rowsReadPerMinute'] as const;

export type Debt = (typeof debts)[number];

/** How much each client of a role, or all of them, or a title may ask for, and what they have. */
export class Allowance {
  readonly #of: AllowanceOf;
  readonly #limits: UseLimits;
  readonly #meters: { readonly [Name in Rate | 'burst']?: Meter };
  /** Null where all are counted together. */
  readonly #clients: ClientKeys | null;
  readonly #subscriptions = new Map<string, number>();

  /** `clientsMax`: how many are counted each by itself. */
  constructor(
    of: AllowanceOf,
    limits: UseLimits,
    clientsMax: number = servingLimits.clientsCountedMax,
  ) {
    this.#of = of;
    this.#limits = limits;
    this.#clients = of === 'client' ? new ClientKeys(clientsMax) : null;
    const rates = Object.keys(windowSeconds) as (Rate | 'burst')[];
    this.#meters = Object.fromEntries(
      rates.flatMap((name) => {
        const max = limits[name];
        return max === undefined ? [] : [[name, new Meter(max, windowSeconds[name])]];
      }),
    );
  }

  /** Counts a request, which is refused while the subject is in debt. */
  async request(subject: string): Promise<Excess | null> {
    for (const bound of debts) {
      const meter = this.#meters[bound];
      const wait = meter && (await meter.debt(this.#key(subject, meter.windowMs)));
      if (wait) return this.#excess(bound, wait);
    }
    return this.take('requestsPerSecond', subject);
  }

  async take(
    bound: 'requestsPerSecond' | 'ticksPerSecond' | 'exportsPerHour',
    subject: string,
  ): Promise<Excess | null> {
    const meter = this.#meters[bound];
    if (meter === undefined) return null;
    const wait = await meter.take(this.#key(subject, meter.windowMs));
    if (wait === null) return null;
    const { burst } = this.#meters;
    if (bound !== 'requestsPerSecond' || burst === undefined) return this.#excess(bound, wait);
    const beyond = await burst.take(this.#key(subject, burst.windowMs));
    return beyond && this.#excess(bound, { ms: Math.min(wait.ms, beyond.ms) });
  }

  async charge(bound: Debt, subject: string, amount: number): Promise<void> {
    const meter = this.#meters[bound];
    if (meter === undefined || amount === 0) return;
    const { ms } = await meter.charge(this.#key(subject, meter.windowMs), amount);
    if (ms > meter.windowMs) this.#key(subject, ms);
  }

  /** Whether one more would be too many; it is counted by `beginSubscription`. */
  subscriptionExcess(subject: string): Excess | null {
    const { subscriptions: max } = this.#limits;
    if (max === undefined) return null;
    const running = this.#subscriptions.get(this.#key(subject, 0)) ?? 0;
    if (running < max) return null;
    return { of: this.#of, bound: 'subscriptions', max, waitMs: null };
  }

  /** Returns what is called, once, when the subscription has ended. */
  beginSubscription(subject: string): () => void {
    if (this.#limits.subscriptions === undefined) return () => undefined;
    const key = this.#key(subject, 0);
    this.#subscriptions.set(key, (this.#subscriptions.get(key) ?? 0) + 1);
    return () => {
      const left = (this.#subscriptions.get(key) ?? 1) - 1;
      if (left > 0) this.#subscriptions.set(key, left);
      else this.#subscriptions.delete(key);
    };
  }

  #key(subject: string, keptMs: number): string {
    if (this.#clients === null) return sharedKey;
    const nowMs = Date.now();
    return this.#clients.keep(subject, nowMs + keptMs, nowMs);
  }

  #excess(bound: Bound, { ms }: Wait): Excess {
    return { of: this.#of, bound, max: this.#limits[bound] ?? 0, waitMs: Math.ceil(ms) };
  }
}
