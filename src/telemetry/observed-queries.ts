import type { Ticket } from '../../engine/index.ts';
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
    ticket: Ticket,
    shown: Pick<RunningQuery, 'field' | 'sql'>,
    work: (ticket: Ticket) => Promise<T>,
  ): Promise<T> {
    const labels = { class: ticket.queryClass, kind: shown.field };
    const stop = this.#metrics.querySeconds.startTimer(labels);
    try {
      return await super.run(ticket, shown, work);
    } finally {
      stop();
    }
  }
}
