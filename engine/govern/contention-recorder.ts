import type { ConflictReport } from '../model/conflict.ts';
import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { Lsn } from '../model/position.ts';
import type { Row } from '../model/types.ts';
import {
  addCount,
  addSessionOf,
  ContentionPane,
  coldKey,
  type SessionHeat,
} from './contention-pane.ts';
import { type ContentionReport, contentionReport } from './contention-report.ts';

/** What an applied tick tells. */
export interface AppliedTick {
  readonly lsn: Lsn;
  readonly accepted: number;
  readonly rejected: number;
  readonly conflicts: readonly ConflictReport[];
  readonly tickConflict: ConflictReport | null;
}

/** How long a pane is: what is reported is between one and two panes old at most. */
export const paneMs = 60_000;

/**
 * Which rows and sessions conflict and wait, lately. An observer of the write path: nothing that
 * decides about a tick reads it, it is not logged, and a restart forgets it.
 *
 * ```
 *  ├─ forgotten ─┼─ previous ─┼─ current ─▶ now
 *                └──────── reported ───────┘
 * ```
 */
export class ContentionRecorder {
  readonly #nowMs: () => number;
  readonly #startedMs: number;
  #current: ContentionPane;
  #previous: ContentionPane | null = null;

  /** `nowMs`: milliseconds from any origin, never going back. */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
    this.#startedMs = nowMs();
    this.#current = new ContentionPane(Math.floor(this.#startedMs / paneMs));
  }

  /** A tick or direct write was applied, for the first time; aborted ones among them. */
  applied(sessionId: string, tick: AppliedTick, applySeconds: number): void {
    const pane = this.#turnTo(this.#nowMs());
    const actions = tick.accepted + tick.rejected;
    pane.actions += actions;
    pane.applySeconds += applySeconds;
    // A direct write to title-wide rows is of no session.
    const session = sessionId === '' ? null : pane.session(sessionId, 1 + actions);
    if (session) {
      session.commits++;
      session.actions += actions;
      session.applySeconds += applySeconds;
      session.lastLsn = tick.lsn;
    }
    for (const conflict of tick.conflicts) {
      recordConflict(pane, session, sessionId, tick.lsn, conflict);
    }
    if (tick.tickConflict) recordConflict(pane, session, sessionId, tick.lsn, tick.tickConflict);
  }

  /** A tick waited for the one it names in `afterTick`, whether that came or not. */
  waited(sessionId: string, seconds: number): void {
    const session = this.#turnTo(this.#nowMs()).session(sessionId, 1);
    session.waits++;
    session.waitSeconds += seconds;
  }

  /** A commit failed. Counted is what other writers of the session, or its own haste, caused. */
  refused(sessionId: string, error: unknown): void {
    if (!(error instanceof EngineError) || sessionId === '') return;
    if (error.category !== 'conflict' && error.code !== 'OVERLOADED') return;
    addCount(this.#turnTo(this.#nowMs()).session(sessionId, 1).refusals, error.code);
  }

  /** Null: the whole title. */
  report(sessionId: string | null): ContentionReport {
    const nowMs = this.#nowMs();
    const current = this.#turnTo(nowMs);
    const sinceMs = Math.max(this.#startedMs, (current.index - 1) * paneMs);
    const panes = this.#previous ? [this.#previous, current] : [current];
    return contentionReport(panes, (nowMs - sinceMs) / 1000, sessionId);
  }

  #turnTo(nowMs: number): ContentionPane {
    const index = Math.floor(nowMs / paneMs);
    if (index === this.#current.index) return this.#current;
    this.#previous = index === this.#current.index + 1 ? this.#current : null;
    this.#current = new ContentionPane(index);
    return this.#current;
  }
}

function recordConflict(
  pane: ContentionPane,
  session: SessionHeat | null,
  sessionId: string,
  lsn: Lsn,
  { table, key, code }: ConflictReport,
): void {
  if (session) {
    session.conflicts++;
    addCount(session.byCode, code);
  }
  const text = keyText(key);
  const heat = pane.keys.touch(`${table} ${text ?? ''}`, 1, () =>
    coldKey(table, text === null ? null : key, sessionId),
  );
  addSessionOf(heat, sessionId);
  heat.conflicts++;
  heat.lastLsn = lsn;
  addCount(heat.byCode, code);
}

/**
 * One text for one key of a table; null for no key, and for one too long to keep. Lengths keep
 * ('a', 'b') and ('ab', '') apart.
 */
export function keyText(key: Row): string | null {
  let text = '';
  for (const column in key) {
    const part = String(key[column]);
    text += `${part.length}:${part}`;
    if (text.length > limits.contentionKeyLengthMax) return null;
  }
  return text === '' ? null : text;
}
