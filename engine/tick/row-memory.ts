import { EngineError } from '../model/errors.ts';
import type { TitleState } from '../state/title-state.ts';
import type { TickBatch } from './tick-batch.ts';

/**
 * Refuses what may create rows once live rows fill their budget, long before the process is in
 * danger; updates and deletes go on. Throws `QUOTA_EXCEEDED`.
 */
export function checkRowMemory(state: TitleState, batch: TickBatch, bytesMax: number): void {
  const { memoryBytes } = state;
  if (memoryBytes < bytesMax) return;
  if (!batch.streams.some(({ op }) => op === 'insert' || op === 'upsert')) return;
  throw new EngineError(
    'QUOTA_EXCEEDED',
    `live rows fill their ${bytesMax} bytes of memory: delete rows of ended matches, or raise the budget`,
    { retryAfterMs: 1000, details: { limit: bytesMax, actual: memoryBytes } },
  );
}
