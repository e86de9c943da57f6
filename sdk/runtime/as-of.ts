import type { Position } from './position.ts';

/** An earlier moment: a place in the log, a time, or after a tick of a session. */
export type AsOf =
  | { readonly position: Position }
  | { readonly time: Date }
  | { readonly tick: { readonly sessionId: string; readonly tick: number } };

export function encodeAsOf(asOf: AsOf | undefined): unknown {
  if (asOf === undefined || !('time' in asOf)) return asOf;
  return { time: asOf.time.toISOString() };
}
