import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCommitBody } from '../../engine/intake/arrow/commit-body.ts';
import { decodeJsonBody } from '../../engine/intake/json/json-body.ts';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import { encodeTick } from '../../engine/tick/tick-record.ts';
import { runs } from '../budget.ts';
import { manifestArbitrary, ticksArbitrary } from '../property/arbitraries.ts';
import { everyKind, everyKindTick } from './every-kind.ts';
import { Follower, plain } from './follower.ts';
import { jsonTickBody } from './json-tick-body.ts';
import { tickBody } from './tick-body.ts';

describe('a tick', () => {
  it('is the same by rows, by Arrow and by JSON: digest, verdicts, rows, state hash', () => {
    fc.assert(
      fc.property(
        manifestArbitrary().chain((manifest) =>
          fc.tuple(fc.constant(manifest), ticksArbitrary(manifest), fc.integer({ min: 1, max: 9 })),
        ),
        ([manifest, steps, rowsOfBatch]) => {
          const byRows = new Follower(manifest);
          const byArrow = new Follower(manifest);
          const byJson = new Follower(manifest);
          const catalog = new Catalog(manifest);
          steps.forEach((step, i) => {
            if (step.kind !== 'commit') return;
            const batch = buildTickBatch(catalog, plain(step.tick));
            byRows.commit(batch, i + 2);
            const arrow = tickBody(batch, rowsOfBatch);
            byArrow.commit(decodeCommitBody(catalog, batch.header, arrow), i + 2);
            expect(byArrow.answers).toEqual(byRows.answers);
            const json = jsonTickBody(batch);
            byJson.commit(decodeJsonBody(catalog, batch.header, json), i + 2);
            expect(byJson.answers).toEqual(byRows.answers);
          });
          expect(byArrow.rows()).toEqual(byRows.rows());
          expect(byJson.rows()).toEqual(byRows.rows());
        },
      ),
      { numRuns: runs(25) },
    );
  });

  it('is the same in each way with columns of every kind', () => {
    const catalog = new Catalog(everyKind);
    fc.assert(
      fc.property(everyKindTick(), fc.integer({ min: 1, max: 3 }), (tick, rowsOfBatch) => {
        const batch = buildTickBatch(catalog, tick);
        const { digest } = encodeTick(batch);
        const arrow = decodeCommitBody(catalog, batch.header, tickBody(batch, rowsOfBatch));
        expect(encodeTick(arrow).digest).toEqual(digest);
        const json = decodeJsonBody(catalog, batch.header, jsonTickBody(batch));
        expect(encodeTick(json).digest).toEqual(digest);
      }),
      { numRuns: runs(50) },
    );
  });
});
