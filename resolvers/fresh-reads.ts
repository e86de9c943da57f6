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
  if (minPosition === null || minPosition === undefined) return;
  const { ticket, engine, report } = context;
  const { columns } = engine;
  const lsn = parsePosition(minPosition, 'minPosition');
  if (lsn <= columns.coveredLsn) return;
  await report.waitsFor(columns.waitForCovered(ticket.within(limits.readWaitMs), lsn));
}
