import type { Lsn } from '../../model/position.ts';
import { PagedRing } from './paged-ring.ts';

/** A tick that changed a feed. */
export interface FeedTick {
  readonly lsn: Lsn;
  readonly sessionId: string;
  readonly tick: number | null;
  /** What a cursor carries to tell this ring from another with the same positions. */
  readonly stamp: number;
  /** When it was folded in, on the engine's clock. */
  readonly appliedAtMs: number;
  /** Changed rows. */
  readonly rows: number;
}

export interface TickRingBounds {
  readonly rowsMax: number;
  readonly ticksMax: number;
  readonly bytesMax: number;
}

/** Told of each tick of a ring that is dropped, before it is. */
export interface DropListener<Payload> {
  dropping(payload: Payload, rows: number): void;
}

const pageTicks = 256;

/** One page of a ring's ticks, each property a column by place in the page. */
class TickPage<Payload> {
  readonly lsns = new Float64Array(pageTicks);
  /** NaN: a write outside tick order. */
  readonly ticks = new Float64Array(pageTicks);
  readonly stamps = new Float64Array(pageTicks);
  readonly appliedAtMs = new Float64Array(pageTicks);
  readonly rows = new Uint32Array(pageTicks);
  /** Rows of all ticks that were pushed before, dropped ones too. */
  readonly rowsBefore = new Float64Array(pageTicks);
  readonly bytes = new Float64Array(pageTicks);
  readonly sessions = new Array<string>(pageTicks).fill('');
  readonly payloads = new Array<Payload | undefined>(pageTicks).fill(undefined);
}

/**
 * The newest ticks of a feed, oldest dropped first once a bound is exceeded.
 *
 * ```
 *   dropped          held
 * ─────────────┬───────────────────▶ lsn
 *           horizon
 * ```
 *
 * Whoever has seen everything up to `horizon` or later can be brought up to date from what is held.
 *
 * Ticks lie in columns: a view folds a hundred thousand ticks a second, and as many objects that
 * live for a while would cost the collector more than the fold itself.
 */
export class TickRing<Payload> {
  readonly bounds: TickRingBounds;
  readonly #ring = new PagedRing(pageTicks, () => new TickPage<Payload>());
  /** Held are the ticks `#first` to `#end` - 1. */
  #first = 0;
  #end = 0;
  #rows = 0;
  /** Rows of all ticks that were ever pushed. */
  #rowsPushed = 0;
  #bytes = 0;
  #horizon: Lsn;
  #horizonStamp: number;

  readonly #listener: DropListener<Payload> | null;

  constructor(
    bounds: TickRingBounds,
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

  /** Ticks held. */
  get size(): number {
    return this.#end - this.#first;
  }

  /** Rows changed by the ticks held. */
  get rows(): number {
    return this.#rows;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Drops what must go for a tick of this size to fit; `push` then drops nothing more. */
  makeRoom(rows: number, bytes: number): void {
    const { rowsMax, ticksMax, bytesMax } = this.bounds;
    while (
      this.size > 0 &&
      (this.#rows + rows > rowsMax || this.#bytes + bytes > bytesMax || this.size >= ticksMax)
    ) {
      this.#drop();
    }
  }

  /** A tick that exceeds the bounds by itself is dropped with everything before it. */
  push(tick: FeedTick, bytes: number, payload: Payload): void {
    const { rowsMax, bytesMax } = this.bounds;
    if (tick.rows > rowsMax || bytes > bytesMax) {
      this.restart(tick.lsn, tick.stamp);
      return;
    }
    this.makeRoom(tick.rows, bytes);
    const at = this.#ring.indexOf(this.#end);
    this.#end += 1;
    this.#ring.hold(this.#first, this.#end);
    this.#rows += tick.rows;
    this.#bytes += bytes;
    const page = this.#ring.pageOf(this.#end - 1);
    page.lsns[at] = tick.lsn;
    page.ticks[at] = tick.tick ?? Number.NaN;
    page.stamps[at] = tick.stamp;
    page.appliedAtMs[at] = tick.appliedAtMs;
    page.rows[at] = tick.rows;
    page.rowsBefore[at] = this.#rowsPushed;
    this.#rowsPushed += tick.rows;
    page.bytes[at] = bytes;
    page.sessions[at] = tick.sessionId;
    page.payloads[at] = payload;
  }

  /** Forgets everything up to `horizon`, which carries `stamp`. */
  restart(horizon: Lsn, stamp: number): void {
    while (this.size > 0) this.#drop();
    this.#horizon = horizon;
    this.#horizonStamp = stamp;
  }

  /** The place of the first held tick after `lsn`, for `at`; `size` when there is none. */
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

  /** The tick at a place, counted from the oldest held. */
  at(index: number): FeedTick | null {
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

  /** Rows changed by the ticks held after `lsn`. */
  rowsAfter(lsn: Lsn): number {
    const index = this.indexAfter(lsn);
    if (index >= this.size) return 0;
    const page = this.#ring.pageOf(this.#first + index);
    const at = this.#ring.indexOf(this.#first + index);
    return this.#rowsPushed - (page.rowsBefore[at] as number);
  }

  /** As `rowsAfter`, of one session; looks at each tick. */
  rowsOfSessionAfter(lsn: Lsn, sessionId: string): number {
    let rows = 0;
    for (let index = this.indexAfter(lsn); index < this.size; index++) {
      const page = this.#ring.pageOf(this.#first + index);
      const at = this.#ring.indexOf(this.#first + index);
      if (page.sessions[at] === sessionId) rows += page.rows[at] as number;
    }
    return rows;
  }

  /** The newest held tick after `after` up to `to`, of a session where one is named; null: none. */
  newestOf(sessionId: string | null, after: Lsn, to: Lsn): Lsn | null {
    const first = this.indexAfter(after);
    for (let index = this.indexAfter(to) - 1; index >= first; index--) {
      const place = this.#first + index;
      const page = this.#ring.pageOf(place);
      const at = this.#ring.indexOf(place);
      if (sessionId === null || page.sessions[at] === sessionId) return page.lsns[at] as Lsn;
    }
    return null;
  }

  payloadAt(index: number): Payload | null {
    if (index < 0 || index >= this.size) return null;
    const place = this.#first + index;
    return this.#ring.pageOf(place).payloads[this.#ring.indexOf(place)] ?? null;
  }

  /** The stamp of the last change at or before `lsn`; null before the horizon, where it is forgotten. */
  stampAt(lsn: Lsn): number | null {
    if (lsn < this.#horizon) return null;
    const index = this.indexAfter(lsn) - 1;
    if (index < 0) return this.#horizonStamp;
    const place = this.#first + index;
    return this.#ring.pageOf(place).stamps[this.#ring.indexOf(place)] as number;
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
    const place = this.#first + index;
    return this.#ring.pageOf(place).lsns[this.#ring.indexOf(place)] as number;
  }
}
