import { EngineError } from '../model/errors.ts';
import type { QueryClass } from '../model/types.ts';
import { type Departure, departureAt, neverLeaves } from './departure.ts';
import type { AuthorOf, RecordAuthor } from './record-author.ts';
import type { SpanSink } from './span-sink.ts';
import { WorkBudget } from './work-budget.ts';

/** What the engine may know of who asks. */
export interface TicketPrincipal {
  readonly subject: string;
  /** The role's name; null: none of the title's. */
  readonly role: string | null;
}

/** By what a request is found in logs and traces. */
export interface Trace {
  readonly requestId: string;
  /** The W3C trace context that the request came with; null: none, or no valid one. */
  readonly traceparent: string | null;
  /** Told of the parts of its way; null: it is not traced. */
  readonly spans: SpanSink | null;
}

/** When an answer is of no use any more. */
export interface Deadline {
  /** An instant of the engine's monotonic clock, in milliseconds. */
  readonly atMs: number;
  /** How long it gave when it was set; for messages. */
  readonly givenMs: number;
}

export interface TicketParts {
  readonly queryClass: QueryClass;
  readonly principal: TicketPrincipal;
  /** Null: none. */
  readonly deadline: Deadline | null;
  /** Whether anybody waits for the answer still. */
  readonly departure: Departure;
  readonly trace: Trace;
  /** What is left of the main thread's time, for all calls under the ticket together. */
  readonly budget: WorkBudget;
  /** How records name who asks; left out: records made under the ticket name nobody. */
  readonly authorOf?: AuthorOf | undefined;
}

/** Why a ticket is over: its deadline has passed, or nobody waits for the answer. */
export type TicketEnd = 'late' | 'left';

/**
 * What the engine knows of a request: the first parameter of every call that a request makes into
 * the engine. A ticket never changes; one with a nearer end is made from it. All of them spend one
 * budget.
 */
export class Ticket implements TicketParts {
  readonly queryClass: QueryClass;
  readonly principal: TicketPrincipal;
  readonly deadline: Deadline | null;
  readonly departure: Departure;
  readonly trace: Trace;
  readonly budget: WorkBudget;
  readonly authorOf: AuthorOf | undefined;
  readonly #nowMs: () => number;

  /** `nowMs`: the engine's monotonic clock; tests step another. */
  constructor(parts: TicketParts, nowMs: () => number = monotonicMs) {
    this.queryClass = parts.queryClass;
    this.principal = parts.principal;
    this.deadline = parts.deadline;
    this.departure = parts.departure;
    this.trace = parts.trace;
    this.budget = parts.budget;
    this.authorOf = parts.authorOf;
    this.#nowMs = nowMs;
  }

  /**
   * For work that no request asks for: of the engine itself, a tool or a test. It has no deadline,
   * ends with the signal if there is one, and may cost what it does. `purpose` names it where requests
   * are named.
   */
  static internal(
    purpose: string,
    { signal, nowMs = monotonicMs }: { signal?: AbortSignal; nowMs?: () => number } = {},
  ): Ticket {
    const parts: TicketParts = {
      queryClass: 'OPERATOR',
      principal: { subject: `tickloom:${purpose}`, role: null },
      deadline: null,
      departure: signal ? departureAt(signal) : neverLeaves,
      trace: { requestId: `tickloom:${purpose}`, traceparent: null, spans: null },
      budget: new WorkBudget(Number.POSITIVE_INFINITY),
    };
    return new Ticket(parts, nowMs);
  }

  /** Milliseconds up to the deadline, below 0 behind it; infinity where there is none. */
  get leftMs(): number {
    return this.deadline === null ? Number.POSITIVE_INFINITY : this.deadline.atMs - this.#nowMs();
  }

  /** Who a record that is made under the ticket names; null: nobody. */
  get author(): RecordAuthor | null {
    return this.authorOf?.(this.principal) ?? null;
  }

  /** Aborts when nobody waits for the answer any more. */
  get signal(): AbortSignal {
    return this.departure.signal;
  }

  /** Null while the answer is of use. */
  get end(): TicketEnd | null {
    if (this.departure.hasLeft) return 'left';
    return this.leftMs <= 0 ? 'late' : null;
  }

  /**
   * Throws when the ticket is over: `UNAVAILABLE` where nobody waits for the answer, `QUERY_TIMEOUT`
   * behind the deadline. Every call asks this before it does anything.
   */
  check(): void {
    const { end } = this;
    if (end !== null) throw endError(this, end);
  }

  /** A ticket whose deadline is `ms` from now, unless this one's is nearer. */
  within(ms: number): Ticket {
    if (ms >= this.leftMs) return this;
    return this.#with({ deadline: { atMs: this.#nowMs() + ms, givenMs: ms } });
  }

  /** A ticket that is over when the signal aborts, too. */
  until(signal: AbortSignal): Ticket {
    // Nothing is made to follow what outlives everything.
    const both = this.departure === neverLeaves ? signal : AbortSignal.any([this.signal, signal]);
    return this.#with({ departure: departureAt(both) });
  }

  /** For a request that goes on in another name or class, at the cost of the same budget. */
  inNameOf(principal: TicketPrincipal, queryClass: QueryClass): Ticket {
    return this.#with({ principal, queryClass });
  }

  /**
   * For work that others share and this request began: in its class and name, but over with the
   * signal alone, and at nobody's cost.
   */
  shared(signal: AbortSignal): Ticket {
    const budget = new WorkBudget(Number.POSITIVE_INFINITY);
    return this.#with({ deadline: null, departure: departureAt(signal), budget });
  }

  /**
   * Calls once when the ticket is over, its deadline `graceMs` ago, unless the returned function is
   * called before.
   */
  whenOver(tell: (end: TicketEnd) => void, graceMs = 0): () => void {
    const { leftMs } = this;
    const over = (end: TicketEnd) => {
      release();
      tell(end);
    };
    const forget = this.departure.whenLeft(() => over('left'));
    const timer = Number.isFinite(leftMs)
      ? setTimeout(() => over('late'), Math.max(0, Math.ceil(leftMs + graceMs)))
      : undefined;
    const release = () => {
      clearTimeout(timer);
      forget();
    };
    return release;
  }

  #with(parts: Partial<TicketParts>): Ticket {
    return new Ticket({ ...this, ...parts }, this.#nowMs);
  }
}

/** Nobody reads this answer any more; the log must not take it for a fault of the server. */
export function requestEnded(cause?: unknown): EngineError {
  return new EngineError('UNAVAILABLE', 'the request ended before its answer', { cause });
}

/** What a call answers that found its ticket over before it did anything. */
export function endError({ deadline }: Ticket, end: TicketEnd): EngineError {
  if (end === 'left') return requestEnded();
  const timeoutMs = deadline?.givenMs ?? 0;
  return new EngineError(
    'QUERY_TIMEOUT',
    `the ${timeoutMs} ms that the request had were over before this was begun; nothing of it was done`,
    { retryAfterMs: 1_000, details: { timeoutMs } },
  );
}

function monotonicMs(): number {
  return performance.now();
}
