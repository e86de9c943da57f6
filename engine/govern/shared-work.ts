import type { WorkResult } from './turns.ts';

interface UnderWay<T> {
  readonly waiting: Set<WorkResult<T>>;
  readonly abort: AbortController;
}

/** Work by name, done once for all who want its result while it is under way. */
export class SharedWork<T> {
  readonly #underWay = new Map<string, UnderWay<T>>();

  /** `begin` starts the work where nobody waits for it yet; its signal aborts once all have left. */
  join(
    name: string,
    waiter: WorkResult<T>,
    begin: (signal: AbortSignal, result: WorkResult<T>) => void,
  ): void {
    const known = this.#underWay.get(name);
    if (known) {
      known.waiting.add(waiter);
      return;
    }
    const own: UnderWay<T> = { waiting: new Set([waiter]), abort: new AbortController() };
    this.#underWay.set(name, own);
    const end = (tell: (waiter: WorkResult<T>) => void): void => {
      if (this.#underWay.get(name) === own) this.#underWay.delete(name);
      for (const each of own.waiting) tell(each);
    };
    begin(own.abort.signal, {
      done: (value) => end((each) => each.done(value)),
      failed: (error) => end((each) => each.failed(error)),
    });
  }

  /** The waiter wants nothing any more; harmless where it waits for nothing. */
  leave(waiter: WorkResult<T>): void {
    for (const [name, { waiting, abort }] of this.#underWay) {
      if (!waiting.delete(waiter) || waiting.size > 0) continue;
      this.#underWay.delete(name);
      abort.abort();
    }
  }
}
