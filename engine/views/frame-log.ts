import type { Lsn } from '../position.ts';
import { eachRingRange } from './ring-ranges.ts';

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

/** Columns of `#numbers`, one number a frame each. */
const lsnColumn = 0;
const tickColumn = 1;
const stampColumn = 2;
const appliedColumn = 3;
const rowsColumn = 4;
const bytesColumn = 5;
const columnCount = 6;

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
 * Frames are numbered without end; frame n lies at n modulo the capacity, in columns: a view folds
 * a hundred thousand ticks a second, and as many objects that live for a while would cost the
 * collector more than the fold itself.
 */
export class FrameLog<Payload> {
  readonly bounds: FrameBounds;
  #capacity = 0;
  #numbers: Float64Array[] = Array.from({ length: columnCount }, () => new Float64Array(0));
  #sessions: string[] = [];
  #payloads: (Payload | undefined)[] = [];
  /** Held are the frames `#first` to `#end` - 1. */
  #first = 0;
  #end = 0;
  #rows = 0;
  #bytes = 0;
  #horizon: Lsn;
  #horizonStamp: number;

  constructor(bounds: FrameBounds, horizon: Lsn, horizonStamp: number) {
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
    if (this.size === this.#capacity) this.#grow();
    const at = this.#end % this.#capacity;
    this.#end += 1;
    this.#rows += frame.rows;
    this.#bytes += bytes;
    this.#set(lsnColumn, at, frame.lsn);
    this.#set(tickColumn, at, frame.tick ?? Number.NaN);
    this.#set(stampColumn, at, frame.stamp);
    this.#set(appliedColumn, at, frame.appliedAtMs);
    this.#set(rowsColumn, at, frame.rows);
    this.#set(bytesColumn, at, bytes);
    this.#sessions[at] = frame.sessionId;
    this.#payloads[at] = payload;
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
      if (this.#get(lsnColumn, middle) <= lsn) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** By place from the oldest held. */
  at(index: number): FeedFrame | null {
    if (index < 0 || index >= this.size) return null;
    const tick = this.#get(tickColumn, index);
    return {
      lsn: this.#get(lsnColumn, index) as Lsn,
      sessionId: this.#sessions[(this.#first + index) % this.#capacity] as string,
      tick: Number.isNaN(tick) ? null : tick,
      stamp: this.#get(stampColumn, index),
      appliedAtMs: this.#get(appliedColumn, index),
      rows: this.#get(rowsColumn, index),
    };
  }

  payloadAt(index: number): Payload | null {
    if (index < 0 || index >= this.size) return null;
    return this.#payloads[(this.#first + index) % this.#capacity] ?? null;
  }

  /** The stamp of the last change at or before `lsn`; null before the horizon, where it is forgotten. */
  stampAt(lsn: Lsn): number | null {
    if (lsn < this.#horizon) return null;
    const index = this.indexAfter(lsn) - 1;
    return index < 0 ? this.#horizonStamp : this.#get(stampColumn, index);
  }

  #drop(): void {
    const at = this.#first % this.#capacity;
    this.#horizon = this.#get(lsnColumn, 0) as Lsn;
    this.#horizonStamp = this.#get(stampColumn, 0);
    this.#rows -= this.#get(rowsColumn, 0);
    this.#bytes -= this.#get(bytesColumn, 0);
    this.#payloads[at] = undefined;
    this.#first += 1;
  }

  #grow(): void {
    const capacity = Math.max(this.#capacity * 2, 16);
    const numbers = this.#numbers.map(() => new Float64Array(capacity));
    const sessions = new Array<string>(capacity).fill('');
    const payloads = new Array<Payload | undefined>(capacity).fill(undefined);
    eachRingRange(this.#first, this.#end, this.#capacity, capacity, (from, to, count) => {
      for (let column = 0; column < columnCount; column++) {
        const held = this.#numbers[column] as Float64Array;
        (numbers[column] as Float64Array).set(held.subarray(from, from + count), to);
      }
      for (let i = 0; i < count; i++) {
        sessions[to + i] = this.#sessions[from + i] as string;
        payloads[to + i] = this.#payloads[from + i];
      }
    });
    this.#numbers = numbers;
    this.#sessions = sessions;
    this.#payloads = payloads;
    this.#capacity = capacity;
  }

  #get(column: number, index: number): number {
    const values = this.#numbers[column] as Float64Array;
    return values[(this.#first + index) % this.#capacity] as number;
  }

  #set(column: number, at: number, value: number): void {
    (this.#numbers[column] as Float64Array)[at] = value;
  }
}
