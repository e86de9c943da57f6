import { limits } from '../engine/model/limits.ts';
import { type Lsn, parsePosition } from '../engine/model/position.ts';
import type { RequestContext } from './context.ts';

/**
 * How fresh a read is. Reads of live rows and views see every tick this node has applied; a client
 * that has seen more says so (`x-tickloom-read-after`) and is kept waiting. Reads of the column
 * store state what they cover, and a caller may demand a position (`minPosition`).
 */

/** Waits until the node has applied what the client has seen, then tells where the read stands. */
export async function waitForApplied(context: RequestContext): Promise<Lsn> {
  const { engine, readAfter, ticket, report } = context;
  if (readAfter !== null && readAfter > engine.appliedLsn) {
    await report.waitsFor(engine.waitForApplied(ticket.within(limits.readWaitMs), readAfter));
  }
  return sawApplied(context);
}

/** Where a read stands that ends now. */
export function sawApplied({ engine, report }: RequestContext): Lsn {
  report.sawPosition(engine.appliedLsn);
  return engine.appliedLsn;
}

/**
 * Waits as `waitForApplied` does, then until the column store covers `minPosition`, where one is
 * demanded.
 */
export async function waitForCovered(
  context: RequestContext,
  minPosition: string | null | undefined,
): Promise<void> {
  await waitForApplied(context);
  const lsn = minPositionOf(minPosition);
  if (lsn !== null) await cover(context, lsn);
}

/**
 * As `waitForCovered`, for rows that are live as well: whoever saw a row of them live, or wrote it, has
 * it in the column store, too.
 */
export async function waitForCoveredRows(
  context: RequestContext,
  minPosition: string | null | undefined,
): Promise<void> {
  await waitForCovered(context, minPosition);
  if (context.readAfter !== null) await cover(context, context.readAfter);
}

/** Waits until the node has applied what the client has seen, and `minPosition` where one is demanded. */
export async function waitForMinimum(
  context: RequestContext,
  minPosition: string | null | undefined,
): Promise<void> {
  await waitForApplied(context);
  const lsn = minPositionOf(minPosition);
  if (lsn === null) return;
  const { engine, ticket, report } = context;
  await report.waitsFor(engine.waitForApplied(ticket.within(limits.readWaitMs), lsn));
}

function minPositionOf(minPosition: string | null | undefined): Lsn | null {
  if (minPosition === null || minPosition === undefined) return null;
  return parsePosition(minPosition, 'minPosition');
}

async function cover({ engine, ticket, report }: RequestContext, lsn: Lsn): Promise<void> {
  const { columns } = engine;
  if (lsn <= columns.coveredLsn) return;
  await report.waitsFor(columns.waitForCovered(ticket.within(limits.readWaitMs), lsn));
}
