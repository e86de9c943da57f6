import type { BrokenInvariant } from '../canary/broken-invariant.ts';
import type { CheckpointObserver } from '../recover/checkpoint-schedule.ts';

/** Told what a tick costs. */
export interface EngineObserver extends CheckpointObserver {
  /** One record was applied, views and shipping included. */
  onApply?(seconds: number): void;
  /** A tick waited for the one before it. */
  onWaited?(seconds: number): void;
  /** The memory of all ticks that wait so is this much now. */
  onWaitingBytes?(bytes: number): void;
  /** Canary mode found a bug, after which nothing more is acknowledged. Called once. */
  onBroken?(broken: BrokenInvariant): void;
}
