import { requestEnded, type Ticket } from '../engine/index.ts';
import { EngineError } from '../engine/model/errors.ts';
import type { QueryClass } from '../engine/model/types.ts';
import { EndableWork } from './endable-work.ts';

export interface RunningQuery {
  readonly id: string;
  /** The root field it answers, such as `sql` or `actionLogGroups`. */
  readonly field: string;
  readonly subject: string;
  readonly role: string;
  readonly class: QueryClass;
  readonly startedAtMs: number;
  /** The text of an `sql` query; null for typed ones. */
  readonly sql: string | null;
}

/**
 * The analytical queries of one title that run in this process, so that they can be listed and
 * killed. A query leaves the list however it ends, so the list is as long as there is work.
 */
export class RunningQueries {
  readonly #running = new EndableWork<RunningQuery>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = () => Date.now()) {
    this.#nowMs = nowMs;
  }

  /**
   * Runs `work` under a ticket that is over with the request's or by `kill`. Rejects with
   * `QUERY_KILLED` when it was killed and `UNAVAILABLE` when its request ended, whatever `work` made
   * of its ticket.
   */
  async run<T>(
    ticket: Ticket,
    shown: Pick<RunningQuery, 'field' | 'sql'>,
    work: (ticket: Ticket) => Promise<T>,
  ): Promise<T> {
    const { subject, role } = ticket.principal;
    const { id, signal, leave } = this.#running.begin(
      (id): RunningQuery => ({
        id,
        field: shown.field,
        subject,
        role: role ?? '',
        class: ticket.queryClass,
        startedAtMs: this.#nowMs(),
        sql: shown.sql,
      }),
    );
    try {
      return await work(ticket.until(signal));
    } catch (error) {
      if (signal.aborted) {
        throw new EngineError('QUERY_KILLED', 'the query was killed by an operator', {
          details: { queryId: id },
          cause: error,
        });
      }
      if (ticket.departure.hasLeft) throw requestEnded(error);
      throw error;
    } finally {
      leave();
    }
  }

  /** Oldest first. */
  list(): readonly RunningQuery[] {
    return [...this.#running.list()];
  }

  /** Stops the query of an id; true when it ran and was told to stop. */
  kill(id: string): boolean {
    return this.#running.end(id, '') !== null;
  }
}
