import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ColumnMemory } from '../../engine/vectors/column-memory.ts';
import { ByteDictionary } from '../../engine/views/sources/byte-dictionary.ts';
import { type Lane, LaneTable } from '../../engine/views/sources/lane-table.ts';
import { runs } from '../budget.ts';

const word = fc.oneof(fc.nat(3), fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.constant(4096));

/** A batch of rows: three lanes, each the same for all rows or not. */
const batch = fc.integer({ min: 0, max: 60 }).chain((length) => {
  const lane: fc.Arbitrary<Lane> = fc.oneof(
    word,
    fc
      .array(word, { minLength: length, maxLength: length })
      .map((words) => Uint32Array.from(words)),
  );
  return fc.record({ length: fc.constant(length), lanes: fc.tuple(lane, lane, lane) });
});

/** Its lanes in two pieces, as a checkpoint holds them. */
function inPieces(table: LaneTable): Uint32Array[][] {
  const middle = table.size >> 1;
  return [table.capture(0, middle), table.capture(middle, table.size)].map((lanes) =>
    Array.from({ length: table.width }, (_, lane) => lanes(lane, new ColumnMemory(64))),
  );
}

describe('a lane table', () => {
  test('numbers keys in the order they are first seen, in whatever lanes they vary', () => {
    fc.assert(
      fc.property(
        fc.array(batch, { maxLength: 8 }),
        fc.integer({ min: 1, max: 3 }),
        (batches, width) => {
          let table = new LaneTable(width);
          const known = new Map<string, number>();
          for (const { length, lanes } of batches) {
            const used = lanes.slice(0, width);
            const ordinals = new Uint32Array(length);
            table.locate(used, length, ordinals);
            const expected = Array.from({ length }, (_, row) => {
              const key = used.map((lane) => (typeof lane === 'number' ? lane : lane[row])).join();
              const ordinal = known.get(key) ?? known.size;
              known.set(key, ordinal);
              return ordinal;
            });
            expect([...ordinals]).toEqual(expected);
            expect(table.size).toBe(known.size);
            const loaded = new LaneTable(width);
            loaded.load(inPieces(table));
            table = loaded;
          }
          for (const [key, ordinal] of known) {
            expect(Array.from({ length: width }, (_, i) => table.lane(ordinal, i)).join()).toBe(
              key,
            );
          }
        },
      ),
      { numRuns: runs(300) },
    );
  });

  test('gives the number of a key that was removed to one that comes later, and finds all others', () => {
    const key = fc.tuple(fc.nat(40), fc.constantFrom(0, 1, 4096));
    const step = fc.record({ key, isRemoved: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
        const fresh: number[] = [];
        const table = new LaneTable(2, fresh);
        const known = new Map<string, number>();
        const ordinals = new Uint32Array(1);
        let most = 0;
        for (const { key: lanes, isRemoved } of steps) {
          const text = lanes.join();
          fresh.length = 0;
          table.locate(lanes, 1, ordinals);
          const ordinal = ordinals[0] as number;
          expect(fresh).toEqual(known.has(text) ? [] : [ordinal]);
          expect(known.get(text) ?? ordinal).toBe(ordinal);
          if (!known.has(text)) expect([...known.values()]).not.toContain(ordinal);
          known.set(text, ordinal);
          most = Math.max(most, known.size);
          if (isRemoved) {
            table.remove(ordinal);
            known.delete(text);
          }
          expect(table.count).toBe(known.size);
        }
        expect(table.size).toBe(most);
        for (const [text, ordinal] of known) {
          expect([table.lane(ordinal, 0), table.lane(ordinal, 1)].join()).toBe(text);
        }
      }),
      { numRuns: runs(300) },
    );
  });

  test('stays right over many keys', () => {
    const table = new LaneTable(2);
    const ids = Uint32Array.from({ length: 50_000 }, (_, i) => i * 7);
    const ordinals = new Uint32Array(ids.length);
    table.locate([5, ids], ids.length, ordinals);
    expect(ordinals[49_999]).toBe(49_999);
    table.locate([ids, 5], ids.length, ordinals);
    expect(table.size).toBe(100_000);
    table.locate([5, ids], ids.length, ordinals);
    expect(ordinals[49_999]).toBe(49_999);
    expect(table.size).toBe(100_000);
  });
});

describe('a byte dictionary', () => {
  test('numbers texts in the order they are first seen, before and after a checkpoint', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary', maxLength: 5 }), { maxLength: 200, size: 'max' }),
        (texts) => {
          const known = [...new Set(texts)];
          const dictionary = new ByteDictionary();
          for (const text of texts) expect(dictionary.idOfText(text)).toBe(known.indexOf(text));
          const loaded = new ByteDictionary();
          const middle = known.length >> 1;
          const pieces = [dictionary.capture(0, middle), dictionary.capture(middle, known.length)];
          dictionary.idOfText('came too late');
          loaded.load(pieces.map((captured) => captured(new ColumnMemory(64)).vectors));
          known.forEach((text, id) => {
            expect(loaded.text(id)).toBe(text);
            expect(loaded.find(text)).toBe(id);
          });
          expect(loaded.find('absent text')).toBe(-1);
          expect(loaded.size).toBe(known.length);
        },
      ),
      { numRuns: runs(100), examples: [[['\uFEFFa', 'a']]] },
    );
  });
});
