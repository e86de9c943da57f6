import type { Frame } from './view-engine.ts';

/**
 * - `lag`: the subscriber fell behind what the feed remembers.
 * - `too_old`: the cursor did.
 * - `definition`: the cursor is of another view, definition or `where`.
 * - `ahead`: the cursor is of a place this log has not reached.
 * - `diverged`: the log has other ticks at the cursor's place, or the feed began anew.
 */
export type ResetReason = 'lag' | 'too_old' | 'definition' | 'ahead' | 'diverged';

/** Told what feeds do, for metrics. Called on the hot path: must be quick and must not throw. */
export interface ViewObserver {
  /**
   * A frame was handed to a subscriber. `lagTicks`: ticks of the feed that came after the frame;
   * `stalenessMs`: age of its newest change when it was handed over, 0 but for a DELTA.
   */
  frame(source: string, kind: Frame['kind'], lagTicks: number, stalenessMs: number): void;
  reset(source: string, reason: ResetReason): void;
  /** A subscriber that asked for it was disconnected because it fell behind. */
  overloaded(source: string): void;
  /** A change set was folded into every view. */
  folded(elapsedMs: number): void;
}
