import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { finish } from '../../engine/govern/work.ts';
import { asLsn } from '../../engine/model/position.ts';
import { ImageRing, type RowImage } from '../../engine/views/feeds/image-ring.ts';
import { PagedRing } from '../../engine/views/feeds/paged-ring.ts';
import { TickRing } from '../../engine/views/feeds/tick-ring.ts';
import { NumberLane } from '../../engine/views/operators/value-lane.ts';

const bounds = { rowsMax: 3000, ticksMax: 700, bytesMax: 1_000_000 };

describe('a ring in pages', () => {
  it('keeps what is held while it grows and goes round', () => {
    const step = fc.record({ drop: fc.nat(12), add: fc.nat(12) });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.array(step), (pageEntries, steps) => {
        const ring = new PagedRing(pageEntries, () => new Array<number>(pageEntries));
        let start = 0;
        let end = 0;
        for (const { drop, add } of steps) {
          start = Math.min(start + drop, end);
          ring.hold(start, end + add);
          for (const to = end + add; end < to; end++) {
            ring.pageOf(end)[ring.indexOf(end)] = end;
          }
          for (let entry = start; entry < end; entry++) {
            expect(ring.pageOf(entry)[ring.indexOf(entry)]).toBe(entry);
          }
        }
      }),
    );
  });

  it('makes no more pages once it goes round', () => {
    let made = 0;
    const ring = new PagedRing(4, () => made++);
    for (let end = 0; end < 1000; end++) ring.hold(Math.max(0, end - 8), end);
    expect(made).toBe(3);
  });

  it('remembers the frames of several pages, and what rows were before each', () => {
    const frames = new TickRing<number>(bounds, asLsn(0), 0);
    const lane = new NumberLane(0);
    lane.grow(10);
    const ring = new ImageRing([lane], bounds);
    const now = (row: number) => ({ row, value: lane.values[row] as number });
    for (let lsn = 1; lsn <= 2500; lsn++) {
      const mark = { sessionId: `s${lsn}`, tick: lsn, stamp: lsn, appliedAtMs: lsn, rows: 3 };
      frames.push({ lsn: asLsn(lsn), ...mark }, 10, lsn);
      expect(ring.begin({ lsn: asLsn(lsn), ...mark, committedAtMs: lsn }, 3)).toBe(true);
      for (let i = 0; i < 3; i++) {
        const row = (lsn + i) % 10;
        ring.add(row, { lanes: [lane], index: row });
      }
      ring.end();
      for (let i = 0; i < 3; i++) lane.values[(lsn + i) % 10] = lsn;
    }
    expect(frames.size).toBe(bounds.ticksMax);
    expect(ring.ticks.size).toBe(bounds.ticksMax);
    for (let place = 0; place < frames.size; place++) {
      const lsn = 2500 - bounds.ticksMax + 1 + place;
      expect(frames.at(place)).toMatchObject({ lsn, sessionId: `s${lsn}`, tick: lsn, rows: 3 });
      expect(frames.payloadAt(place)).toBe(lsn);
    }
    for (let lsn = ring.ticks.horizon + 1; lsn <= 2500; lsn++) {
      const to = asLsn(lsn);
      const rowOf = (row: number, image: RowImage | 'now') =>
        image === 'now' ? now(row) : { row, value: image.lanes[0]?.values[image.index] as number };
      const changes = finish(ring.changes(asLsn(lsn - 1), to, null, rowOf, 1));
      for (const { before, after } of changes ?? []) {
        // A row changes in three ticks of ten: 1, 1 and 8 ticks after the change before.
        expect(after?.value).toBe(lsn);
        expect(lastChange((before as { row: number }).row, lsn)).toBe(before?.value);
      }
    }
  });
});

/** The newest tick before `lsn` that changed the row. */
function lastChange(row: number, lsn: number): number {
  for (let before = lsn - 1; before > 0; before--) {
    if ([0, 1, 2].some((i) => (before + i) % 10 === row)) return before;
  }
  return 0;
}
