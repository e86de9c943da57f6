import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstRepeated } from '../../engine/vectors/repeated-value.ts';
import { columnOf, vectorOf } from '../intake/any-column.ts';

function firstRepeatedOf(ids: readonly (string | Uint8Array)[]): number {
  const kind = typeof ids[0] === 'string' ? 'string' : 'bytes';
  const vector = vectorOf(columnOf('id', kind), ids);
  if (vector.layout !== 'binary') throw new Error('texts');
  return firstRepeated(vector);
}

function naive(ids: readonly string[]): number {
  return ids.findIndex((id, row) => ids.indexOf(id) < row);
}

describe('the first repeated id', () => {
  it('is the one a naive search finds', () => {
    const id = fc.oneof(
      fc.nat(30).map(String),
      fc.nat(30).map((n) => `unit/${n}`),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 9 }),
    );
    fc.assert(
      fc.property(fc.array(id, { maxLength: 40 }), (ids) => {
        expect(firstRepeatedOf(ids)).toBe(naive(ids));
      }),
    );
  });

  it('is none of ids that count up, and is found where one of them comes again', () => {
    const ids = Array.from({ length: 5000 }, (_, i) => `tick-7/${String(i).padStart(5, '0')}`);
    expect(firstRepeatedOf(ids)).toBe(-1);
    expect(firstRepeatedOf([...ids].reverse())).toBe(-1);
    expect(firstRepeatedOf([...ids, ids[17] as string])).toBe(5000);
    expect(firstRepeatedOf([...ids.slice(0, 30), ids[29] as string])).toBe(30);
  });

  it('is found no later where all values were made to hash alike', () => {
    const ids = meeting(20_000);
    const startedMs = performance.now();
    expect(firstRepeatedOf(ids)).toBe(-1);
    expect(firstRepeatedOf([...ids, ids[3] as Uint8Array])).toBe(ids.length);
    // Each against all before it would be 200 million comparisons.
    expect(performance.now() - startedMs).toBeLessThan(1000);
  });
});

/**
 * Values that all hash alike, whatever the hash begins with: a difference in the highest bit of a
 * word stays one through the multiplication, and the next word takes it back.
 */
function meeting(count: number): Uint8Array[] {
  const zero = [0, 0, 0, 0, 0, 0, 0, 0];
  const one = [0, 0, 0, 0x80, 0, 0, 1, 0x80];
  const bits = Math.ceil(Math.log2(count + 1));
  // Falling, so that it is the table that decides.
  return Array.from({ length: count }, (_, i) =>
    Uint8Array.from(
      Array.from({ length: bits }, (_, bit) => (((count - i) >> bit) & 1 ? one : zero)).flat(),
    ),
  );
}
