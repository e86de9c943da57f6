import { stepUnits, type Work } from '../../govern/work.ts';
import type { Lsn } from '../../model/position.ts';
import type { Value } from '../../model/types.ts';
import { grown } from '../../vectors/growing-array.ts';
import type { ValueLane } from '../operators/value-lane.ts';
import type { RowChange, TickMark } from './feed-source.ts';
import { PagedRing } from './paged-ring.ts';
import { type DropListener, type FeedTick, TickRing, type TickRingBounds } from './tick-ring.ts';

/** Where the values of a row lie. */
export interface RowImage {
  readonly lanes: readonly ValueLane[];
  readonly index: number;
}

const pageEntries = 1024;

/** One page of a ring's entries, each property a column by place in the page. */
class EntryPage {
  readonly rows = new Uint32Array(pageEntries);
  readonly present = new Uint8Array(pageEntries);
  /** The row's next entry; 0: none. */
  readonly next = new Float64Array(pageEntries);
  readonly lanes: readonly ValueLane[];

  constructor(like: readonly ValueLane[]) {
    this.lanes = like.map((lane) => {
      const copy = lane.emptyCopy();
      copy.grow(pageEntries);
      return copy;
    });
  }
}

/**
 * What rows were before each of the newest ticks that changed them, in columns: 5 to 6 numbers an
 * entry, none of them an object. Entries of one row are chained towards newer ones, so the image of
 * a row at any position held is found from either end:
 *
 * ```
 * row 7:   entry 3 ───▶ entry 9 ───▶ now
 *          before 3     = after 3     = after 9
 * ```
 */
export class ImageRing {
  /** The payload is the number of the frame's first entry. */
  readonly ticks: TickRing<number>;
  readonly #entries: PagedRing<EntryPage>;
  /** Each row's newest entry; 0: none. */
  #newest = new Float64Array(0);
  /** Entries are numbered from 1. */
  #end = 1;
  #open: { readonly mark: TickMark; readonly first: number } | null = null;

