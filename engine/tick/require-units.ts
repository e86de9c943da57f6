import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { type FormLeaf, walkCondition } from '../query/condition.ts';
import type { ConditionForm } from '../query/condition-form.ts';
import type { TickBatch } from './tick-batch.ts';

/** What a `like` costs beside another comparison, texts being short. */
const likeUnits = 32;

/**
 * Throws `LIMIT_EXCEEDED` for a tick whose `require`s would hold up all others. Only before it is
 * logged: what is logged is applied.
 */
export function checkRequireUnits(batch: TickBatch): void {
  let units = 0;
  for (const { require, length } of batch.streams) {
    if (require) units += unitsOf(require.form) * length;
  }
  if (units <= limits.tickGuardUnitsMax) return;
  throw new EngineError(
    'LIMIT_EXCEEDED',
    `the tick's require compares ${units} times, a tick may ${limits.tickGuardUnitsMax} times; a like counts ${likeUnits} times`,
    { details: { limit: 'tickGuardUnitsMax', max: limits.tickGuardUnitsMax } },
  );
}

function unitsOf(form: ConditionForm): number {
  const sum = (parts: readonly number[]) => parts.reduce((units, part) => units + part, 0);
  return walkCondition<number, FormLeaf>(form, {
    and: sum,
    or: sum,
    not: (inner) => inner,
    isNull: () => 1,
    compare: ({ op }) => (op === 'like' ? likeUnits : 1),
  });
}
