import { hasCode, TickloomError } from './errors.ts';
import type { CommitOptions, TickCommitter, TickOutcome, TickRequest } from './tick-commit.ts';

export interface PipelineOptions extends CommitOptions {
  /** Ticks sent and not yet settled; 1 to 64, 16 unless told otherwise. */
  readonly inFlightMax?: number | undefined;
  /** Ticks that may wait here for their turn; past it `commit` refuses. */
  readonly queuedMax?: number | undefined;
}

/** The server lets so many ticks of a session wait for the one before them. */
const inFlightLimit = 64;

/**
 * A tick failed for good, and with it the pipeline. Code, category and details are those of the
 * failure; `cause` is the failure itself. Where its `outcomeUnknown` is true, that tick and later
 * ones that were on the way may have been applied: `session.info()` tells the last.
 */
export class PipelineStoppedError extends TickloomError {
  override readonly name = 'PipelineStoppedError';
  readonly failedTick: number;

  constructor(failedTick: number, cause: TickloomError) {
    super(cause.code, `tick ${failedTick} stopped the pipeline: ${cause.message}`, {
      cause,
      details: cause.details,
      retryAfterMs: cause.retryAfterMs ?? undefined,
      requestId: cause.requestId ?? undefined,
    });
    this.failedTick = failedTick;
  }
}

/** Where a tick stands in the pipeline; `README.md` tells what moves it on. */
type TickState =
  | { readonly name: 'queued' | 'sent' }
  | { readonly name: 'answered'; readonly outcome: TickOutcome }
  | { readonly name: 'failed'; readonly error: unknown };

interface Entry {
  readonly tick: number;
  readonly request: TickRequest;
  readonly promise: Promise<TickOutcome>;
  readonly resolve: (outcome: TickOutcome) => void;
  readonly reject: (error: unknown) => void;
  state: TickState;
}

/**
 * Several ticks of one session in flight, over connections that may reorder them.
 *
 * Each tick names the one before it (`afterTick`), and the server applies it right after that one,
 * however the requests arrive. Outcomes settle in order of ticks. A tick whose answer was lost is
 * sent again unchanged; the server knows it by its key.
 *
 * ```ts
 * const pipeline = session.pipeline({ inFlightMax: 16 });
 * for (const frame of frames) {
 *   await pipeline.ready();
 *   void pipeline.commit(frame.tick, (tick) => { … }).then(report);
 * }
 * await pipeline.drain();
 * ```
 *
 * After a failure nothing more is sent; the failed tick, all later ones, `ready` and `drain` reject
 * with one `PipelineStoppedError`. A promise of `commit` may be ignored: `drain` tells the failure.
 */
export class TickPipeline<Tick> {
  readonly #address: { readonly sessionId: string; readonly fence: number };
  readonly #committer: TickCommitter<Tick>;
  readonly #options: PipelineOptions;
  readonly #inFlightMax: number;
  readonly #queuedMax: number;
  /** Not yet settled, in order: first those in flight, then those queued. */
  readonly #entries: Entry[] = [];
  #sentCount = 0;
  #requestsOpen = 0;
  #lastTick: number | null = null;
  #stopped: PipelineStoppedError | null = null;
  #waiters: (() => void)[] = [];

  constructor(
    address: { readonly sessionId: string; readonly fence: number },
    committer: TickCommitter<Tick>,
    options: PipelineOptions,
  ) {
    const inFlightMax = options.inFlightMax ?? 16;
    if (!Number.isInteger(inFlightMax) || inFlightMax < 1 || inFlightMax > inFlightLimit) {
      throw new RangeError(`inFlightMax must be 1 to ${inFlightLimit}, not ${inFlightMax}`);
    }
    if (options.idempotencyKey !== undefined) {
      throw new RangeError('a pipeline commits many ticks: one idempotencyKey cannot name them');
    }
    this.#address = address;
    this.#committer = committer;
    this.#options = options;
    this.#inFlightMax = inFlightMax;
    this.#queuedMax = options.queuedMax ?? 1024;
  }

