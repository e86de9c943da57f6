import type { Ticket } from '../../govern/ticket.ts';
import type { WorkResult } from '../../govern/turns.ts';
import { finish, stepUnits, type Work } from '../../govern/work.ts';
import { EngineError } from '../../model/errors.ts';
import { limits } from '../../model/limits.ts';
import type { Lsn } from '../../model/position.ts';
import type { Frame, FrameStanding, FrameStream, SubscribeRequest } from '../view-engine.ts';
import type { ResetReason } from '../view-observer.ts';
import type { Channel, SnapshotRows, Step, Subscriber } from './channel.ts';
import { type Cursor, decodeCursor } from './cursor.ts';
import type { FeedContext } from './feed-context.ts';
import type { FeedSource } from './feed-source.ts';
import type { WheelItem } from './timer-wheel.ts';

type Result = IteratorResult<Frame, undefined>;

/** Who waits for a snapshot or a step of its channel. */
type Waiter = WorkResult<SnapshotRows> | WorkResult<Step | null>;

/** Where a subscription stands. The room's README has a table of what takes it from one to another. */
export interface SubscriptionState {
  readonly name: 'begun' | 'making' | 'idle' | 'waiting' | 'paused' | 'lagging' | 'ended';
}

interface Pull {
  readonly promise: Promise<Result>;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/**
 * One subscriber: a place in the log, and at most one frame, made when it is pulled.
 *
 * While idle it costs nothing and nothing is queued for it: what it misses is in the feed's ring,
 * and once that has moved past it, it gets a RESET or is disconnected, as it chose.
 */
export class Subscription implements FrameStream, Subscriber, WheelItem {
  slot: number | null = null;
  readonly #ticket: Ticket;
  readonly #context: FeedContext;
  readonly #source: FeedSource;
  readonly #channel: Channel;
  readonly #release: (subscription: Subscription) => void;
  readonly #onLag: SubscribeRequest['onLag'];
  readonly #intervalMs: number;
  /** Until the first frame. */
  #begin: { readonly cursor: Cursor | null } | null;
  /** Everything up to here it has been told. */
  #position = 0 as Lsn;
  /**
   * Where its last frame with rows ends; nothing concerned it from there to its position. Subscribers
   * who are equally far share their next frame by that, wherever they stand.
   */
  #told = 0 as Lsn;
  #lastDataMs = Number.NEGATIVE_INFINITY;
  #lastFrameMs: number;
  #pull: Pull | null = null;
  #ended = false;
  /** While a frame is made over turns of the event loop: nothing else is made meanwhile. */
  #making: Waiter | null = null;
  /** What was made so, to be handed over when it is the subscriber's turn. */
  #made: (() => Frame | null) | null = null;

