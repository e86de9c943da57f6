import { randomUUID } from 'node:crypto';

/** One that is under way. */
export interface Underway<Shown> {
  readonly id: string;
  readonly shown: Shown;
  /** Aborts when an operator ends it; its reason is what the operator said. */
  readonly signal: AbortSignal;
  /** To be called however it ends; harmless when called again. */
  readonly leave: () => void;
}

interface Entry<Shown> {
  readonly number: number;
  readonly shown: Shown;
  readonly abort: AbortController;
}

/**
 * What runs in this process and an operator may list and end: queries, subscriptions. What has ended
 * leaves the list however it ended, so the list is as long as there is work.
 */
export class EndableWork<Shown> {
  readonly #entries = new Map<string, Entry<Shown>>();
  #last = 0;

  begin(shownAs: (id: string) => Shown): Underway<Shown> {
    this.#last += 1;
    const number = this.#last;
    // The number is where a page goes on, though the one it ended with has left by then.
    const id = `${number.toString(36)}-${randomUUID()}`;
    const abort = new AbortController();
    const shown = shownAs(id);
    this.#entries.set(id, { number, shown, abort });
    return { id, shown, signal: abort.signal, leave: () => void this.#entries.delete(id) };
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Oldest first; after the one of an id, which may have ended. */
  *list(after: string | null = null): Iterable<Shown> {
    const behind = after === null ? 0 : numberOf(after);
    for (const { number, shown } of this.#entries.values()) if (number > behind) yield shown;
  }

  /** Ends the one of an id; what it was, null where none of that id runs. */
  end(id: string, reason: string): Shown | null {
    const entry = this.#entries.get(id);
    entry?.abort.abort(reason);
    return entry?.shown ?? null;
  }
}

/** NaN for what is no id: nothing is behind it. */
function numberOf(id: string): number {
  return Number.parseInt(/^([0-9a-z]{1,10})-/.exec(id)?.[1] ?? '', 36);
}
