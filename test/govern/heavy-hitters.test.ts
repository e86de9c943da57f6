import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeavyHitters } from '../../engine/govern/heavy-hitters.ts';

interface Gathered {
  weight: number;
}

function feed(capacity: number, stream: readonly (readonly [string, number])[]) {
  const hitters = new HeavyHitters<Gathered>(capacity);
  const truth = new Map<string, number>();
  let total = 0;
  for (const [key, weight] of stream) {
    hitters.touch(key, weight, () => ({ weight: 0 })).weight += weight;
    truth.set(key, (truth.get(key) ?? 0) + weight);
    total += weight;
  }
  return { hitters, truth, total };
}

const streams = fc.array(
  fc.tuple(
    fc.integer({ min: 0, max: 30 }).map((n) => `k${n}`),
    fc.integer({ min: 0, max: 9 }),
  ),
  { maxLength: 400 },
);

describe('heavy hitters', () => {
  it('bracket the true weight of every key they hold', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), streams, (capacity, stream) => {
        const { hitters, truth, total } = feed(capacity, stream);
        for (const { key, weight, value } of hitters.hitters()) {
          const exact = truth.get(key) ?? 0;
          expect(value.weight).toBeLessThanOrEqual(exact);
          expect(weight).toBeGreaterThanOrEqual(exact);
          expect(weight - value.weight).toBeLessThanOrEqual(total / capacity);
        }
      }),
    );
  });

  it('hold every key with more than its share of all weight, in bounded room', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), streams, (capacity, stream) => {
        const { hitters, truth, total } = feed(capacity, stream);
        expect(hitters.size).toBe(Math.min(capacity, truth.size));
        expect(new Set(hitters.hitters().map(({ key }) => key)).size).toBe(hitters.size);
        for (const [key, weight] of truth) {
          if (weight > total / capacity) expect(hitters.find(key)).toBeDefined();
        }
      }),
    );
  });

  it('are exact while there is room for all', () => {
    fc.assert(
      fc.property(streams, (stream) => {
        const { hitters, truth } = feed(31, stream);
        const held = hitters.hitters().map(({ key, value }) => [key, value.weight] as const);
        expect(new Map(held)).toEqual(truth);
      }),
    );
  });
});
