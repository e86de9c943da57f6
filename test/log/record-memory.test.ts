import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RecordMemory, type RecordSpace, slabBytes } from '../../engine/log/record-memory.ts';

type Step = { readonly reserve: number } | { readonly giveBack: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ reserve: fc.integer({ min: 40, max: 65_536 }) }),
  fc.record({ giveBack: fc.nat() }),
);

describe('the memory of records on their way to disk', () => {
  test('holds what is in it until it is given back, in whatever order that happens', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const memory = new RecordMemory();
        const held: { readonly space: RecordSpace; readonly mark: number }[] = [];
        steps.forEach((next, mark) => {
          if ('reserve' in next) {
            const space = memory.reserve(next.reserve);
            expect(space.bytes.byteLength).toBe(next.reserve);
            expect(space.bytes.byteOffset % 8).toBe(0);
            space.bytes.fill(mark & 0xff);
            held.push({ space, mark });
            return;
          }
          const [back] = held.splice(next.giveBack % Math.max(held.length, 1), 1);
          if (!back) return;
          const { bytes, slab } = back.space;
          expect(bytes.equals(Buffer.alloc(bytes.byteLength, back.mark & 0xff))).toBe(true);
          memory.giveBack(slab);
        });
      }),
    );
  });

  test('is used again: a thousand records, one at a time, lie in one slab', () => {
    const memory = new RecordMemory();
    const slabs = new Set<unknown>();
    for (let n = 0; n < 1_000; n++) {
      const { slab } = memory.reserve(10_000);
      slabs.add(slab);
      memory.giveBack(slab);
    }
    expect(slabs.size).toBe(1);
  });

  test('is used again when many records are under way', () => {
    const memory = new RecordMemory();
    const slabs = new Set<unknown>();
    const underWay: RecordSpace[] = [];
    for (let n = 0; n < 3_000; n++) {
      const space = memory.reserve(10_000);
      slabs.add(space.slab);
      underWay.push(space);
      const first = underWay.length > 300 ? underWay.shift() : undefined;
      if (first) memory.giveBack(first.slab);
    }
    expect(slabs.size).toBeLessThanOrEqual(Math.ceil((300 * 10_000) / slabBytes) + 2);
  });
});
