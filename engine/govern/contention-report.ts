import type { ErrorCode } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { Lsn } from '../model/position.ts';
import type { ConflictCode } from '../model/system-columns.ts';
import type { Row } from '../model/types.ts';
import { adviceForKey, adviceForSession } from './contention-advice.ts';
import {
  addCount,
  addSessionOf,
  type ContentionPane,
  type Counts,
  coldKey,
  coldSession,
  type KeyHeat,
  type SessionHeat,
} from './contention-pane.ts';
import { isHotKey, type SessionHeats, sessionHeats } from './heat.ts';

export interface ContentionReport {
  /** How far back the counts go. */
  readonly windowSeconds: number;
  /** Hot ones first, then by conflicts, waits and commits; at most `limits.contentionRowsMax`. */
  readonly rows: readonly ContentionRow[];
  /** More sessions and rows had something to tell than `rows` may hold. */
  readonly truncated: boolean;
}

export type ContentionKind = 'SESSION' | 'KEY';

/** What was seen of a session, or of one row that several writers want. */
export interface ContentionRow {
  readonly kind: ContentionKind;
  /** The session, or the one whose ticks met the conflicts on the row; null where several did, or none. */
  readonly sessionId: string | null;
  /** Sessions whose ticks met a conflict here, up to `limits.contentionKeySessionsMax`; of a session: 1. */
  readonly sessions: number;
  readonly table: string | null;
  readonly key: Row | null;
  /** Never above the true number; of a row it may be below, where many more rows had conflicts. */
  readonly conflicts: number;
  readonly byCode: Counts<ConflictCode>;
  readonly waits: number;
  readonly waitSeconds: number;
  /** `commits`, `actions`, `shareOfActions` and `applySeconds` are told of a session, null of a row. */
  readonly commits: number | null;
  readonly actions: number | null;
  /** The session's share of all actions of the title, from 0 to 1. */
  readonly shareOfActions: number | null;
  readonly applySeconds: number | null;
  /** Commits that failed, by the code they were answered with. */
  readonly refusals: Counts<ErrorCode>;
  readonly hot: boolean;
  /** The session's newest commit, or the newest commit with a conflict on the row. */
  readonly lastLsn: Lsn | null;
  /** What it is and what to do about it, in words. */
  readonly advice: string;
}

/**
 * Puts panes together. Of a session asked for by name there is its line, if it did anything, and
 * those of the rows it met conflicts on; of all sessions only of those that have something to tell.
 */
export function contentionReport(
  panes: readonly ContentionPane[],
  windowSeconds: number,
  sessionId: string | null,
): ContentionReport {
  const rows = [...sessionRows(panes, windowSeconds, sessionId), ...keyRows(panes, sessionId)].sort(
    byHeat,
  );
  const max = limits.contentionRowsMax;
  return { windowSeconds, rows: rows.slice(0, max), truncated: rows.length > max };
}

function sessionRows(
  panes: readonly ContentionPane[],
  windowSeconds: number,
  sessionId: string | null,
): ContentionRow[] {
  const sessions = new Map<string, SessionHeat>();
  for (const pane of panes) {
    for (const { value } of pane.sessions.hitters()) {
      if (sessionId !== null && value.sessionId !== sessionId) continue;
      const sum = sessions.get(value.sessionId) ?? coldSession(value.sessionId);
      sessions.set(value.sessionId, sum);
      addSession(sum, value);
    }
  }
  const title = {
    actions: panes.reduce((sum, pane) => sum + pane.actions, 0),
    sessions: Math.max(...panes.map((pane) => pane.sessions.size)),
    windowSeconds,
  };
  const rows: ContentionRow[] = [];
  for (const session of sessions.values()) {
    const heats = sessionHeats(session, title);
    const troubled = session.conflicts + session.waits + sum(session.refusals) > 0;
    if (sessionId !== null || troubled || heats.length > 0) {
      rows.push(sessionRow(session, title.actions, heats));
    }
  }
  return rows;
}

function sessionRow(
  session: SessionHeat,
  titleActions: number,
  heats: SessionHeats,
): ContentionRow {
  return {
    kind: 'SESSION',
    sessionId: session.sessionId,
    sessions: 1,
    table: null,
    key: null,
    conflicts: session.conflicts,
    byCode: session.byCode,
    waits: session.waits,
    waitSeconds: session.waitSeconds,
    commits: session.commits,
    actions: session.actions,
    shareOfActions: titleActions === 0 ? 0 : session.actions / titleActions,
    applySeconds: session.applySeconds,
    refusals: session.refusals,
    hot: heats.length > 0,
    lastLsn: session.lastLsn === 0 ? null : session.lastLsn,
    advice: adviceForSession(heats),
  };
}

function keyRows(panes: readonly ContentionPane[], sessionId: string | null): ContentionRow[] {
  const keys = new Map<string, KeyHeat>();
  for (const pane of panes) {
    for (const { key: place, value } of pane.keys.hitters()) {
      const sum = keys.get(place) ?? coldKey(value.table, value.key, '');
      keys.set(place, sum);
      addKey(sum, value);
    }
  }
  const heats = Array.from(keys.values());
  return heats
    .filter(({ sessions }) => sessionId === null || sessions.includes(sessionId))
    .map(keyRow);
}

function keyRow(heat: KeyHeat): ContentionRow {
  const { sessions } = heat;
  const [first] = sessions;
  return {
    kind: 'KEY',
    sessionId: sessions.length === 1 && first !== undefined ? first : null,
    sessions: sessions.length,
    table: heat.table,
    key: heat.key,
    conflicts: heat.conflicts,
    byCode: heat.byCode,
    waits: 0,
    waitSeconds: 0,
    commits: null,
    actions: null,
    shareOfActions: null,
    applySeconds: null,
    refusals: {},
    hot: isHotKey(heat),
    lastLsn: heat.lastLsn,
    advice: adviceForKey(heat),
  };
}

function byHeat(a: ContentionRow, b: ContentionRow): number {
  return (
    Number(b.hot) - Number(a.hot) ||
    b.conflicts - a.conflicts ||
    b.waits - a.waits ||
    (b.commits ?? 0) - (a.commits ?? 0)
  );
}

function addSession(sum: SessionHeat, more: SessionHeat): void {
  sum.commits += more.commits;
  sum.actions += more.actions;
  sum.applySeconds += more.applySeconds;
  sum.conflicts += more.conflicts;
  sum.waits += more.waits;
  sum.waitSeconds += more.waitSeconds;
  addCounts(sum.byCode, more.byCode);
  addCounts(sum.refusals, more.refusals);
  if (more.lastLsn > sum.lastLsn) sum.lastLsn = more.lastLsn;
}

function addKey(sum: KeyHeat, more: KeyHeat): void {
  for (const sessionId of more.sessions) addSessionOf(sum, sessionId);
  sum.conflicts += more.conflicts;
  addCounts(sum.byCode, more.byCode);
  if (more.lastLsn > sum.lastLsn) sum.lastLsn = more.lastLsn;
}

function addCounts<Code extends string>(sums: Counts<Code>, more: Counts<Code>): void {
  for (const code in more) addCount(sums, code, more[code]);
}

function sum(counts: Counts<string>): number {
  return Object.values(counts).reduce<number>((total, count) => total + (count ?? 0), 0);
}
