import type { AuditPort } from '../../resolvers/context.ts';
import { servingLimits } from '../serving-limits.ts';
import type { Excess } from './allowance.ts';

interface Refusals {
  readonly subject: string;
  readonly role: string | null;
  readonly requestId: string;
  readonly excess: Excess;
  count: number;
}

/**
 * Tells the audit log of refusals in sums, a line for each subject and bound every few seconds: who
 * is refused by the thousand must not write by the thousand. Subjects beyond a number of lines are
 * summed up under no name.
 */
export class RefusalTally {
  readonly #audit: AuditPort;
  readonly #refusals = new Map<string, Refusals>();
  #timer: NodeJS.Timeout | null = null;

  constructor(audit: AuditPort) {
    this.#audit = audit;
  }

  add(excess: Excess, subject: string, role: string | null, requestId: string): void {
    const named = JSON.stringify([excess.of, excess.bound, role, subject]);
    let refusals = this.#refusals.get(named);
    if (refusals === undefined) {
      const hasRoom = this.#refusals.size < servingLimits.refusalsToldMax;
      const name = hasRoom ? named : JSON.stringify([excess.of, excess.bound]);
      const fresh = hasRoom ? { subject, role } : { subject: '', role: null };
      refusals = this.#refusals.get(name) ?? { ...fresh, requestId, excess, count: 0 };
      this.#refusals.set(name, refusals);
    }
    refusals.count++;
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => this.tell(), servingLimits.refusalsToldMs);
    this.#timer.unref();
  }

  /** Writes what was summed up since the last time. */
  tell(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    for (const { subject, role, requestId, excess, count } of this.#refusals.values()) {
      const { bound, of, max } = excess;
      const details = { bound, of, max, refusals: count };
      this.#audit.record({
        action: 'use.refused',
        outcome: 'refused',
        subject,
        role,
        requestId,
        details,
      });
    }
    this.#refusals.clear();
  }
}
