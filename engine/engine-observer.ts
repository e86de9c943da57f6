import type { BrokenInvariant } from './canary/broken-invariant.ts';
import type { DroppedSegments } from './log/commit-log.ts';

/** Told what a tick costs. */
export interface EngineObserver {
  /** One record was applied, views and shipping included. */
  onApply?(seconds: number): void;
  /** A tick waited for the one before it. */
  onWaited?(seconds: number): void;
  /** The memory of all ticks that wait so is this much now. */
  onWaitingBytes?(bytes: number): void;
  /** A checkpoint was taken, or could not be (`error`); the one before then stays. */
  onCheckpoint?(seconds: number, error: Error | null): void;
  /** Old log was dropped, or could not be (`error`). */
  onLogDropped?(dropped: DroppedSegments, error: Error | null): void;
  /** Canary mode found a bug, after which nothing more is acknowledged. Called once. */
  onBroken?(broken: BrokenInvariant): void;
}
