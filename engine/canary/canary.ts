import type { CommitLog } from '../log/commit-log.ts';
import type { Lsn } from '../model/position.ts';
import type { ChangeSet } from '../state/change-set.ts';
import { LiveState } from '../state/live-state.ts';
import type { LoggedBatch, Projection, Settlement } from '../tick/projection.ts';
import type { ViewEngine } from '../views/view-engine.ts';
import { BrokenInvariant, type BrokenPlace } from './broken-invariant.ts';
import { checkChanges } from './check-changes.ts';
import { checkIndex } from './check-index.ts';
import { checkRows } from './check-rows.ts';
import { checkAnswerMemory, checkMemory, checkStrings } from './check-strings.ts';
import { SessionShadow } from './session-shadow.ts';
import { VerdictShadow } from './verdict-shadow.ts';
import { ViewShadow } from './view-shadow.ts';

export interface CanaryParts {
  readonly projection: Projection;
  readonly views: Pick<ViewEngine, 'lsn' | 'rows'>;
  readonly log: Pick<CommitLog, 'durableLsn'>;
  /** The last record that recovery applied. */
  readonly appliedLsn: Lsn;
}

/**
 * Canary mode: checks every invariant of a title after each record, before anybody is told of it.
 * All rows, not only those that changed: what breaks a row may be a write to another one. A check
 * takes time in proportion to what the title holds, which is what canary mode is for (the room's
 * README has figures).
 */
export class Canary {
  readonly #parts: CanaryParts;
  readonly #sessions: SessionShadow;
  readonly #verdicts: VerdictShadow;
  readonly #views: ViewShadow;
  #lsn: Lsn;

  /** Checks what recovery came to. Throws `BrokenInvariant`. */
  constructor(parts: CanaryParts) {
    const { appliedLsn, projection, views } = parts;
    this.#parts = parts;
    this.#lsn = appliedLsn;
    checkState(projection, appliedLsn);
    this.#sessions = new SessionShadow(projection.sessions);
    this.#verdicts = new VerdictShadow(projection.firstVerdicts);
    const { state } = projection;
    this.#views = new ViewShadow(state.catalog, views, new LiveState(state));
  }

  /**
   * To be called in the turn of the event loop in which the record was applied, once views have
   * folded it in. `logged` and `settlement` are null of a session's record. Throws
   * `BrokenInvariant`: the state must not be served, written to disk, or written to any more.
   */
  check(changes: ChangeSet, logged: LoggedBatch | null, settlement: Settlement | null): void {
    try {
      this.#checkPositions(changes.lsn);
      checkChanges(this.#parts.projection.state, changes);
      checkState(this.#parts.projection, changes.lsn);
      const tick = logged && settlement && { logged, settlement };
      this.#sessions.check(changes, tick);
      this.#verdicts.check(tick);
      this.#views.check(changes);
    } catch (error) {
      if (error instanceof BrokenInvariant) throw error;
      // What is broken enough may not even be read.
      const where = { place: `position ${changes.lsn}`, key: null };
      throw new BrokenInvariant('reads', where, 'cannot be checked', error);
    }
  }

  #checkPositions(lsn: Lsn): void {
    const { log, views } = this.#parts;
    const where: BrokenPlace = { place: `position ${lsn}`, key: null };
    if (lsn !== this.#lsn + 1) {
      throw new BrokenInvariant('positions', where, `comes after ${this.#lsn}`);
    }
    if (lsn > log.durableLsn) {
      throw new BrokenInvariant('positions', where, `is applied, durable is ${log.durableLsn}`);
    }
    if (views.lsn !== lsn) {
      throw new BrokenInvariant('positions', where, `is applied, views are at ${views.lsn}`);
    }
    this.#lsn = lsn;
  }
}

function checkState(projection: Projection, lsn: Lsn): void {
  const { state } = projection;
  for (const table of state.tables.values()) {
    checkRows(table, lsn);
    for (const index of table.indexes) checkIndex(table, index);
  }
  checkStrings(state);
  checkMemory(state);
  checkAnswerMemory(projection);
}
