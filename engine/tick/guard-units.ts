import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { GuardCondition } from '../query/guard.ts';
import type { TickBatch } from './tick-batch.ts';

/** What a `like` costs beside another comparison, texts being short. */
const likeUnits = 32;

/**
 * Throws `LIMIT_EXCEEDED` for a tick whose guards would hold up all others. Only before it is
 * logged: what is logged is applied.
 */
export function checkGuardUnits(batch: TickBatch): void {
  let units = 0;
  for (const { guard, length } of batch.streams) {
    if (guard) units += unitsOf(guard.condition) * length;
  }
  if (units <= limits.tickGuardUnitsMax) return;
  throw new EngineError(
    'LIMIT_EXCEEDED',
    `the tick's require compares ${units} times, a tick may ${limits.tickGuardUnitsMax} times; a like counts ${likeUnits} times`,
    { details: { limit: 'tickGuardUnitsMax', max: limits.tickGuardUnitsMax } },
  );
}

function unitsOf(condition: GuardCondition): number {
  switch (condition.kind) {
    case 'and':
      return condition.all.reduce((units, part) => units + unitsOf(part), 0);
    case 'or':
      return condition.any.reduce((units, part) => units + unitsOf(part), 0);
    case 'not':
      return unitsOf(condition.inner);
    case 'isNull':
      return 1;
    case 'compare':
      return condition.op === 'like' ? likeUnits : 1;
  }
}
