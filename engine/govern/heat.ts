import type { KeyHeat, SessionHeat } from './contention-pane.ts';

/**
 * When a session or a row is hot: `docs/contention.md` tells users. All counts are of the window,
 * one to two minutes.
 */
export const heatMarks = {
  /** Conflicts on one row. */
  keyConflicts: 30,
  /** Conflicts of a session, and among how many of its commits and actions. */
  sessionConflicts: 30,
  sessionConflictShare: 0.05,
  /** Actions of a session before its share of the title's says anything. */
  loadActions: 10_000,
  /** A session's share of the title's actions, and how many times the others' average it must be. */
  loadShare: 0.25,
  loadTimesOthers: 4,
  /** Share of the time that applying its ticks holds the title's one thread. */
  applyShare: 0.2,
  /** Ticks that waited for their predecessor, and how long each on average. */
  waits: 10,
  waitMeanSeconds: 0.1,
  /** Commits refused for their fence. */
  fenced: 3,
} as const;

export type SessionHeatKind = 'LOAD' | 'CONFLICTS' | 'WAITS' | 'FENCED';

/** Why a session is hot, the gravest first; empty: it is not. */
export type SessionHeats = readonly SessionHeatKind[];

export function sessionHeats(
  session: SessionHeat,
  title: {
    readonly actions: number;
    /** Sessions seen lately. */
    readonly sessions: number;
    readonly windowSeconds: number;
  },
): SessionHeats {
  const heats: SessionHeatKind[] = [];
  if ((session.refusals.FENCED ?? 0) >= heatMarks.fenced) heats.push('FENCED');
  const others = title.sessions - 1;
  const isLarge =
    others > 0 &&
    session.actions >= heatMarks.loadActions &&
    session.actions >= heatMarks.loadShare * title.actions &&
    session.actions >= (heatMarks.loadTimesOthers * (title.actions - session.actions)) / others;
  const holdsThread =
    session.applySeconds >= 1 && session.applySeconds >= heatMarks.applyShare * title.windowSeconds;
  if (isLarge || holdsThread) heats.push('LOAD');
  const tried = session.commits + session.actions;
  if (
    session.conflicts >= heatMarks.sessionConflicts &&
    session.conflicts >= heatMarks.sessionConflictShare * tried
  ) {
    heats.push('CONFLICTS');
  }
  if (
    session.waits >= heatMarks.waits &&
    session.waitSeconds >= heatMarks.waitMeanSeconds * session.waits
  ) {
    heats.push('WAITS');
  }
  return heats;
}

export function isHotKey(key: KeyHeat): boolean {
  return key.conflicts >= heatMarks.keyConflicts;
}
