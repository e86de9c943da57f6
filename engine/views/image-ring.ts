import type { Lsn } from '../position.ts';
import type { RowChange, TickMark } from './feed-source.ts';
import { type FeedFrame, type FrameBounds, FrameLog } from './frame-log.ts';
import { eachRingRange } from './ring-ranges.ts';
import type { ValueLane } from './value-lane.ts';

/** Where the values of a row lie. */
export interface RowImage {
  readonly lanes: readonly ValueLane[];
  readonly index: number;
}

/**
 * What rows were before each of the newest ticks that changed them, in columns: 5 to 6 numbers an
 * entry, none of them an object. Entries are numbered without end; entry n lies at n modulo the
 * capacity, which doubles up to the bound on rows. Entries of one row are chained towards newer
 * ones, so the image of a row at any position held is found from either end:
 *
 * ```
 * row 7:   entry 3 ───▶ entry 9 ───▶ now
 *          before 3     = after 3     = after 9
 * ```
 */
export class ImageRing {
  /** The payload is the number of the frame's first entry. */
  readonly frames: FrameLog<number>;
  readonly #lanes: readonly ValueLane[];
  #capacity = 0;
  #rows = new Uint32Array(0);
  #present = new Uint8Array(0);
  /** The row's next entry; 0: none. */
  #next = new Float64Array(0);
  /** By row, its newest entry; 0: none. */
  #newest = new Float64Array(0);
  /** Entries are numbered from 1. */
  #end = 1;
  #open: { readonly mark: TickMark; readonly first: number } | null = null;

  constructor(like: readonly ValueLane[], bounds: FrameBounds) {
    this.#lanes = like.map((lane) => lane.emptyCopy());
    this.frames = new FrameLog(bounds, 0 as Lsn, 0);
  }

  /** Begins a tick that changes `count` rows; false when it is larger than the ring, which then forgets. */
  begin(mark: TickMark, count: number): boolean {
    if (count > this.frames.bounds.rowsMax) {
      this.frames.restart(mark.lsn, mark.committedAtMs);
      return false;
    }
    this.frames.makeRoom(count, 0);
    this.#reserve(count);
    this.#open = { mark, first: this.#end };
    return true;
  }

  /** Tells what a row is before the tick; a row once a tick. `before` null: it is not there. */
  add(row: number, before: RowImage | null): void {
    const entry = this.#end;
    const at = entry % this.#capacity;
    this.#end += 1;
    this.#rows[at] = row;
    this.#present[at] = before ? 1 : 0;
    this.#next[at] = 0;
    if (before) {
      for (let lane = 0; lane < this.#lanes.length; lane++) {
        (this.#lanes[lane] as ValueLane).copyFrom(
          before.lanes[lane] as ValueLane,
          before.index,
          at,
        );
      }
    }
    if (row >= this.#newest.length) {
      const newest = new Float64Array(Math.max(row + 1, this.#newest.length * 2));
      newest.set(this.#newest);
      this.#newest = newest;
    }
    const previous = this.#newest[row] as number;
    if (previous >= this.#start) this.#next[previous % this.#capacity] = entry;
    this.#newest[row] = entry;
  }

  end(): void {
    if (!this.#open) throw new Error('no tick was begun');
    const { mark, first } = this.#open;
    this.#open = null;
    const rows = this.#end - first;
    if (rows === 0) return;
    const { lsn, sessionId, tick, committedAtMs: stamp, appliedAtMs } = mark;
    this.frames.push({ lsn, sessionId, tick, stamp, appliedAtMs, rows }, 0, first);
  }

  /** What the row was before the newest tick, if that changed it and the ring holds it. */
  beforeNewest(row: number): RowImage | 'absent' | null {
    const first = this.frames.payloadAt(this.frames.size - 1);
    const entry = this.#newest[row] ?? 0;
    if (first === null || entry < first) return null;
    return this.#imageOf(entry) ?? 'absent';
  }

  /** As `FeedSource.changes`; `build` makes rows, from an image or (null) from what is now. */
  changes(
    from: Lsn,
    to: Lsn,
    sessionId: string | null,
    build: (row: number, image: RowImage | 'now') => RowChange['after'],
  ): RowChange[] {
    const touched = new Map<number, { first: number; frame: FeedFrame; several: boolean }>();
    let end = 0;
    for (let index = this.frames.indexAfter(from); ; index++) {
      const frame = this.frames.at(index);
      if (!frame || frame.lsn > to) break;
      const begin = this.frames.payloadAt(index) as number;
      end = begin + frame.rows;
      if (sessionId !== null && frame.sessionId !== sessionId) continue;
      for (let entry = begin; entry < end; entry++) {
        const row = this.#rows[entry % this.#capacity] as number;
        const known = touched.get(row);
        if (known) {
          known.several ||= known.frame.sessionId !== frame.sessionId;
          known.frame = frame;
        } else {
          touched.set(row, { first: entry, frame, several: false });
        }
      }
    }
    return Array.from(touched, ([row, { first, frame, several }]) => {
      const before = this.#imageOf(first);
      let later = first;
      while (later !== 0 && later < end) later = this.#next[later % this.#capacity] as number;
      const after = later === 0 ? 'now' : this.#imageOf(later);
      return {
        before: before && build(row, before),
        after: after && build(row, after),
        lsn: frame.lsn,
        sessionId: several ? null : frame.sessionId,
        tick: frame.tick,
      };
    });
  }

  get #start(): number {
    return this.frames.payloadAt(0) ?? this.#open?.first ?? this.#end;
  }

  #imageOf(entry: number): RowImage | null {
    const index = entry % this.#capacity;
    return this.#present[index] === 1 ? { lanes: this.#lanes, index } : null;
  }

  /** Makes room for `count` entries beside those held. */
  #reserve(count: number): void {
    const start = this.#start;
    const needed = this.#end - start + count;
    if (needed <= this.#capacity) return;
    let capacity = Math.max(this.#capacity, 64);
    while (capacity < needed) capacity *= 2;
    const rows = new Uint32Array(capacity);
    const present = new Uint8Array(capacity);
    const next = new Float64Array(capacity);
    const moved = this.#lanes.map((lane) => {
      const copy = lane.emptyCopy();
      copy.grow(capacity);
      return copy;
    });
    eachRingRange(start, this.#end, this.#capacity, capacity, (from, to, count) => {
      rows.set(this.#rows.subarray(from, from + count), to);
      present.set(this.#present.subarray(from, from + count), to);
      next.set(this.#next.subarray(from, from + count), to);
      moved.forEach((lane, i) => {
        lane.copyRange(this.#lanes[i] as ValueLane, from, to, count);
      });
    });
    for (let lane = 0; lane < moved.length; lane++) {
      (this.#lanes[lane] as ValueLane).adopt(moved[lane] as ValueLane);
    }
    this.#capacity = capacity;
    this.#rows = rows;
    this.#present = present;
    this.#next = next;
  }
}
