/**
 * Work that may be long, told so that it can be done in slices: it yields now and then what it has
 * cost since, in units of about a comparison, and whoever runs it decides when it goes on.
 */
export type Work<T> = Generator<number, T, void>;

/** How much a step of work may cost before it yields: some ten microseconds. */
export const stepUnits = 1_024;

/** Does it all in this turn of the event loop; for work on what a test or a check holds. */
export function finish<T>(work: Work<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}
