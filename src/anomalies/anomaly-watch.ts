import type { RecordAuthor } from '../../engine/index.ts';
import { type AuditRecord, emptyRecord } from '../audit/audit-record.ts';
import { type RecordPerson, recordAsSaid } from '../audit/recorded-person.ts';
import type { AnomalyRule, CountedMeasure, NewMeasure } from './anomaly-rule.ts';
import { Baselines, type Crossing } from './baselines.ts';
import { Restraints } from './restraints.ts';

/** Who did something, as far as it is known. */
export type Watched = Pick<RecordAuthor, 'subject' | 'role'> & {
  readonly address?: string | null;
};

export interface AnomalyWatchOptions {
  readonly title: string;
  readonly rules: readonly AnomalyRule[];
  readonly record: (record: AuditRecord) => void;
  /** Told of each crossing: a line of the log, a metric. */
  readonly onCrossing: (crossing: Crossing, record: AuditRecord) => void;
  /** Null: no webhook is set. */
  readonly webhook: { send(message: object): void } | null;
  /** How names are written down, in the webhook's messages as in records. */
  readonly recordPerson?: RecordPerson;
  readonly nowMs?: () => number;
}

/**
 * Watches what a title is asked and holds it against its rules. Told after the answer, it counts, and
 * neither waits nor throws; a crossing is told at once, and restrains only where its rule says so.
 */
export class AnomalyWatch {
  readonly restraints: Restraints;
  readonly #options: AnomalyWatchOptions;
  readonly #nowMs: () => number;
  readonly #watching: readonly { readonly rule: AnomalyRule; readonly usual: Baselines }[];

  constructor(options: AnomalyWatchOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? Date.now;
    this.restraints = new Restraints(this.#nowMs);
    this.#watching = options.rules.map((rule) => ({ rule, usual: new Baselines() }));
  }

  /** Counts what somebody did. */
  count(measure: CountedMeasure, who: Watched, amount: number): void {
    if (amount <= 0) return;
    for (const { rule, usual } of this.#watching) {
      if (rule.measure !== measure || !('windowSeconds' in rule)) continue;
      const key = keyOf(rule, who);
      if (key === null) continue;
      const crossing = usual.add(rule, key, amount, this.#nowMs());
      if (crossing !== null) this.#cross(crossing, who);
    }
  }

  /** Notes what somebody touched, or from where. */
  see(measure: NewMeasure, who: Watched, value: string): void {
    for (const { rule, usual } of this.#watching) {
      if (rule.measure !== measure || !('learnSeconds' in rule)) continue;
      const key = keyOf(rule, who);
      if (key === null) continue;
      const crossing = usual.see(rule, key, value, this.#nowMs());
      if (crossing !== null) this.#cross(crossing, who);
    }
  }

  #cross(crossing: Crossing, { subject, role, address = null }: Watched): void {
    const { title, record, onCrossing, webhook, recordPerson = recordAsSaid } = this.#options;
    const { rule, value, bound } = crossing;
    if (subject !== null && rule.by === 'subject') this.restraints.put(subject, rule);
    const { name, measure, by, action } = rule;
    const atMs = this.#nowMs();
    const details = { rule: name, measure, by, value, bound, action };
    const told: AuditRecord = {
      ...emptyRecord,
      atMs,
      action: 'anomaly.found',
      outcome: 'done',
      subject,
      role,
      address,
      table: measure === 'newTable' ? String(value) : null,
      details,
    };
    record(told);
    onCrossing(crossing, told);
    const at = new Date(atMs).toISOString();
    const names = recordPerson({ subject, role, address, client: null });
    const who = { subject: names.subject, role: names.role, address: names.address };
    webhook?.send({ type: 'anomaly', title, at, ...details, ...who });
  }
}

/** Null: the rule does not watch it. */
function keyOf({ by, roles }: AnomalyRule, { subject, role }: Watched): string | null {
  if (roles.length > 0 && (role === null || !roles.includes(role))) return null;
  return by === 'role' ? role : subject;
}
