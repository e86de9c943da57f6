import { RunningQueries, type RunningQuery } from '../../resolvers/running-queries.ts';
import type { Metrics } from './metrics.ts';

/** The running queries of a title, each timed. */
export class ObservedQueries extends RunningQueries {
  readonly #metrics: Metrics;

  constructor(metrics: Metrics) {
    super();
    this.#metrics = metrics;
  }

  override async run<T>(
    query: Omit<RunningQuery, 'id' | 'startedAtMs'>,
    requestSignal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const stop = this.#metrics.querySeconds.startTimer({ class: query.class, kind: query.field });
    try {
      return await super.run(query, requestSignal, work);
    } finally {
      stop();
    }
  }
}
