import type { Timers } from '../../engine/index.ts';
import type { AuditAction } from '../../resolvers/audit-event.ts';
import { servingLimits } from '../serving-limits.ts';
import { type AuditRecord, emptyRecord } from './audit-record.ts';

/** What strangers can cause as often as they like. */
const repeatable: ReadonlySet<AuditAction> = new Set([
  'access.denied',
  'sign-in.refused',
  'use.refused',
]);

interface Told {
  last: AuditRecord;
  /** How often it came again and is in no record yet. */
  untold: number;
}

/** The refusals of one action within a window: a flood of one hides none of another. */
interface Window {
  readonly told: Map<string, Told>;
  others: number;
}

export interface RepeatedRefusalsOptions {
  readonly timers: Timers;
  readonly nowMs: () => number;
  /** Whether a record can be written now; while none can, refusals are counted on. */
  readonly hasRoom: () => boolean;
  readonly write: (record: AuditRecord) => void;
}

/**
 * Keeps whoever is refused over and over from filling the disk: a refusal is written at once, the same
 * again within a window is counted, and the count is one record when the window ends. Past
 * `auditRefusalsToldMax` different ones of an action, the rest of its window is one record of its own.
 */
export class RepeatedRefusals {
  readonly #options: RepeatedRefusalsOptions;
  readonly #windows = new Map<AuditAction, Window>();
  #cancel: (() => void) | null = null;

  constructor(options: RepeatedRefusalsOptions) {
    this.#options = options;
  }

  /** True where the record is taken care of; false for one that is not counted but written. */
  take(record: AuditRecord): boolean {
    if (!repeatable.has(record.action)) return false;
    const key = keyOf(record);
    let window = this.#windows.get(record.action);
    if (window === undefined) {
      window = { told: new Map(), others: 0 };
      this.#windows.set(record.action, window);
    }
    const told = window.told.get(key);
    this.#cancel ??= this.#options.timers.after(servingLimits.auditRefusalWindowMs, () => {
      this.#cancel = null;
      this.flush();
    });
    if (told !== undefined) {
      told.last = record;
      told.untold += 1;
    } else if (window.told.size >= servingLimits.auditRefusalsToldMax) {
      window.others += 1;
    } else {
      const canWrite = this.#options.hasRoom();
      window.told.set(key, { last: record, untold: canWrite ? 0 : 1 });
      if (canWrite) this.#options.write(record);
    }
    return true;
  }

  /** Ends the window: what was counted is written. Without room it goes on. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = null;
    const { timers, nowMs, hasRoom, write } = this.#options;
    if (!hasRoom()) {
      this.#cancel = timers.after(servingLimits.auditRefusalWindowMs, () => this.flush());
      return;
    }
    for (const [action, { told, others: times }] of this.#windows) {
      for (const { last, untold } of told.values()) {
        if (untold > 0) write({ ...last, times: untold });
      }
      if (times === 0) continue;
      const others = { action: 'refusal.others', outcome: 'refused', times } as const;
      write({ ...emptyRecord, ...others, atMs: nowMs(), details: { action } });
    }
    this.#windows.clear();
  }

  close(): void {
    this.flush();
    this.#cancel?.();
    this.#cancel = null;
  }
}

/** What makes two refusals the same: who, from where, what, and why; not what each request made up. */
function keyOf({ action, code, subject, role, address, table, details }: AuditRecord): string {
  return JSON.stringify([action, code, subject, role, address, table, details]);
}
