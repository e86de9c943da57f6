import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { requestEnded, type Ticket } from './ticket.ts';
import type { Work } from './work.ts';

/** What `Turns` needs of the world. */
export interface TurnClock {
  /** Milliseconds from any origin, never going back. */
  now(): number;
  /** Calls once, in a later turn of the event loop. */
  defer(callback: () => void): void;
}

/** The error once a ticket's budget is spent. */
export type TooMuch = () => EngineError;

export interface WorkResult<T> {
  done(value: T): void;
  failed(error: unknown): void;
}

interface Job {
  readonly ticket: Ticket;
  /** Goes on with the job; false when it has ended, either way. */
  step(): boolean;
  fail(error: unknown): void;
}

/**
 * Long work on the main thread, in slices between which the event loop turns: commits are taken
 * and answered meanwhile. All work of a process shares one slice a turn, so that many pieces of
 * work hold up a tick no longer than one. Subjects take turns: of one subject's work one piece is
 * under way, the others wait. What is short is done at once, as long as the turn has time left for
 * it.
 */
export class Turns {
  readonly #clock: TurnClock;
  /** The jobs of each subject, in the order in which subjects have their turns. */
  readonly #queues = new Map<string, Job[]>();
  #spentMs = 0;
  #planned = false;

  constructor(clock: TurnClock) {
    this.#clock = clock;
  }

  /** Pieces of work that have begun or wait. */
  get waiting(): number {
    let waiting = 0;
    for (const jobs of this.#queues.values()) waiting += jobs.length;
    return waiting;
  }

  /**
   * Rejects with what the work throws, `UNAVAILABLE` when the ticket's request ends, `QUERY_TIMEOUT`
   * at its deadline, waiting included, `tooMuch` once its budget is spent, or `OVERLOADED` when too
   * much of its subject's work waits.
   */
  async run<T>(ticket: Ticket, work: Work<T>, tooMuch: TooMuch = costsTooMuch): Promise<T> {
    ticket.check();
    if ((this.#queues.get(ticket.principal.subject)?.length ?? 0) >= limits.workWaitingMax) {
      const message = `${limits.workWaitingMax} reads of this subject wait already; wait for their answers`;
      const details = { limit: 'workWaitingMax', max: limits.workWaitingMax };
      throw new EngineError('OVERLOADED', message, { retryAfterMs: 250, details });
    }
    return new Promise((done, failed) => this.start(ticket, work, { done, failed }, tooMuch));
  }

  /**
   * Starts work as `run` does, for callers that bound themselves how much of theirs waits. Short work
   * is done before `start` returns.
   */
  start<T>(
    ticket: Ticket,
    work: Work<T>,
    result: WorkResult<T>,
    tooMuch: TooMuch = costsTooMuch,
  ): void {
    const { subject } = ticket.principal;
    const job: Job = {
      ticket,
      step: () => {
        const step = work.next();
        if (step.done) {
          result.done(step.value);
          return false;
        }
        if (!ticket.budget.spend(step.value)) throw tooMuch();
        return true;
      },
      fail: (error) => {
        work.return(undefined as T);
        result.failed(error);
      },
    };
    const isNext = this.#queues.size === 0 && this.#spentMs < limits.workSliceMs;
    if (isNext && !this.#slice(job)) return;
    const jobs = this.#queues.get(subject);
    if (jobs) jobs.push(job);
    else this.#queues.set(subject, [job]);
    this.#plan();
  }

  #plan(): void {
    if (this.#planned) return;
    this.#planned = true;
    this.#clock.defer(() => this.#turn());
  }

  #turn(): void {
    this.#planned = false;
    this.#spentMs = 0;
    // What ends early leaves the rest of the slice to the next.
    while (this.#queues.size > 0 && this.#spentMs < limits.workSliceMs) this.#next();
    if (this.#queues.size > 0) this.#plan();
  }

  #next(): void {
    const [next] = this.#queues;
    if (!next) return;
    const [subject, jobs] = next;
    // Behind the others before it runs: what it ends may order more.
    this.#queues.delete(subject);
    this.#queues.set(subject, jobs);
    if (!this.#slice(jobs[0] as Job)) jobs.shift();
    if (jobs.length === 0) this.#queues.delete(subject);
  }

  /** False when the job has ended. */
  #slice(job: Job): boolean {
    const beginMs = this.#clock.now();
    const endMs = beginMs + limits.workSliceMs - this.#spentMs;
    try {
      for (;;) {
        if (job.ticket.departure.hasLeft) throw requestEnded();
        if (!job.step()) return false;
        const nowMs = this.#clock.now();
        const { deadline } = job.ticket;
        if (deadline !== null && nowMs >= deadline.atMs) throw tookTooLong(deadline.givenMs);
        if (nowMs >= endMs) return true;
      }
    } catch (error) {
      job.fail(error);
      return false;
    } finally {
      this.#spentMs += this.#clock.now() - beginMs;
      if (this.#spentMs > 0) this.#plan();
    }
  }
}

function tookTooLong(timeoutMs: number): EngineError {
  return new EngineError(
    'QUERY_TIMEOUT',
    `the read took longer than ${timeoutMs} ms; narrow its where, or ask for less at once`,
    { retryAfterMs: 1_000, details: { timeoutMs } },
  );
}

function costsTooMuch(): EngineError {
  return new EngineError('LIMIT_EXCEEDED', 'the read costs too much', {
    details: { limit: 'operationUnitsMax', max: limits.operationUnitsMax },
  });
}

/** The turns of the whole process: what titles read shares one thread. */
export const mainTurns = new Turns({
  now: () => performance.now(),
  defer: (callback) => void setImmediate(callback),
});
