import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { TitleState } from '../state/title-state.ts';
import type { TickBatch } from './tick-batch.ts';

/** What views take of the same budget. */
export interface ViewMemory {
  readonly memoryBytes: number;
  /** Whether the batch may bring groups or values that no live row stands for. */
  mayGrow(batch: TickBatch): boolean;
}

/**
 * Refuses what may grow once live rows and views fill their budget, long before the process is in
 * danger. At the budget: ticks that may create rows; updates and deletes go on, and so do actions
 * and events, so that matches under way can end. What views hold of these grows on meanwhile; a
 * part of the budget past it (`viewOverdraftShare`) they are refused as well.
 *
 * ```
 *   0 ──────────── budget ───────── budget + overdraft ────▶ bytes of rows and views
 *    all           no new rows      no actions or events that a view groups, either
 * ```
 *
 * Views of live rows need no rule of their own: of a row they hold one group and one value an
 * aggregate at most. Throws `QUOTA_EXCEEDED`; decided before the tick is logged, by nothing but the
 * bytes counted and the kinds of its effects.
 */
export function checkRowMemory(
  state: Pick<TitleState, 'memoryBytes'>,
  views: ViewMemory,
  batch: TickBatch,
  bytesMax: number,
): void {
  const rowBytes = state.memoryBytes;
  const viewBytes = views.memoryBytes;
  const actual = rowBytes + viewBytes;
  if (actual < bytesMax) return;
  const overdrawn = actual >= bytesMax * (1 + limits.viewOverdraftShare);
  if (batch.streams.some(({ op }) => op === 'insert' || op === 'upsert')) {
    throw refusal(
      'delete rows of ended matches, or raise the budget',
      bytesMax,
      rowBytes,
      viewBytes,
    );
  }
  if (overdrawn && views.mayGrow(batch)) {
    const mend =
      'views of actions and events would grow on: raise the budget, group by less, or delete rows of ended matches by ticks without actions';
    throw refusal(mend, bytesMax, rowBytes, viewBytes);
  }
}

function refusal(mend: string, bytesMax: number, rowBytes: number, viewBytes: number): EngineError {
  return new EngineError(
    'QUOTA_EXCEEDED',
    `live rows (${rowBytes} bytes) and views (${viewBytes}) fill their ${bytesMax} bytes of memory: ${mend}`,
    {
      retryAfterMs: 1000,
      details: {
        limit: 'rowMemoryBytesMax',
        max: bytesMax,
        actual: rowBytes + viewBytes,
        rowBytes,
        viewBytes,
      },
    },
  );
}
