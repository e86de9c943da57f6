import type { Lsn } from '../../model/position.ts';
import { PagedRing } from './paged-ring.ts';

/** One tick that changed a feed. */
export interface FeedFrame {
  readonly lsn: Lsn;
  readonly sessionId: string;
  readonly tick: number | null;
  /** What a cursor carries to tell this log from another with the same positions. */
  readonly stamp: number;
  /** When it was folded in, on the engine's clock. */
  readonly appliedAtMs: number;
  /** Changed rows. */
  readonly rows: number;
}

export interface FrameBounds {
  readonly rowsMax: number;
  readonly framesMax: number;
  readonly bytesMax: number;
}

/** Told of each frame of a log that is dropped, before it is. */
export interface DropListener<Payload> {
  dropping(payload: Payload, rows: number): void;
}

const pageFrames = 256;

/** One page of a log's frames, each property a column by place in the page. */
class FramePage<Payload> {
  readonly lsns = new Float64Array(pageFrames);
  /** NaN: a write outside tick order. */
  readonly ticks = new Float64Array(pageFrames);
  readonly stamps = new Float64Array(pageFrames);
  readonly appliedAtMs = new Float64Array(pageFrames);
  readonly rows = new Uint32Array(pageFrames);
  /** Rows of all frames that were pushed before, dropped ones too. */
  readonly rowsBefore = new Float64Array(pageFrames);
  readonly bytes = new Float64Array(pageFrames);
  readonly sessions = new Array<string>(pageFrames).fill('');
  readonly payloads = new Array<Payload | undefined>(pageFrames).fill(undefined);
}

/**
 * The newest frames of a feed, oldest dropped first once a bound is exceeded.
 *
 * ```
 *   dropped          held
 * ─────────────┬───────────────────▶ lsn
 *           horizon
 * ```
 *
 * Whoever has seen everything up to `horizon` or later can be brought up to date from what is held.
 *
 * Frames lie in columns: a view folds a hundred thousand ticks a second, and as many objects that
 * live for a while would cost the collector more than the fold itself.
 */
export class FrameLog<Payload> {
  readonly bounds: FrameBounds;
  readonly #ring = new PagedRing(pageFrames, () => new FramePage<Payload>());
  /** Held are the frames `#first` to `#end` - 1. */
  #first = 0;
  #end = 0;
  #rows = 0;
  /** Rows of all frames that were ever pushed. */
  #rowsPushed = 0;
  #bytes = 0;
  #horizon: Lsn;
  #horizonStamp: number;

  readonly #listener: DropListener<Payload> | null;

  constructor(
    bounds: FrameBounds,
    horizon: Lsn,
    horizonStamp: number,
    listener: DropListener<Payload> | null = null,
  ) {
    this.#listener = listener;
    this.bounds = bounds;
    this.#horizon = horizon;
    this.#horizonStamp = horizonStamp;
  }

  get horizon(): Lsn {
    return this.#horizon;
  }

  /** Frames held. */
  get size(): number {
    return this.#end - this.#first;
  }