  /**
   * Builds the tick now and sends it when there is room. Resolves with its outcome, after those of
   * all ticks before it.
   *
   * Throws at once, and takes nothing, when the tick does not rise, when the queue is full and when
   * `build` throws.
   */
  commit(tick: number, build: (tick: Tick) => void): Promise<TickOutcome> {
    if (this.#stopped) return quiet(Promise.reject(this.#stopped));
    this.#checkRoom(tick);
    const { promise, resolve, reject } = withResolvers<TickOutcome>();
    const address = { ...this.#address, tick, afterTick: this.#lastTick };
    const request = this.#committer.request(address, build, this.#options);
    const state = { name: 'queued' } as const;
    this.#entries.push({ tick, request, promise: quiet(promise), resolve, reject, state });
    this.#lastTick = tick;
    this.#sendNext();
    return promise;
  }

  /** Resolves when a tick committed now would be sent at once. */
  async ready(): Promise<void> {
    while (this.#entries.length >= this.#inFlightMax) await this.#progress();
    if (this.#stopped) throw this.#stopped;
  }

  /** Resolves when every tick so far has its outcome and no request is on the way. */
  async drain(): Promise<void> {
    while (this.#entries.length > 0 || this.#requestsOpen > 0) await this.#progress();
    if (this.#stopped) throw this.#stopped;
  }

  /** The failure that stopped the pipeline; null while it works. */
  get stopped(): PipelineStoppedError | null {
    return this.#stopped;
  }

  #checkRoom(tick: number): void {
    if (this.#lastTick !== null && tick <= this.#lastTick) {
      throw new TickloomError(
        'TICK_OUT_OF_ORDER',
        `tick ${tick} does not come after tick ${this.#lastTick}`,
      );
    }
    if (this.#entries.length - this.#sentCount >= this.#queuedMax) {
      throw new TickloomError(
        'LIMIT_EXCEEDED',
        `${this.#queuedMax} ticks wait to be sent: await pipeline.ready() before each commit`,
      );
    }
  }

  #sendNext(): void {
    while (this.#sentCount < this.#inFlightMax) {
      const entry = this.#entries[this.#sentCount];
      if (entry === undefined) return;
      const before = this.#entries[this.#sentCount - 1] ?? null;
      this.#sentCount += 1;
      void this.#send(entry, before);
    }
  }

  async #send(entry: Entry, before: Entry | null): Promise<void> {
    this.#requestsOpen += 1;
    entry.state = { name: 'sent' };
    try {
      entry.state = { name: 'answered', outcome: await this.#outcome(entry, before) };
    } catch (error) {
      entry.state = { name: 'failed', error };
    } finally {
      this.#requestsOpen -= 1;
    }
    this.#settle();
    this.#sendNext();
    this.#announce();
  }

  /**
   * The server waits only so long for the tick before. Where that one is merely late (its request
   * was lost and is being sent again), `TICK_OUT_OF_ORDER` says nothing about this tick: it is sent
   * once more after the one before is known to be applied. Sent then, the answer is final.
   */
  async #outcome(entry: Entry, before: Entry | null): Promise<TickOutcome> {
    const early = before?.state.name === 'sent';
    try {
      return await this.#committer.send(entry.request, this.#options);
    } catch (error) {
      if (!early || !hasCode(error, 'TICK_OUT_OF_ORDER')) throw error;
      await before.promise;
      return await this.#committer.send(entry.request, this.#options);
    }
  }

  #settle(): void {
    for (let head = this.#entries[0]; head; head = this.#entries[0]) {
      const { tick, state } = head;
      if (state.name === 'failed') this.#stop(tick, state.error);
      if (state.name !== 'answered') return;
      this.#entries.shift();
      this.#sentCount -= 1;
      head.resolve(state.outcome);
      if (state.outcome.aborted) {
        this.#stop(
          tick,
          new TickloomError('TICK_ABORTED', `tick ${tick} was aborted by a conflict`),
        );
        return;
      }
    }
  }

  #stop(tick: number, error: unknown): void {
    const cause =
      error instanceof TickloomError
        ? error
        : new TickloomError('BAD_RESPONSE', String(error), { cause: error });
    this.#stopped ??= new PipelineStoppedError(tick, cause);
    for (const entry of this.#entries.splice(0)) entry.reject(this.#stopped);
    this.#sentCount = 0;
  }

  /** Resolves at the next change of anything that `ready` and `drain` watch. */
  #progress(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  #announce(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }
}

/** Lets a promise reject unheard: its rejection is told elsewhere too. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

function withResolvers<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
