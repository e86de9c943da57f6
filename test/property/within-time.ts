import fc, { type Parameters, type RunDetails } from 'fast-check';
import * as budget from '../budget.ts';

export interface TimedRuns {
  /** Where the budget and the machine have the time. */
  readonly runs: number;
  /** So many runs suffice; fewer fail the test, for they have shown next to nothing. */
  readonly runsMin: number;
  /** Below the time of a test, so that a property which is cut short says so itself. */
  readonly timeLimitMs?: number;
}

/** Parameters of a property that a slow machine may cut short, but not to nothing. */
export function withinTime<Values>({
  runs,
  runsMin,
  timeLimitMs = 40_000,
}: TimedRuns): Parameters<Values> {
  const numRuns = Math.max(runsMin, budget.runs(runs));
  return {
    numRuns,
    interruptAfterTimeLimit: timeLimitMs,
    reporter: (details: RunDetails<Values>) => {
      if (details.failed) {
        throw new Error(fc.defaultReportMessage(details), { cause: details.errorInstance });
      }
      if (details.numRuns >= runsMin) return;
      throw new Error(
        `the property was cut short after ${details.numRuns} of ${numRuns} runs, ${runsMin} are needed; seed ${details.seed}`,
      );
    },
  };
}
