import type { Turns, WorkOrder, WorkResult } from './turns.ts';
import type { Work } from './work.ts';

/**
 * Work that takes much memory, one piece at a time however many want theirs: owners take turns at
 * whole pieces. The piece under way is one owner's work among all others of the event loop.
 */
export class OneByOne {
  readonly #turns: Turns;
  readonly #owner: string;
  /** What waits, by its owner, in the order in which owners have their turns. */
  readonly #queues = new Map<string, (() => void)[]>();
  #isBusy = false;

  /** `owner`: whose work all of it is among the other work that `turns` does. */
  constructor(turns: Turns, owner: string) {
    this.#turns = turns;
    this.#owner = owner;
  }

  /** Starts the work as `Turns.start` does, once it is its turn. */
  start<T>(work: Work<T>, order: WorkOrder, result: WorkResult<T>): void {
    const begin = (): void => {
      this.#isBusy = true;
      this.#turns.start(
        work,
        { ...order, owner: this.#owner },
        {
          done: (value) => this.#end(() => result.done(value)),
          failed: (error) => this.#end(() => result.failed(error)),
        },
      );
    };
    if (!this.#isBusy) {
      begin();
      return;
    }
    const waiting = this.#queues.get(order.owner);
    if (waiting) waiting.push(begin);
    else this.#queues.set(order.owner, [begin]);
  }

  /** `tell` before the next piece begins: what was made is handed over first. */
  #end(tell: () => void): void {
    this.#isBusy = false;
    tell();
    if (this.#isBusy) return;
    const [next] = this.#queues;
    if (!next) return;
    const [owner, waiting] = next;
    const begin = waiting.shift();
    // Behind the others, if more of the owner's work waits.
    this.#queues.delete(owner);
    if (waiting.length > 0) this.#queues.set(owner, waiting);
    begin?.();
  }
}