  /** `onForgotten` is told of each row that the ring holds no entry of any more. */
  constructor(
    like: readonly ValueLane[],
    bounds: TickRingBounds,
    onForgotten: ((row: number) => void) | null = null,
  ) {
    this.#entries = new PagedRing(pageEntries, () => new EntryPage(like));
    const listener: DropListener<number> = {
      dropping: (first, rows) => {
        for (let entry = first; entry < first + rows; entry++) {
          const row = this.#entries.pageOf(entry).rows[this.#entries.indexOf(entry)] as number;
          if (this.#newest[row] === entry) onForgotten?.(row);
        }
      },
    };
    this.ticks = new TickRing(bounds, 0 as Lsn, 0, onForgotten && listener);
  }

  /** Whether an entry of the row is held. */
  remembers(row: number): boolean {
    return (this.#newest[row] ?? 0) >= this.#start;
  }

  /** Begins a tick that changes `count` rows; false when it is larger than the ring, which then forgets. */
  begin(mark: TickMark, count: number): boolean {
    if (count > this.ticks.bounds.rowsMax) {
      this.ticks.restart(mark.lsn, mark.committedAtMs);
      return false;
    }
    this.ticks.makeRoom(count, 0);
    this.#entries.hold(this.#start, this.#end + count);
    this.#open = { mark, first: this.#end };
    return true;
  }

  /** Tells what a row is before the tick; a row once a tick. `before` null: it is not there. */
  add(row: number, before: RowImage | null): void {
    const entry = this.#end;
    const page = this.#entries.pageOf(entry);
    const at = this.#entries.indexOf(entry);
    this.#end += 1;
    page.rows[at] = row;
    page.present[at] = before ? 1 : 0;
    page.next[at] = 0;
    if (before) {
      const { lanes } = page;
      for (let lane = 0; lane < lanes.length; lane++) {
        (lanes[lane] as ValueLane).copyFrom(before.lanes[lane] as ValueLane, before.index, at);
      }
    }
    if (row >= this.#newest.length) this.#newest = grown(this.#newest, row + 1);
    const previous = this.#newest[row] as number;
    if (previous >= this.#start) {
      this.#entries.pageOf(previous).next[this.#entries.indexOf(previous)] = entry;
    }
    this.#newest[row] = entry;
  }

  end(): void {
    if (!this.#open) throw new Error('no tick was begun');
    const { mark, first } = this.#open;
    this.#open = null;
    const rows = this.#end - first;
    if (rows === 0) return;
    const { lsn, sessionId, tick, committedAtMs: stamp, appliedAtMs } = mark;
    this.ticks.push({ lsn, sessionId, tick, stamp, appliedAtMs, rows }, 0, first);
  }

  /** What the row was before the newest tick, if that changed it and the ring holds it. */
  beforeNewest(row: number): RowImage | 'absent' | null {
    const first = this.ticks.payloadAt(this.ticks.size - 1);
    const entry = this.#newest[row] ?? 0;
    if (first === null || entry < first) return null;
    return this.#imageOf(entry) ?? 'absent';
  }

  /**
   * As `FeedSource.changes`; `build` makes rows, from an image or (null) from what is now, each of
   * which costs `rowUnits`. Ticks that come meanwhile do not matter: what a row was at `to` is then in
   * the entry that the newer tick made.
   */
  *changes(
    from: Lsn,
    to: Lsn,
    sessionId: string | null,
    build: (row: number, image: RowImage | 'now') => RowChange['after'],
    rowUnits: number,
  ): Work<RowChange[] | null> {
    const touched = new Map<number, Touched>();
    let end = 0;
    let units = 0;
    for (let seen = from; ; ) {
      if (units >= stepUnits) {
        yield units;
        units = 0;
        if (this.ticks.horizon > from) return null;
      }
      const index = this.ticks.indexAfter(seen);
      const frame = this.ticks.at(index);
      if (!frame || frame.lsn > to) break;
      seen = frame.lsn;
      const begin = this.ticks.payloadAt(index) as number;
      end = begin + frame.rows;
      units += frameUnits;
      if (sessionId !== null && frame.sessionId !== sessionId) continue;
      for (let entry = begin; entry < end; entry++) {
        const row = this.#entries.pageOf(entry).rows[this.#entries.indexOf(entry)] as number;
        const known = touched.get(row);
        if (known) {
          known.several ||= known.frame.sessionId !== frame.sessionId;
          known.frame = frame;
        } else {
          touched.set(row, { first: entry, frame, several: false });
        }
        units += entryUnits;
        if (units < stepUnits) continue;
        yield units;
        units = 0;
        if (this.ticks.horizon > from) return null;
      }
    }
    const changes: RowChange[] = [];
    for (const [row, { first, frame, several }] of touched) {
      const before = this.#imageOf(first);
      const after = this.#imageAt(first, end);
      changes.push({
        before: before && build(row, before),
        after: after && build(row, after),
        lsn: frame.lsn,
        sessionId: several ? null : frame.sessionId,
        tick: frame.tick,
      });
      units += 2 * rowUnits;
      if (units < stepUnits) continue;
      yield units;
      units = 0;
      if (this.ticks.horizon > from) return null;
    }
    return changes;
  }

  /** As `FeedSource.changedValues`; `read` gives the value of a row, null where it is not there. */
  *changedValues(
    tick: Lsn,
    read: (row: number, image: RowImage | 'now') => Value,
  ): Iterable<Value> {
    const index = this.ticks.indexAfter((tick - 1) as Lsn);
    const frame = this.ticks.at(index);
    if (frame?.lsn !== tick) return;
    const begin = this.ticks.payloadAt(index) as number;
    const end = begin + frame.rows;
    for (let entry = begin; entry < end && this.ticks.horizon < tick; entry++) {
      const row = this.#entries.pageOf(entry).rows[this.#entries.indexOf(entry)] as number;
      const before = this.#imageOf(entry);
      const after = this.#imageAt(entry, end);
      const is = after && read(row, after);
      const was = before && read(row, before);
      if (is !== null) yield is;
      if (was !== null && was !== is) yield was;
    }
  }

  get #start(): number {
    return this.ticks.payloadAt(0) ?? this.#open?.first ?? this.#end;
  }

  /** What the row of an entry was when the entries ended with `end` - 1; null: it was not there. */
  #imageAt(entry: number, end: number): RowImage | 'now' | null {
    let later = entry;
    while (later !== 0 && later < end) later = this.#nextOf(later);
    return later === 0 ? 'now' : this.#imageOf(later);
  }

  #nextOf(entry: number): number {
    return this.#entries.pageOf(entry).next[this.#entries.indexOf(entry)] as number;
  }

  #imageOf(entry: number): RowImage | null {
    const { present, lanes } = this.#entries.pageOf(entry);
    const index = this.#entries.indexOf(entry);
    return present[index] === 1 ? { lanes, index } : null;
  }
}

/** What is known of a row while changes are gathered: its first entry, and the newest tick. */
interface Touched {
  readonly first: number;
  frame: FeedTick;
  several: boolean;
}

/** What finding a tick, and an entry's row, costs, in units of about a comparison. */
const frameUnits = 16;
const entryUnits = 8;
