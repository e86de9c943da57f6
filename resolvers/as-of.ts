import { EngineError } from '../engine/model/errors.ts';
import { limits } from '../engine/model/limits.ts';
import { type Lsn, parsePosition } from '../engine/model/position.ts';
import type { RequestContext } from './context.ts';
import { waitForApplied } from './fresh-reads.ts';
import { withinClass } from './query-bounds.ts';

/** An earlier moment, in one of three ways. */
export interface AsOf {
  readonly position?: string | null | undefined;
  /** Milliseconds since 1970. */
  readonly time?: number | null | undefined;
  readonly tick?: { readonly sessionId: string; readonly tick: number } | null | undefined;
}

/**
 * Where in the log the moment lies, once the node has applied what the client has seen; null where none
 * is asked for.
 */
export async function asOfLsn(
  context: RequestContext,
  asOf: AsOf | null | undefined,
  path = 'asOf',
): Promise<Lsn | null> {
  await waitForApplied(context);
  if (asOf === null || asOf === undefined) return null;
  const { engine, ticket, report } = context;
  const { position, time, tick } = asOf;
  if (typeof position === 'string') {
    const lsn = parsePosition(position, `${path}.position`);
    if (lsn > engine.appliedLsn) {
      await report.waitsFor(engine.waitForApplied(ticket.within(limits.readWaitMs), lsn));
    }
    return lsn;
  }
  if (typeof time === 'number') {
    if (time > Date.now())
      throw invalid(`${path}.time`, 'lies ahead; what will be is not known yet');
    return engine.columns.positionAt(withinClass(ticket), time);
  }
  if (tick) return engine.positionOfTick(withinClass(ticket), tick.sessionId, tick.tick);
  throw invalid(path, 'give a position, a time or a tick');
}

function invalid(path: string, problem: string): EngineError {
  return new EngineError('BAD_USER_INPUT', `${path}: ${problem}`, { details: { path } });
}
