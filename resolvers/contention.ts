import type { ContentionReport, ContentionRow } from '../engine/index.ts';
import type { Lsn } from '../engine/model/position.ts';
import { authoriseCapability, maySeeKeys } from './authorise.ts';
import { keyAsJson } from './column-value.ts';
import type { RequestContext } from './context.ts';
import { shownKey } from './stored-personal.ts';

/** A line of the report, and how far back it counts. */
export interface Contention extends ContentionRow {
  readonly windowSeconds: ContentionReport['windowSeconds'];
}

export interface ContentionCount {
  readonly code: string;
  readonly count: number;
}

/** Which sessions and rows conflict and wait. Keys of rows hidden from the role are left out. */
export function contention(
  _root: unknown,
  args: { readonly sessionId?: string | null | undefined },
  context: RequestContext,
): readonly Contention[] {
  authoriseCapability(context, 'explain');
  const { rows, windowSeconds, truncated } = context.engine.contention(
    context.ticket,
    args.sessionId ?? null,
  );
  if (truncated) context.report.cut('contention');
  return rows.map((row) => {
    const hidden = row.table !== null && !maySeeKeys(context.principal, row.table);
    return { ...row, windowSeconds, key: hidden ? null : row.key };
  });
}

/** The most frequent first. */
export function conflictCounts(row: Contention): readonly ContentionCount[] {
  return countsOf(row.byCode);
}

export function refusalCounts(row: Contention): readonly ContentionCount[] {
  return countsOf(row.refusals);
}

export function contendedKey(
  row: Contention,
  _args: unknown,
  context: RequestContext,
): Readonly<Record<string, unknown>> | null {
  if (row.key === null || row.table === null) return null;
  return keyAsJson(shownKey(context, row.table, row.key));
}

export function lastPosition(row: Contention): Lsn | null {
  return row.lastLsn;
}

function countsOf(counts: Readonly<Record<string, number>>): readonly ContentionCount[] {
  return Object.entries(counts)
    .map(([code, count]) => ({ code, count }))
    .sort((a, b) => b.count - a.count);
}