  /** Rows changed by the frames held. */
  get rows(): number {
    return this.#rows;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Drops what must go for a frame of this size to fit; `push` then drops nothing more. */
  makeRoom(rows: number, bytes: number): void {
    const { rowsMax, framesMax, bytesMax } = this.bounds;
    while (
      this.size > 0 &&
      (this.#rows + rows > rowsMax || this.#bytes + bytes > bytesMax || this.size >= framesMax)
    ) {
      this.#drop();
    }
  }

  /** A frame that exceeds the bounds by itself is dropped with everything before it. */
  push(frame: FeedFrame, bytes: number, payload: Payload): void {
    const { rowsMax, bytesMax } = this.bounds;
    if (frame.rows > rowsMax || bytes > bytesMax) {
      this.restart(frame.lsn, frame.stamp);
      return;
    }
    this.makeRoom(frame.rows, bytes);
    const at = this.#ring.indexOf(this.#end);
    this.#end += 1;
    this.#ring.hold(this.#first, this.#end);
    this.#rows += frame.rows;
    this.#bytes += bytes;
    const page = this.#ring.pageOf(this.#end - 1);
    page.lsns[at] = frame.lsn;
    page.ticks[at] = frame.tick ?? Number.NaN;
    page.stamps[at] = frame.stamp;
    page.appliedAtMs[at] = frame.appliedAtMs;
    page.rows[at] = frame.rows;
    page.rowsBefore[at] = this.#rowsPushed;
    this.#rowsPushed += frame.rows;
    page.bytes[at] = bytes;
    page.sessions[at] = frame.sessionId;
    page.payloads[at] = payload;
  }

  /** Forgets everything up to `horizon`, which carries `stamp`. */
  restart(horizon: Lsn, stamp: number): void {
    while (this.size > 0) this.#drop();
    this.#horizon = horizon;
    this.#horizonStamp = stamp;
  }

  /** The place of the first held frame after `lsn`, for `at`; `size` when there is none. */
  indexAfter(lsn: Lsn): number {
    let low = 0;
    let high = this.size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#lsnAt(middle) <= lsn) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The frame at a place, counted from the oldest held. */
  at(index: number): FeedFrame | null {
    if (index < 0 || index >= this.size) return null;
    const page = this.#ring.pageOf(this.#first + index);
    const at = this.#ring.indexOf(this.#first + index);
    const tick = page.ticks[at] as number;
    return {
      lsn: page.lsns[at] as Lsn,
      sessionId: page.sessions[at] as string,
      tick: Number.isNaN(tick) ? null : tick,
      stamp: page.stamps[at] as number,
      appliedAtMs: page.appliedAtMs[at] as number,
      rows: page.rows[at] as number,
    };
  }

  /** Rows changed by the frames held after `lsn`. */
  rowsAfter(lsn: Lsn): number {
    const index = this.indexAfter(lsn);
    if (index >= this.size) return 0;
    const page = this.#ring.pageOf(this.#first + index);
    const at = this.#ring.indexOf(this.#first + index);
    return this.#rowsPushed - (page.rowsBefore[at] as number);
  }

  /** As `rowsAfter`, of one session; looks at each frame. */
  rowsOfSessionAfter(lsn: Lsn, sessionId: string): number {
    let rows = 0;
    for (let index = this.indexAfter(lsn); index < this.size; index++) {
      const page = this.#ring.pageOf(this.#first + index);
      const at = this.#ring.indexOf(this.#first + index);
      if (page.sessions[at] === sessionId) rows += page.rows[at] as number;
    }
    return rows;
  }

  /** The newest held frame after `after` up to `to`, of a session where one is named; null: none. */
  newestOf(sessionId: string | null, after: Lsn, to: Lsn): Lsn | null {
    const first = this.indexAfter(after);
    for (let index = this.indexAfter(to) - 1; index >= first; index--) {
      const frame = this.#first + index;
      const page = this.#ring.pageOf(frame);
      const at = this.#ring.indexOf(frame);
      if (sessionId === null || page.sessions[at] === sessionId) return page.lsns[at] as Lsn;
    }
    return null;
  }

  payloadAt(index: number): Payload | null {
    if (index < 0 || index >= this.size) return null;
    const frame = this.#first + index;
    return this.#ring.pageOf(frame).payloads[this.#ring.indexOf(frame)] ?? null;
  }

  /** The stamp of the last change at or before `lsn`; null before the horizon, where it is forgotten. */
  stampAt(lsn: Lsn): number | null {
    if (lsn < this.#horizon) return null;
    const index = this.indexAfter(lsn) - 1;
    if (index < 0) return this.#horizonStamp;
    const frame = this.#first + index;
    return this.#ring.pageOf(frame).stamps[this.#ring.indexOf(frame)] as number;
  }

  #drop(): void {
    const page = this.#ring.pageOf(this.#first);
    const at = this.#ring.indexOf(this.#first);
    this.#listener?.dropping(page.payloads[at] as Payload, page.rows[at] as number);
    this.#horizon = page.lsns[at] as Lsn;
    this.#horizonStamp = page.stamps[at] as number;
    this.#rows -= page.rows[at] as number;
    this.#bytes -= page.bytes[at] as number;
    page.payloads[at] = undefined;
    this.#first += 1;
  }

  #lsnAt(index: number): number {
    const frame = this.#first + index;
    return this.#ring.pageOf(frame).lsns[this.#ring.indexOf(frame)] as number;
  }
}
