import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FirstVerdicts } from '../../engine/state/first-verdicts.ts';
import { VerdictBlock, verdictBlockEntries } from '../../engine/state/verdict-block.ts';
import type { BinaryVector } from '../../engine/vectors/column-vector.ts';
import { runs } from '../budget.ts';
import { columnOf } from '../intake/any-column.ts';

function idsOf(ids: readonly string[]): BinaryVector {
  const parts = ids.map((id) => Buffer.from(id));
  const offsets = new Int32Array(ids.length + 1);
  parts.forEach((part, i) => {
    offsets[i + 1] = (offsets[i] as number) + part.length;
  });
  const column = columnOf('actionId', 'string');
  const data = new Uint8Array(Buffer.concat(parts));
  return { column, layout: 'binary', length: ids.length, validity: null, offsets, data };
}

/** Adds those that are not there; what was found for each. */
function take(verdicts: FirstVerdicts, ids: readonly string[], atMs: number): (number | null)[] {
  const vector = idsOf(ids);
  const { hashes, numbers } = verdicts.find(vector);
  return ids.map((_, row) => {
    const number = numbers[row] as number;
    if (number !== -1) return verdicts.at(number).lsn;
    const entry = { lsn: atMs, committedAtMs: atMs, verdict: 0, contentLow: row, contentHigh: 1 };
    verdicts.add(vector, row, hashes[row] as number, entry);
    return null;
  });
}

function restored(verdicts: FirstVerdicts): FirstVerdicts {
  const copy = new FirstVerdicts();
  copy.resume(verdicts.first);
  for (const { block, entries } of verdicts.blocks()) {
    copy.restore(VerdictBlock.of(block.batch(entries).vectors));
  }
  return copy;
}

const id = fc.oneof(
  fc.nat(300).map((n) => `id-${n}`),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }),
);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.uniqueArray(id, { maxLength: 40 }).map((ids) => ({ ids })) },
  { weight: 1, arbitrary: fc.nat(80).map((keep) => ({ keep })) },
  { weight: 1, arbitrary: fc.nat(6).map((ago) => ({ ago })) },
  { weight: 1, arbitrary: fc.constant({ restart: true }) },
);

describe('first verdicts', () => {
  it('are found as a map finds them, while the oldest are forgotten, and after a restart', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let verdicts = new FirstVerdicts();
        const known = new Map<string, number>();
        steps.forEach((step, at) => {
          if ('ids' in step) {
            const expected = step.ids.map((one) => known.get(one) ?? null);
            expect(take(verdicts, step.ids, at)).toEqual(expected);
            for (const one of step.ids) if (!known.has(one)) known.set(one, at);
          } else if ('keep' in step) {
            verdicts.keepNewest(step.keep);
            const gone = [...known.keys()].slice(0, Math.max(0, known.size - step.keep));
            for (const one of gone) known.delete(one);
          } else if ('ago' in step) {
            verdicts.forgetBefore(at - step.ago, 1e9);
            for (const [one, of] of known) if (of < at - step.ago) known.delete(one);
          } else verdicts = restored(verdicts);
          expect(verdicts.size).toBe(known.size);
        });
        const all = [...known.keys()];
        expect(take(verdicts, all, 99)).toEqual([...known.values()]);
      }),
      { numRuns: runs(200) },
    );
  });

  it('give the memory of whole blocks back, and find what is left over several of them', () => {
    let verdicts = new FirstVerdicts();
    const count = verdictBlockEntries * 3 + 10;
    const all = Array.from({ length: count }, (_, i) => `purchase-${i}`);
    take(verdicts, all, 1);
    const full = verdicts.memoryBytes;
    verdicts.keepNewest(verdictBlockEntries + 5);
    expect(verdicts.memoryBytes).toBeLessThan(full - verdictBlockEntries * 25);
    verdicts = restored(verdicts);
    expect(verdicts.idAt(verdicts.first)).toBe(`purchase-${count - verdictBlockEntries - 5}`);
    const found = take(verdicts, all, 2);
    const forgotten = count - verdictBlockEntries - 5;
    expect(found.filter((lsn) => lsn === null)).toHaveLength(forgotten);
    expect(found.slice(forgotten).every((lsn) => lsn === 1)).toBe(true);
  });
});
