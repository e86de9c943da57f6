import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { finishHash, KeyIndex, mixWord } from '../../engine/state/key-index.ts';

/** Few hashes, so that runs of entries collide, wrap around a segment and close up. */
const hash = fc.oneof(
  fc.constantFrom(0, 1, 15, 16, -1, 0x7fff_ffff, -0x8000_0000),
  fc.nat(40),
  fc.integer(),
);

describe('the key index', () => {
  it('finds what a map finds, while keys come and go', () => {
    const step = fc.tuple(fc.boolean(), hash, fc.nat(60));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const index = new KeyIndex();
        /** Slot by key; a slot here is its key's number, under the hash it was added with. */
        const model = new Map<number, number>();
        for (const [add, hashOfKey, slot] of steps) {
          const known = model.get(slot);
          if (known !== undefined) {
            if (add) continue;
            index.remove(known, slot);
            model.delete(slot);
          } else if (add) {
            index.add(hashOfKey, slot);
            model.set(slot, hashOfKey);
          }
        }
        expect(index.size).toBe(model.size);
        for (let slot = 0; slot <= 60; slot++) {
          const known = model.get(slot);
          const under = known ?? 0;
          const found = index.find(under, (other) => other === slot);
          expect(found).toBe(known === undefined ? -1 : slot);
        }
      }),
    );
  });

  it('asks for equality only under the same hash', () => {
    const index = new KeyIndex();
    for (let slot = 0; slot < 1000; slot++) index.add(finishHash(mixWord(0, slot)), slot);
    const asked: number[] = [];
    const found = index.find(finishHash(mixWord(0, 77)), (slot) => {
      asked.push(slot);
      return slot === 77;
    });
    expect(found).toBe(77);
    expect(asked).toEqual([77]);
  });

  it('grows to hundreds of thousands of keys and shrinks to none', () => {
    const index = new KeyIndex();
    const count = 200_000;
    const hashOf = (slot: number) => finishHash(mixWord(0, slot));
    for (let slot = 0; slot < count; slot++) index.add(hashOf(slot), slot);
    expect(index.size).toBe(count);
    for (let slot = 0; slot < count; slot += 7) {
      expect(index.find(hashOf(slot), (other) => other === slot)).toBe(slot);
    }
    // Entries of two words, at most a quarter wasted by doubling and the half that stays free.
    expect(index.memoryBytes).toBeLessThan(count * 8 * 4);
    for (let slot = 0; slot < count; slot++) index.remove(hashOf(slot), slot);
    expect(index.size).toBe(0);
    for (let slot = 0; slot < count; slot += 7) {
      expect(index.find(hashOf(slot), () => true)).toBe(-1);
    }
  });
});
