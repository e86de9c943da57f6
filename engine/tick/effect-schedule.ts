import type { EffectRun } from './effect-run.ts';
import { tickItself } from './tick-batch.ts';

/**
 * Which runs have effects of which action: for each action a range of `entries`, for the tick
 * itself the last. Built in one pass over the effects, so that applying a tick costs its actions
 * plus its effects, not actions times streams (a tick may have thousands of either).
 */
export interface EffectSchedule {
  /** Entries of action `a` are `entries[starts[a]]` up to `entries[starts[a + 1]]`. */
  readonly starts: Uint32Array;
  /** Indices of runs, rising within an action. */
  readonly entries: Uint32Array;
}

export function scheduleOf(runs: readonly EffectRun[], actions: number): EffectSchedule {
  if (runs.length === 0) return { starts: new Uint32Array(actions + 2), entries: none };
  const starts = new Uint32Array(actions + 2);
  forEachTurn(runs, actions, (slot) => {
    starts[slot + 1] = (starts[slot + 1] as number) + 1;
  });
  for (let slot = 0; slot <= actions; slot++) {
    starts[slot + 1] = (starts[slot + 1] as number) + (starts[slot] as number);
  }
  const entries = new Uint32Array(starts[actions + 1] as number);
  const next = starts.slice();
  forEachTurn(runs, actions, (slot, run) => {
    const at = next[slot] as number;
    entries[at] = run;
    next[slot] = at + 1;
  });
  return { starts, entries };
}

const none = new Uint32Array(0);

/** Every run's actions, each once. */
function forEachTurn(
  runs: readonly EffectRun[],
  actions: number,
  visit: (slot: number, run: number) => void,
): void {
  for (let run = 0; run < runs.length; run++) {
    const { action, length } = (runs[run] as EffectRun).stream;
    let previous = -1;
    for (let row = 0; row < length; row++) {
      const slot = action[row] === tickItself ? actions : (action[row] as number);
      if (slot !== previous) visit(slot, run);
      previous = slot;
    }
  }
}
