import { Ticket } from './ticket.ts';
import type { Turns, WorkResult } from './turns.ts';
import type { Work } from './work.ts';

/**
 * Work that takes much memory, one piece at a time however many want theirs: subjects take turns at
 * whole pieces. The piece under way is one subject's work among all others of the event loop.
 */
export class OneByOne {
  readonly #turns: Turns;
  readonly #purpose: string;
  /** What waits, by its subject, in the order in which subjects have their turns. */
  readonly #queues = new Map<string, (() => void)[]>();
  #isBusy = false;

  /** `purpose`: whose work all of it is among the other work that `turns` does. */
  constructor(turns: Turns, purpose: string) {
    this.#turns = turns;
    this.#purpose = purpose;
  }

  /** Starts the work as `Turns.start` does, once it is its turn; it ends with the ticket's signal alone. */
  start<T>(ticket: Ticket, work: Work<T>, result: WorkResult<T>): void {
    const begin = (): void => {
      this.#isBusy = true;
      const own = Ticket.internal(this.#purpose, { signal: ticket.signal });
      this.#turns.start(own, work, {
        done: (value) => this.#end(() => result.done(value)),
        failed: (error) => this.#end(() => result.failed(error)),
      });
    };
    if (!this.#isBusy) {
      begin();
      return;
    }
    const { subject } = ticket.principal;
    const waiting = this.#queues.get(subject);
    if (waiting) waiting.push(begin);
    else this.#queues.set(subject, [begin]);
  }

  /** `tell` before the next piece begins: what was made is handed over first. */
  #end(tell: () => void): void {
    this.#isBusy = false;
    tell();
    if (this.#isBusy) return;
    const [next] = this.#queues;
    if (!next) return;
    const [subject, waiting] = next;
    const begin = waiting.shift();
    // Behind the others, if more of the subject's work waits.
    this.#queues.delete(subject);
    if (waiting.length > 0) this.#queues.set(subject, waiting);
    begin?.();
  }
}
