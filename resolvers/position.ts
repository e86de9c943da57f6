import type { Lsn } from '../engine/model/position.ts';

/** Where something stands in the log: an outcome, a page, a frame, a session, an export. */
export function position(placed: { readonly lsn: Lsn }): Lsn {
  return placed.lsn;
}

/** Up to where an answer of the column store is complete. */
export function coveredPosition(answer: { readonly coveredLsn: Lsn }): Lsn {
  return answer.coveredLsn;
}
