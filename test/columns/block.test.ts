import { tableFromIPC } from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BlockBuilder } from '../../engine/columns/shipping/block.ts';
import { type ShippedTable, shippedTables } from '../../engine/columns/shipping/shipped-table.ts';
import type { Row } from '../../engine/model/types.ts';
import { GrowingBits } from '../../engine/vectors/growing-array.ts';
import { runs } from '../budget.ts';
import { catalog, fabricate } from './fabricate.ts';

const tables = shippedTables(catalog);
const [facts] = tables.filter((table) => table.storedName === 'facts') as [ShippedTable];

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });
const fact = fc.record({
  flag: fc.boolean(),
  small: fc.integer({ min: -128, max: 127 }),
  large: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  huge: maybe(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
  ratio: maybe(fc.double({ noNaN: true })),
  single: fc.float({ noNaN: true }),
  name: maybe(fc.string({ unit: 'grapheme', maxLength: 12 })),
  mood: fc.constant(null),
  token: fc.constant(null),
  at: fc.constant(null),
  blob: maybe(fc.uint8Array({ maxLength: 9 })),
  maybe: maybe(fc.boolean()),
  tags: fc.array(fc.string({ maxLength: 4 }), { maxLength: 4 }),
});

/** A table's first builder, one that has room for little and grows, one in the memory of a block. */
function builderFrom(how: 'first' | 'successor' | 'reused'): BlockBuilder {
  const first = BlockBuilder.of(facts);
  if (how === 'first') return first;
  if (how === 'successor') return first.successor();
  const row = {
    flag: true,
    large: -1n,
    huge: 1n,
    name: 'before',
    blob: Uint8Array.of(1),
    tags: ['a'],
  };
  const rows = Array.from({ length: 50 }, () => ({
    small: -1,
    ratio: 1,
    single: 1,
    maybe: true,
    ...row,
  }));
  const changes = fabricate({ lsn: 1, sessionId: 'before', events: { facts: rows } });
  first.append(changes, facts.vectors(changes) ?? []);
  return first.seal().reuse() ?? first;
}

describe('a block', () => {
  it('is one Arrow batch of the rows of all change sets put into it, in order', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('first', 'successor', 'reused'),
        fc.array(fc.array(fact, { maxLength: 30 }), { minLength: 1, maxLength: 8 }),
        (how, ticks) => {
          const builder = builderFrom(how);
          const expected: Row[] = [];
          ticks.forEach((rows, i) => {
            const changes = fabricate({ lsn: i + 1, sessionId: `s${i}`, events: { facts: rows } });
            const vectors = facts.vectors(changes);
            if (!vectors) return;
            builder.append(changes, vectors);
            rows.forEach((row, seq) => {
              expected.push({ sessionId: `s${i}`, tick: i + 1, seq, _lsn: BigInt(i + 1), ...row });
            });
          });
          if (expected.length === 0) return;
          const block = builder.seal();
          expect(block.rows).toBe(expected.length);
          const table = tableFromIPC(Buffer.concat(block.parts()));
          expect(table.batches.length).toBe(1);
          const actual = table.toArray().map((row) => {
            const { tags, mood: _, token: __, at: ___, committedAt: ____, ...rest } = row.toJSON();
            return { ...rest, tags: [...tags] };
          });
          expect(actual).toEqual(expected.map(({ mood: _, token: __, at: ___, ...rest }) => rest));
        },
      ),
      { numRuns: runs(60) },
    );
  });
});

describe('growing bits', () => {
  it('equal the bits put into them, whatever the lengths', () => {
    const piece = fc.oneof(
      fc.array(fc.boolean(), { maxLength: 40 }),
      fc.nat({ max: 40 }).map((ones) => ones),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const bits = new GrowingBits(1);
        const expected: boolean[] = [];
        for (const part of pieces) {
          if (typeof part === 'number') {
            bits.appendOnes(part);
            for (let i = 0; i < part; i++) expected.push(true);
            continue;
          }
          // What lies past the end of a source is meaningless, so it is filled with ones.
          const source = new Uint8Array((part.length >>> 3) + 2).fill(0xff);
          part.forEach((bit, i) => {
            const byte = source[i >>> 3] as number;
            source[i >>> 3] = bit ? byte : byte & ~(1 << (i & 7));
          });
          bits.append(source, part.length);
          expected.push(...part);
        }
        expect(bits.length).toBe(expected.length);
        const written = bits.written();
        const actual = expected.map(
          (_, i) => ((written[i >>> 3] as number) & (1 << (i & 7))) !== 0,
        );
        expect(actual).toEqual(expected);
        expect(bits.countOnes()).toBe(expected.filter(Boolean).length);
      }),
    );
  });
});
