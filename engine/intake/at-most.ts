import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';

/** Throws `LIMIT_EXCEEDED` past a bound; `what` names what was counted, in the plural. */
export function atMost(count: number, limit: keyof typeof limits, what: string): void {
  const max = limits[limit];
  if (count <= max) return;
  throw new EngineError('LIMIT_EXCEEDED', `there are ${count} ${what}; at most ${max} may be`, {
    details: { limit, max, actual: count },
  });
}
