import { EngineError } from '../../model/errors.ts';
import { limits } from '../../model/limits.ts';
import type { Condition } from '../../query/condition.ts';
import { conditionUnits } from '../../query/condition-units.ts';

/**
 * What the conditions of live subscriptions cost: each is asked of every changed row of its feed,
 * tick after tick, so that one is bounded by itself and all of a subject are bounded together.
 */
export class SubscriptionBudget {
  readonly #unitsBySubject = new Map<string, number>();

  /** Throws `LIMIT_EXCEEDED`. Returns what takes the condition off again; to be called once. */
  reserve(subject: string, where: Condition | null): () => void {
    const units = conditionUnits(where);
    if (units > limits.subscriptionUnitsMax) {
      throw tooMuch(
        'subscriptionUnitsMax',
        `where: a subscription's condition may cost ${limits.subscriptionUnitsMax} comparisons a row, this one costs about ${units}; use an in for many values of one column, and fewer like`,
      );
    }
    const before = this.#unitsBySubject.get(subject) ?? 0;
    if (before + units > limits.subjectSubscriptionUnitsMax) {
      throw tooMuch(
        'subjectSubscriptionUnitsMax',
        `where: the conditions of all subscriptions of a subject may cost ${limits.subjectSubscriptionUnitsMax} comparisons a row; end some, or make them simpler`,
      );
    }
    this.#unitsBySubject.set(subject, before + units);
    return () => {
      const left = (this.#unitsBySubject.get(subject) ?? 0) - units;
      if (left > 0) this.#unitsBySubject.set(subject, left);
      else this.#unitsBySubject.delete(subject);
    };
  }
}

function tooMuch(
  limit: 'subscriptionUnitsMax' | 'subjectSubscriptionUnitsMax',
  message: string,
): EngineError {
  return new EngineError('LIMIT_EXCEEDED', message, {
    details: { path: 'where', limit, max: limits[limit] },
  });
}
