import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { copyBits, countBits } from '../../engine/vectors/bits.ts';
import { bitAt } from '../../engine/vectors/column-vector.ts';

const slice = fc
  .tuple(fc.uint8Array({ minLength: 1, maxLength: 12 }), fc.nat(95), fc.nat(95))
  .map(([source, a, b]) => {
    const from = a % (source.length * 8);
    return { source, from, length: b % (source.length * 8 - from + 1) };
  });

describe('bits', () => {
  it('are copied from any place to the first, with zeros beyond the last', () => {
    fc.assert(
      fc.property(slice, ({ source, from, length }) => {
        const bits = copyBits(source, from, length);
        expect(bits.length).toBe(Math.ceil(length / 8));
        for (let i = 0; i < bits.length * 8; i++) {
          expect(bitAt(bits, i)).toBe(i < length && bitAt(source, from + i));
        }
      }),
    );
  });

  it('are counted up to a length, whatever comes after', () => {
    fc.assert(
      fc.property(slice, ({ source, length }) => {
        const ones = Array.from({ length }, (_, i) => bitAt(source, i)).filter(Boolean).length;
        expect(countBits(source, length)).toBe(ones);
      }),
    );
  });
});
