import fc from 'fast-check';
import { expect, it } from 'vitest';
import { eachRingRange } from '../../engine/views/ring-ranges.ts';

it('moves every entry held from its place before to its place after, in at most two pieces', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1000 }),
      fc.integer({ min: 1, max: 16 }),
      fc.integer({ min: 1, max: 4 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (start, before, times, fullness) => {
        const end = start + Math.floor(before * fullness);
        const capacity = before * times;
        const held = new Array<number | null>(before).fill(null);
        for (let entry = start; entry < end; entry++) held[entry % before] = entry;
        const moved = new Array<number | null>(capacity).fill(null);
        let pieces = 0;
        eachRingRange(start, end, before, capacity, (from, to, count) => {
          pieces++;
          for (let i = 0; i < count; i++) moved[to + i] = held[from + i] ?? null;
        });
        const expected = new Array<number | null>(capacity).fill(null);
        for (let entry = start; entry < end; entry++) expected[entry % capacity] = entry;
        expect(moved).toEqual(expected);
        expect(pieces).toBeLessThanOrEqual(2);
      },
    ),
  );
});
