import type { TickHeader } from '../../engine/tick/tick-batch.ts';

/** A tick of session `s` by itself: no fence, no key, rejecting single actions. */
export function tickHeader(tick: number | null, more: Partial<TickHeader> = {}): TickHeader {
  return {
    sessionId: 's',
    tick,
    fence: null,
    idempotencyKey: null,
    onConflict: 'REJECT_ACTION',
    afterTick: null,
    ...more,
  };
}
