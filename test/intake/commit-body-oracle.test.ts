import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCommitBody } from '../../engine/intake/arrow/commit-body.ts';
import { EngineError } from '../../engine/model/errors.ts';
import type { TickBatch } from '../../engine/tick/tick-batch.ts';
import { runs } from '../budget.ts';
import { checkMessages } from './arrow-checks.ts';
import { arrowReads, batchReads, type OracleStream } from './arrow-oracle.ts';
import { catalog, header } from './bodies.ts';
import { manyLayouts } from './many-layouts.ts';

/** A change to a body at a place given as a share of it, so that it means something in each. */
interface Damage {
  readonly at: number;
  readonly bytes: 1 | 4 | 8;
  readonly change: (value: bigint) => bigint;
}

const damage: fc.Arbitrary<Damage> = fc
  .tuple(
    // Not biased towards the first bytes, which only say how long the schema is.
    fc.noBias(fc.nat(0xffff)).map((share) => share / 0x1_0000),
    fc.oneof(
      fc
        .nat(7)
        .map((bit) => ({ bytes: 1 as const, change: (v: bigint) => v ^ (1n << BigInt(bit)) })),
      fc.nat(255).map((byte) => ({ bytes: 1 as const, change: () => BigInt(byte) })),
      fc
        .constantFrom(0, 1, 2, 8, 16, 255, 65_535, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff)
        .map((word) => ({ bytes: 4 as const, change: () => BigInt(word) })),
      fc
        .constantFrom(-16, -8, -4, -1, 1, 4, 8, 16)
        .map((by) => ({ bytes: 4 as const, change: (v: bigint) => v + BigInt(by) })),
      fc
        .constantFrom(0n, 1n << 31n, 1n << 53n, (1n << 63n) - 1n, -1n)
        .map((word) => ({ bytes: 8 as const, change: () => word })),
    ),
  )
  .map(([at, how]) => ({ at, ...how }));

function damaged(body: Uint8Array, damages: readonly Damage[]): Uint8Array {
  const bytes = Uint8Array.from(body);
  const view = new DataView(bytes.buffer);
  for (const { at, bytes: width, change } of damages) {
    const place = Math.floor((at * (bytes.length - width)) / width) * width;
    if (width === 1)
      view.setUint8(place, Number(BigInt.asUintN(8, change(BigInt(view.getUint8(place))))));
    else if (width === 4) {
      const word = BigInt(view.getUint32(place, true));
      view.setUint32(place, Number(BigInt.asUintN(32, change(word))), true);
    } else
      view.setBigUint64(place, BigInt.asUintN(64, change(view.getBigUint64(place, true))), true);
  }
  return bytes;
}

function decoded(body: Uint8Array): TickBatch | null {
  try {
    return decodeCommitBody(catalog, header, body);
  } catch (error) {
    if (error instanceof EngineError) return null;
    throw error;
  }
}

/** Null where apache-arrow cannot read it: we pass over what no column needs, it does not. */
function readByArrow(body: Uint8Array, batch: TickBatch): OracleStream[] | null {
  try {
    checkMessages(body);
    return arrowReads(body, batch);
  } catch {
    return null;
  }
}

describe('a commit body', () => {
  it('is read as apache-arrow reads it, in every layout', () => {
    for (const body of manyLayouts) {
      const batch = decodeCommitBody(catalog, header, body);
      expect(batchReads(batch)).toEqual(arrowReads(body, batch));
    }
  });

  it('is read as apache-arrow reads it however it was damaged, or refused', () => {
    let compared = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...manyLayouts),
        fc.array(damage, { minLength: 1, maxLength: 3 }),
        (body, damages) => {
          const bytes = damaged(body, damages);
          const batch = decoded(bytes);
          const read = batch && readByArrow(bytes, batch);
          if (!batch || !read) return;
          const ours = batchReads(batch);
          // apache-arrow drops what comes after an end mark between streams; we read on.
          expect(ours.length).toBeGreaterThanOrEqual(read.length);
          if (ours.length === read.length) expect(ours).toEqual(read);
          compared++;
        },
      ),
      { numRuns: runs(200) * 25 },
    );
    expect(compared).toBeGreaterThan(0);
  });

  it('is read alike wherever it lies in memory', () => {
    for (const body of manyLayouts) {
      const expected = batchReads(decodeCommitBody(catalog, header, body));
      for (let shift = 1; shift < 8; shift++) {
        const memory = new Uint8Array(body.length + shift);
        memory.set(body, shift);
        const batch = decodeCommitBody(catalog, header, memory.subarray(shift));
        expect(batchReads(batch)).toEqual(expected);
      }
    }
  });
});
