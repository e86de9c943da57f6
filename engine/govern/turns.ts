import { EngineError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { Work } from './work.ts';
import type { WorkBudget } from './work-budget.ts';

/** What `Turns` needs of the world. */
export interface TurnClock {
  /** Milliseconds from any origin, never going back. */
  now(): number;
  /** Calls once, in a later turn of the event loop. */
  defer(callback: () => void): void;
}

/** On whose behalf work is done, and when it ends unfinished. */
export interface WorkOrder {
  /** Owners take turns; of one owner's work one piece is under way, the others wait. */
  readonly owner: string;
  readonly signal?: AbortSignal;
  /** How long the work may take from its order on, waiting included. */
  readonly timeoutMs?: number;
  readonly budget?: WorkBudget;
  /** The error once the budget is spent. */
  readonly tooMuch?: () => EngineError;
}

export interface WorkResult<T> {
  done(value: T): void;
  failed(error: unknown): void;
}

interface Job {
  readonly order: WorkOrder;
  readonly deadlineMs: number;
  /** Goes on with the job; false when it has ended, either way. */
  step(): boolean;
  fail(error: unknown): void;
}

/**
 * Long work on the main thread, in slices between which the event loop turns: commits are taken
 * and answered meanwhile. All work of a process shares one slice a turn, so that many pieces of
 * work hold up a tick no longer than one. What is short is done at once, as long as the turn has
 * time left for it.
 */
export class Turns {
  readonly #clock: TurnClock;
  /** The jobs of each owner, in the order in which owners have their turns. */
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
   * Rejects with what the work throws, `UNAVAILABLE` when the signal aborts, `QUERY_TIMEOUT`, or
   * `OVERLOADED` when too much of the owner's work waits.
   */
  run<T>(work: Work<T>, order: WorkOrder): Promise<T> {
    if ((this.#queues.get(order.owner)?.length ?? 0) >= limits.workWaitingMax) {
      const message = `${limits.workWaitingMax} reads of this subject wait already; wait for their answers`;
      const details = { limit: 'workWaitingMax', max: limits.workWaitingMax };
      return Promise.reject(new EngineError('OVERLOADED', message, { retryAfterMs: 250, details }));
    }
    return new Promise((done, failed) => this.start(work, order, { done, failed }));
  }

  /**
   * Starts work as `run` does, for callers that bound themselves how much of theirs waits. Short work
   * is done before `start` returns.
   */
  start<T>(work: Work<T>, order: WorkOrder, result: WorkResult<T>): void {
    const job: Job = {
      order,
      deadlineMs: this.#clock.now() + (order.timeoutMs ?? Number.POSITIVE_INFINITY),
      step: () => {
        const step = work.next();
        if (step.done) {
          result.done(step.value);
          return false;
        }
        if (order.budget && !order.budget.spend(step.value)) {
          throw order.tooMuch?.() ?? new EngineError('LIMIT_EXCEEDED', 'the read costs too much');
        }
        return true;
      },
      fail: (error) => {
        work.return(undefined as T);
        result.failed(error);
      },
    };
    const isNext = this.#queues.size === 0 && this.#spentMs < limits.workSliceMs;
    if (isNext && !this.#slice(job)) return;
    const jobs = this.#queues.get(order.owner);
    if (jobs) jobs.push(job);
    else this.#queues.set(order.owner, [job]);
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
    const [owner, jobs] = next;
    // Behind the others before it runs: what it ends may order more.
    this.#queues.delete(owner);
    this.#queues.set(owner, jobs);
    if (!this.#slice(jobs[0] as Job)) jobs.shift();
    if (jobs.length === 0) this.#queues.delete(owner);
  }

  /** False when the job has ended. */
  #slice(job: Job): boolean {
    const beginMs = this.#clock.now();
    const endMs = beginMs + limits.workSliceMs - this.#spentMs;
    try {
      for (;;) {
        if (job.order.signal?.aborted) {
          throw new EngineError('UNAVAILABLE', 'the request ended before its answer');
        }
        if (!job.step()) return false;
        const nowMs = this.#clock.now();
        if (nowMs >= job.deadlineMs) {
          throw new EngineError(
            'QUERY_TIMEOUT',
            `the read took longer than ${job.order.timeoutMs} ms; narrow its where, or ask for less at once`,
            { retryAfterMs: 1_000, details: { timeoutMs: job.order.timeoutMs } },
          );
        }
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

/** The turns of the whole process: what titles read shares one thread. */
export const mainTurns = new Turns({
  now: () => performance.now(),
  defer: (callback) => void setImmediate(callback),
});
