import { EngineError } from '../model/errors.ts';

/** Throws `LIMIT_EXCEEDED` past a bound; `what` names what was counted, in the plural. */
export function atMost(count: number, bound: number, what: string): void {
  if (count <= bound) return;
  throw new EngineError('LIMIT_EXCEEDED', `there are ${count} ${what}; at most ${bound} may be`, {
    details: { limit: bound, actual: count },
  });
}
