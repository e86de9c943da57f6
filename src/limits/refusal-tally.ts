import type { AuditLog } from '../audit/audit-log.ts';
import { emptyRecord } from '../audit/audit-record.ts';
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
  readonly #audit: Pick<AuditLog, 'record'>;
  readonly #refusals = new Map<string, Refusals>();
  #timer: NodeJS.Timeout | null = null;

  constructor(audit: Pick<AuditLog, 'record'>) {
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
      this.#audit.record({
        ...emptyRecord,
        atMs: Date.now(),
        action: 'use.refused',
        outcome: 'refused',
        code: excess.waitMs === null ? 'QUOTA_EXCEEDED' : 'RATE_LIMITED',
        subject: subject || null,
        role,
        requestId,
        times: count,
        details: { bound: excess.bound, of: excess.of, max: excess.max },
      });
    }
    this.#refusals.clear();
  }
}
