import type { Ticket } from '../../govern/ticket.ts';
import { EngineError } from '../../model/errors.ts';
import { limits } from '../../model/limits.ts';
import type { Lsn } from '../../model/position.ts';
import type { Frame, SubscribeRequest } from '../view-engine.ts';
import type { ResetReason } from '../view-observer.ts';
import type { Channel, SnapshotReader, Subscriber } from './channel.ts';
import { type Cursor, decodeCursor } from './cursor.ts';
import type { FeedContext } from './feed-context.ts';
import type { FeedSource } from './feed-source.ts';
import type { WheelItem } from './timer-wheel.ts';

type Result = IteratorResult<Frame, undefined>;

interface Pull {
  readonly promise: Promise<Result>;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/**
 * One subscriber: a place in the log, and at most one frame, made when it is pulled.
 *
 * ```
 *             pulled, nothing new                 due / news
 *   idle ───────────────────────────▶ waiting ──────────────────▶ idle (frame handed over)
 *     └─────────────────────────────▶ paused ───────────────────▶
 *             pulled, too soon for its rate       due
 * ```
 *
 * While idle it costs nothing and nothing is queued for it: what it misses is in the feed's ring,
 * and once that has moved past it, it gets a RESET or is disconnected, as it chose.
 */
export class Subscription
  implements AsyncIterableIterator<Frame, undefined>, Subscriber, WheelItem
{
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
  #lastDataMs = Number.NEGATIVE_INFINITY;
  #lastFrameMs: number;
  #pull: Pull | null = null;
  #ended = false;
  /** While the rows of a snapshot are being read: nothing else is made meanwhile. */
  #reading: SnapshotReader | null = null;

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
      if (!this.#reading) this.#park(nowMs);
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
    if (this.#reading) this.#channel.leave(this.#reading);
    this.#reading = null;
    this.#release(this);
    this.#pull?.resolve(done);
    this.#pull = null;
  }

  advance(nowMs: number): void {
    const pull = this.#pull;
    if (!pull || this.#reading) return;
    try {
      let frame = this.#make(nowMs);
      if (!frame && !this.#reading && nowMs >= this.#lastFrameMs + limits.heartbeatMs) {
        const at = this.#position;
        frame = this.#frame(`HEARTBEAT:${at}`, () => this.#channel.heartbeat(at));
      }
      if (!frame) {
        if (this.#reading) this.#unpark();
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
    if (this.#position >= from && this.#position < to) this.#position = to;
  }

  onDue(nowMs: number): void {
    this.advance(nowMs);
  }

  /** The next frame, or null when there is none yet. Moves on past ticks that do not concern it. */
  #make(nowMs: number): Frame | null {
    const { frames } = this.#source;
    const head = this.#context.head();
    if (this.#begin) return this.#first(this.#begin.cursor, head);
    if (this.#isTooSoon(nowMs)) return null;
    const known = this.#channel.knownUpTo(head);
    if (!this.#channel.hasNewsAfter(this.#position)) {
      if (known > this.#position) this.#position = known;
      return null;
    }
    if (this.#position < frames.horizon) return this.#lagged(head);
    let index = frames.indexAfter(this.#position);
    const behind = frames.size - index;
    const oldestMs = frames.at(index)?.appliedAtMs ?? nowMs;
    const keepsUp = behind <= limits.feedStepFramesMax && nowMs - oldestMs <= limits.feedStepMs;
    if (this.#intervalMs > 0 || !keepsUp) return this.#delta(known, known);
    for (; ; index++) {
      const tick = frames.at(index);
      if (!tick || tick.lsn > known) break;
      if (this.#channel.sessionId !== null && tick.sessionId !== this.#channel.sessionId) continue;
      const next = frames.at(index + 1);
      const isNewest = !next || next.lsn > known;
      const frame = this.#delta(tick.lsn, isNewest ? known : tick.lsn);
      if (frame) return frame;
    }
    this.#position = known;
    return null;
  }

  #first(cursor: Cursor | null, head: Lsn): Frame | null {
    this.#begin = null;
    if (cursor === null) return this.#snapshot('SNAPSHOT', head);
    const reason = this.#whyReset(cursor, head);
    if (reason) {
      this.#context.observer?.reset(this.#source.name, reason);
      return this.#snapshot('RESET', head);
    }
    // Handed over even when it is empty: it says that the cursor held.
    this.#position = cursor.lsn;
    const frame = this.#frame(`${cursor.lsn}:${head}`, () =>
      this.#channel.delta(cursor.lsn, head, head),
    );
    this.#position = head;
    return frame;
  }

  #whyReset(cursor: Cursor, head: Lsn): ResetReason | null {
    const { name, frames } = this.#source;
    if (cursor.source !== name || cursor.definition !== this.#channel.definition) {
      return 'definition';
    }
    if (cursor.lsn > head) return 'ahead';
    if (cursor.lsn < frames.horizon) return 'too_old';
    return frames.stampAt(cursor.lsn) === cursor.stamp ? null : 'diverged';
  }

  #lagged(head: Lsn): Frame | null {
    const { name } = this.#source;
    if (this.#onLag === 'DISCONNECT') {
      this.#context.observer?.overloaded(name);
      throw new EngineError(
        'OVERLOADED',
        `${name}: this subscriber fell behind what the feed remembers; subscribe again, with a lower maxRate or a narrower where`,
        { retryAfterMs: 1_000, details: { source: name } },
      );
    }
    this.#context.observer?.reset(name, 'lag');
    return this.#snapshot('RESET', head);
  }

  /** The frame, where its rows are read at once or are known; else it comes when they are read. */
  #snapshot(kind: 'SNAPSHOT' | 'RESET', head: Lsn): Frame | null {
    const known = this.#context.frames.peek(`${this.#channel.serial}:${kind}:${head}`);
    if (known) {
      this.#position = head;
      return known;
    }
    let atOnce: Frame | null = null;
    let failure: { readonly error: unknown } | null = null;
    const reader: SnapshotReader = {
      done: (rows, lsn) => {
        if (this.#reading !== reader) return;
        this.#reading = null;
        this.#position = lsn;
        const frame = this.#frame(`${kind}:${lsn}`, () => this.#channel.snapshot(kind, rows, lsn));
        const pull = this.#pull;
        if (!reads || !pull) {
          atOnce = frame;
          return;
        }
        this.#pull = null;
        pull.resolve({ value: this.#hand(frame, this.#context.clock.now()), done: false });
      },
      failed: (error) => {
        if (this.#reading !== reader) return;
        this.#reading = null;
        if (!reads) {
          failure = { error };
          return;
        }
        const pull = this.#pull;
        this.#pull = null;
        this.end();
        pull?.reject(error);
      },
    };
    this.#reading = reader;
    /** From here on the pull waits for it. */
    let reads = false;
    this.#channel.read(this.#ticket, this.#context, reader);
    reads = true;
    if (failure) throw (failure as { readonly error: unknown }).error;
    return atOnce;
  }

  #delta(to: Lsn, lsn: Lsn): Frame | null {
    const from = this.#position;
    this.#position = lsn;
    const frame = this.#frame(`${from}:${to}:${lsn}`, () => this.#channel.delta(from, to, lsn));
    return frame.rows.length + frame.removed.length > 0 ? frame : null;
  }

  /** A frame that another subscriber of the channel may ask for as well is made once. */
  #frame(key: string, make: () => Frame): Frame {
    if (this.#channel.subscribers.size < 2) return make();
    return this.#context.frames.memo(`${this.#channel.serial}:${key}`, { context: make });
  }

  #isTooSoon(nowMs: number): boolean {
    return nowMs < this.#lastDataMs + this.#intervalMs;
  }

  #hand(frame: Frame, nowMs: number): Frame {
    this.#lastFrameMs = nowMs;
    if (frame.kind !== 'HEARTBEAT') this.#lastDataMs = nowMs;
    const { observer } = this.#context;
    if (observer) {
      const { name, frames } = this.#source;
      const later = frames.indexAfter(frame.lsn);
      const newestMs = frames.at(later - 1)?.appliedAtMs ?? nowMs;
      const stalenessMs = frame.kind === 'DELTA' ? nowMs - newestMs : 0;
      observer.frame(name, frame.kind, frames.size - later, stalenessMs);
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