  constructor(
    ticket: Ticket,
    context: FeedContext,
    source: FeedSource,
    channel: Channel,
    request: SubscribeRequest,
    release: (subscription: Subscription) => void,
  ) {
    this.#begin = { cursor: request.cursor === null ? null : decodeCursor(request.cursor) };
    this.#intervalMs = intervalOf(request.maxRate);
    this.#onLag = request.onLag;
    this.#ticket = ticket;
    this.#context = context;
    this.#source = source;
    this.#channel = channel;
    this.#release = release;
    this.#lastFrameMs = context.clock.now();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  get state(): SubscriptionState['name'] {
    if (this.#ended) return 'ended';
    if (this.#making || this.#made) return 'making';
    if (this.#begin) return 'begun';
    if (this.#pull) return this.#channel.waiting.has(this) ? 'waiting' : 'paused';
    return this.#position < this.#source.ticks.horizon ? 'lagging' : 'idle';
  }

  get standing(): FrameStanding {
    const { sessionId } = this.#channel;
    const { ticks } = this.#source;
    const lsn = this.#position;
    const isTold = this.#begin !== null || !this.#channel.hasNewsAfter(lsn);
    const index = isTold ? ticks.size : ticks.indexAfter(lsn);
    if (index >= ticks.size) return { lsn, lagTicks: 0, lagMs: 0, sessionId };
    const nowMs = this.#context.clock.now();
    const lagMs = nowMs - (ticks.at(index)?.appliedAtMs ?? nowMs);
    return { lsn, lagTicks: ticks.size - index, lagMs, sessionId };
  }

  next(): Promise<Result> {
    if (this.#pull) {
      const again = (): Promise<Result> => this.next();
      return this.#pull.promise.then(again, again);
    }
    if (this.#ended) return Promise.resolve(done);
    try {
      const nowMs = this.#context.clock.now();
      const frame = this.#make(nowMs);
      if (frame) return Promise.resolve({ value: this.#hand(frame, nowMs), done: false });
      this.#pull = newPull();
      if (!this.#making) this.#park(nowMs);
      return this.#pull.promise;
    } catch (error) {
      this.end();
      return Promise.reject(error);
    }
  }

  return(): Promise<Result> {
    this.end();
    return Promise.resolve(done);
  }

  throw(error: unknown): Promise<Result> {
    this.end();
    return Promise.reject(error);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#unpark();
    if (this.#making) this.#channel.leave(this.#making);
    this.#making = null;
    this.#made = null;
    this.#release(this);
    this.#pull?.resolve(done);
    this.#pull = null;
  }

  advance(nowMs: number): void {
    const pull = this.#pull;
    if (!pull || this.#making) return;
    const made = this.#made;
    this.#made = null;
    try {
      let frame = made?.() ?? null;
      if (!frame && !this.#making) frame = this.#make(nowMs);
      if (!frame && !this.#making && nowMs >= this.#lastFrameMs + limits.heartbeatMs) {
        const at = this.#position;
        frame = this.#frame(`HEARTBEAT:${at}`, () => this.#channel.heartbeat(at));
      }
      if (!frame) {
        if (this.#making) this.#unpark();
        else this.#park(nowMs);
        return;
      }
      this.#unpark();
      this.#pull = null;
      pull.resolve({ value: this.#hand(frame, nowMs), done: false });
    } catch (error) {
      this.#pull = null;
      this.end();
      pull.reject(error);
    }
  }

  pass(from: Lsn, to: Lsn): void {
    if (this.#making || this.#made) return;
    if (this.#position >= from && this.#position < to) this.#position = to;
  }

  onDue(): void {
    this.#context.serve(this);
  }

  /** The next frame, or null when there is none yet. Moves on past ticks that do not concern it. */
  #make(nowMs: number): Frame | null {
    const { ticks } = this.#source;
    const head = this.#context.head();
    if (this.#begin) return this.#first(this.#begin.cursor, head);
    if (this.#isTooSoon(nowMs)) return null;
    const known = this.#channel.knownUpTo(head);
    if (!this.#channel.hasNewsAfter(this.#position)) {
      if (known > this.#position) this.#position = known;
      return null;
    }
    const from = this.#position;
    if (from < ticks.horizon) return this.#lagged();
    const index = ticks.indexAfter(from);
    const behind = ticks.size - index;
    const oldestMs = ticks.at(index)?.appliedAtMs ?? nowMs;
    const keepsUp = behind <= limits.feedStepFramesMax && nowMs - oldestMs <= limits.feedStepMs;
    if (this.#intervalMs === 0 && keepsUp) {
      return this.#worked(
        `next:${from}:${known}`,
        from,
        () => this.#channel.next(from, known),
        (step) => {
          if (step === null) return this.#lagged();
          this.#position = step.lsn;
          return step.frame;
        },
      );
    }
    const newest = this.#channel.newsAfter(from, known);
    if (newest === null) {
      this.#position = known;
      return null;
    }
    const told = this.#told < ticks.horizon ? from : this.#told;
    return this.#worked(
      `merged:${told}:${newest}`,
      told,
      () => this.#channel.merged(told, newest),
      (step) => {
        if (step === null) return this.#lagged();
        this.#position = known;
        return step.frame && isEmpty(step.frame) ? null : step.frame;
      },
    );
  }

  #first(cursor: Cursor | null, head: Lsn): Frame | null {
    this.#begin = null;
    if (cursor === null) return this.#snapshot('SNAPSHOT', head);
    const reason = this.#whyReset(cursor, head);
    if (reason) return this.#reset(reason);
    this.#position = cursor.lsn;
    return this.#worked(
      `merged:${cursor.lsn}:${head}`,
      cursor.lsn,
      () => this.#channel.merged(cursor.lsn, head),
      (step) => {
        if (step === null) return this.#reset('too_old');
        this.#position = step.lsn;
        // Handed over even when it is empty: it says that the cursor held.
        return step.frame;
      },
    );
  }

  #whyReset(cursor: Cursor, head: Lsn): ResetReason | null {
    const { name, ticks } = this.#source;
    if (cursor.source !== name || cursor.definition !== this.#channel.definition) {
      return 'definition';
    }
    if (cursor.lsn > head) return 'ahead';
    if (cursor.lsn < ticks.horizon) return 'too_old';
    return ticks.stampAt(cursor.lsn) === cursor.stamp ? null : 'diverged';
  }

  #lagged(): Frame | null {
    const { name } = this.#source;
    if (this.#onLag === 'COALESCE') return this.#reset('lag');
    this.#context.observer?.overloaded(name);
    throw new EngineError(
      'OVERLOADED',
      `${name}: this subscriber fell behind what the feed remembers; subscribe again, with a lower maxRate or a narrower where`,
      { retryAfterMs: 1_000, details: { source: name } },
    );
  }

  #reset(reason: ResetReason): Frame | null {
    this.#context.observer?.reset(this.#source.name, reason);
    return this.#snapshot('RESET', this.#context.head());
  }

  /** The frame, where its rows are read at once or are known; else it comes when they are read. */
  #snapshot(kind: 'SNAPSHOT' | 'RESET', head: Lsn): Frame | null {
    const known = this.#context.frames.peek(`${this.#channel.serial}:${kind}:${head}`);
    if (known) {
      this.#position = head;
      return known;
    }
    return this.#over<SnapshotRows>(
      (waiter) => this.#channel.read(this.#ticket, waiter),
      ({ rows, lsn }) => {
        this.#position = lsn;
        return this.#frame(`${kind}:${lsn}`, () => this.#channel.snapshot(kind, rows, lsn));
      },
    );
  }

  /**
   * What `take` makes of the step that `work`, named `name`, makes of what changed after `from`; where
   * that is many rows it comes when it is made.
   */
  #worked(
    name: string,
    from: Lsn,
    work: () => Work<Step | null>,
    take: (step: Step | null) => Frame | null,
  ): Frame | null {
    if (this.#isLittle(from)) return take(finish(work()));
    return this.#over<Step | null>(
      (waiter) => this.#channel.step(this.#ticket, name, work, waiter),
      take,
    );
  }

  #isLittle(from: Lsn): boolean {
    const { ticks } = this.#source;
    if (ticks.rowsAfter(from) <= stepUnits) return true;
    const { sessionId } = this.#channel;
    return sessionId !== null && ticks.rowsOfSessionAfter(from, sessionId) <= stepUnits;
  }

  /** The frame of work that is done before `start` returns; else it comes when the work is done. */
  #over<T>(start: (waiter: WorkResult<T>) => void, take: (value: T) => Frame | null): Frame | null {
    let isStarting = true;
    let atOnce: (() => Frame | null) | null = null;
    const settle = (outcome: () => Frame | null): void => {
      // It has left meanwhile.
      if (this.#making !== waiter) return;
      this.#making = null;
      if (isStarting) {
        atOnce = outcome;
        return;
      }
      this.#made = outcome;
      this.#context.serve(this);
    };
    const waiter: WorkResult<T> = {
      done: (value) => settle(() => take(value)),
      failed: (error) =>
        settle(() => {
          throw error;
        }),
    };
    this.#making = waiter as Waiter;
    start(waiter);
    isStarting = false;
    return (atOnce as (() => Frame | null) | null)?.() ?? null;
  }

  /** A frame that another subscriber of the channel may ask for as well is made once. */
  #frame(key: string, make: () => Frame): Frame {
    if (this.#channel.subscribers.size < 2) return make();
    const named = `${this.#channel.serial}:${key}`;
    const known = this.#context.frames.get(named);
    if (known) return known;
    const made = make();
    this.#context.frames.set(named, made);
    return made;
  }

  #isTooSoon(nowMs: number): boolean {
    return nowMs < this.#lastDataMs + this.#intervalMs;
  }

  #hand(frame: Frame, nowMs: number): Frame {
    this.#lastFrameMs = nowMs;
    if (frame.kind !== 'HEARTBEAT') {
      this.#lastDataMs = nowMs;
      this.#told = frame.lsn;
    }
    const { observer } = this.#context;
    if (observer) {
      const { name, ticks } = this.#source;
      const later = ticks.indexAfter(this.#position);
      const newestMs = ticks.at(ticks.indexAfter(frame.lsn) - 1)?.appliedAtMs ?? nowMs;
      const stalenessMs = frame.kind === 'DELTA' ? nowMs - newestMs : 0;
      observer.frame(name, frame.kind, ticks.size - later, stalenessMs);
    }
    return frame;
  }

  /** Waits for news, or, where its rate forbids news, for the time it allows them; and a heartbeat. */
  #park(nowMs: number): void {
    const heartbeatMs = this.#lastFrameMs + limits.heartbeatMs;
    const gridded = Math.ceil(heartbeatMs / heartbeatGridMs) * heartbeatGridMs;
    if (this.#isTooSoon(nowMs)) {
      this.#channel.waiting.delete(this);
      this.#context.wheel.schedule(this, Math.min(this.#lastDataMs + this.#intervalMs, gridded));
    } else {
      this.#channel.waiting.add(this);
      this.#context.wheel.schedule(this, gridded);
    }
  }

  #unpark(): void {
    this.#channel.waiting.delete(this);
    this.#context.wheel.cancel(this);
  }
}

/** Heartbeats of many subscribers share a slot of the wheel. */
const heartbeatGridMs = 250;

function isEmpty({ rows, removed }: Frame): boolean {
  return rows.length + removed.length === 0;
}

const done: Result = { value: undefined, done: true };

function newPull(): Pull {
  let resolve: Pull['resolve'] = () => {};
  let reject: Pull['reject'] = () => {};
  const promise = new Promise<Result>((onResult, onError) => {
    resolve = onResult;
    reject = onError;
  });
  return { promise, resolve, reject };
}

function intervalOf(maxRate: number | null): number {
  if (maxRate === null) return 0;
  if (!(maxRate > 0 && maxRate <= 1_000)) {
    throw new EngineError(
      'BAD_USER_INPUT',
      'maxRate: must be above 0, at most 1000 frames a second',
      {
        details: { path: 'maxRate' },
      },
    );
  }
  return 1_000 / maxRate;
}
