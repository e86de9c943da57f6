import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { noNode, OrderedCounts } from '../../engine/views/operators/ordered-counts.ts';
import { runs } from '../budget.ts';

const byNumbers = (a: number, b: number, c: number, d: number) => a - c || b - d;
const pair = fc.tuple(fc.integer({ min: -3, max: 3 }), fc.integer({ min: 0, max: 2 }));
const step = fc.record({ set: fc.nat(2), pair, isAdded: fc.boolean() });

describe('ordered counts', () => {
  test('know the least and the greatest of what each set holds, and who holds and lets go', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
        const held: number[] = [];
        const counts = new OrderedCounts(
          byNumbers,
          (first) => held.push(first),
          (first) => held.splice(held.indexOf(first), 1),
        );
        const roots = [noNode, noNode, noNode];
        const expected: [number, number][][] = [[], [], []];
        for (const { set, pair: value, isAdded } of steps) {
          const values = expected[set] ?? [];
          const place = values.findIndex(([a, b]) => a === value[0] && b === value[1]);
          if (isAdded) {
            roots[set] = counts.add(roots[set] ?? noNode, ...value);
            values.push(value);
          } else if (place >= 0) {
            roots[set] = counts.remove(roots[set] ?? noNode, ...value);
            values.splice(place, 1);
          }
          const root = roots[set] ?? noNode;
          values.sort((a, b) => byNumbers(...a, ...b));
          expect(root === noNode).toBe(values.length === 0);
          if (values.length === 0) continue;
          const [least, greatest] = [counts.least(root), counts.greatest(root)];
          expect([counts.first(least), counts.second(least)]).toEqual(values[0]);
          expect([counts.first(greatest), counts.second(greatest)]).toEqual(values.at(-1));
        }
        const distinct = expected.flatMap((values) => [...new Map(values.map((v) => [`${v}`, v]))]);
        expect(held.sort()).toEqual(distinct.map(([, [first]]) => first).sort());
      }),
      { numRuns: runs(200) },
    );
  });

  test('refuse to take back what was never added', () => {
    const counts = new OrderedCounts(byNumbers);
    const root = counts.add(noNode, 1, 0);
    expect(() => counts.remove(root, 2, 0)).toThrow(/never added/);
  });

  test('use the memory of values that left for others', () => {
    const counts = new OrderedCounts(byNumbers);
    let bytes = 0;
    for (let round = 0; round < 200; round++) {
      let root = noNode;
      for (let i = 0; i < 50; i++) root = counts.add(root, round + i * 17, 0);
      for (let i = 0; i < 50; i++) root = counts.remove(root, round + i * 17, 0);
      expect(root).toBe(noNode);
      bytes ||= counts.memoryBytes;
    }
    expect(counts.memoryBytes).toBe(bytes);
  });
});
