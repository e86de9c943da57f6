import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCommitBody } from '../../engine/intake/arrow/commit-body.ts';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import type { EffectInput, TickInput } from '../../engine/intake/rows/row-input.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import type { Lsn } from '../../engine/model/position.ts';
import type { Row, TitleManifest, WhereInput } from '../../engine/model/types.ts';
import { TitleState } from '../../engine/state/title-state.ts';
import { Projection, type Settlement } from '../../engine/tick/projection.ts';
import type { TickBatch } from '../../engine/tick/tick-batch.ts';
import { encodeTick } from '../../engine/tick/tick-record.ts';
import { manifestArbitrary, ticksArbitrary } from '../property/arbitraries.ts';
import { tickBody } from '../tick/tick-body.ts';

/** The requires that a body can give by row; the others are left out. */
function comparisonsOnly(require: WhereInput | null): WhereInput | null {
  const [condition, ...more] = Object.entries(require ?? {});
  if (!condition || more.length > 0) return null;
  const [op] = Object.keys(condition[1] as object);
  return op === 'eq' || op === 'gt' ? require : null;
}

function plain(tick: TickInput): TickInput {
  const effects = (own: readonly EffectInput[]) =>
    own.map((effect) =>
      'require' in effect ? { ...effect, require: comparisonsOnly(effect.require) } : effect,
    );
  return {
    ...tick,
    actions: tick.actions.map((action) => ({ ...action, effects: effects(action.effects) })),
    effects: effects(tick.effects),
  };
}

class Follower {
  readonly projection: Projection;
  readonly answers: unknown[] = [];

  constructor(manifest: TitleManifest) {
    this.projection = new Projection(new TitleState(new Catalog(manifest)));
    for (const session of ['one', 'two']) {
      const record = { type: 'session', at: 1, session, verb: 'open', fence: null } as const;
      this.projection.settleSession(1 as Lsn, record);
    }
  }

  commit(batch: TickBatch, lsn: number): void {
    const { digest } = encodeTick(batch);
    this.answers.push(
      digest,
      answerOf(this.projection.settle({ lsn: lsn as Lsn, committedAtMs: lsn, digest, batch })),
    );
  }

  rows(): Row[] {
    return [...this.projection.state.tables.values()].flatMap((table) =>
      [...table.slots()].map((slot) => table.row(slot)),
    );
  }
}

function answerOf(settlement: Settlement): unknown {
  if (settlement.kind === 'refused') return settlement;
  const { changes: _changes, ...answer } = settlement;
  return answer;
}

describe('a tick', () => {
  it('is the same by rows and by Arrow: digest, verdicts, rows, state hash', () => {
    fc.assert(
      fc.property(
        manifestArbitrary().chain((manifest) =>
          fc.tuple(fc.constant(manifest), ticksArbitrary(manifest), fc.integer({ min: 1, max: 9 })),
        ),
        ([manifest, steps, rowsOfBatch]) => {
          const byRows = new Follower(manifest);
          const byArrow = new Follower(manifest);
          const catalog = new Catalog(manifest);
          steps.forEach((step, i) => {
            if (step.kind !== 'commit') return;
            const batch = buildTickBatch(catalog, plain(step.tick));
            const body = tickBody(batch, rowsOfBatch);
            byRows.commit(batch, i + 2);
            byArrow.commit(decodeCommitBody(catalog, batch.header, body), i + 2);
            expect(byArrow.answers).toEqual(byRows.answers);
          });
          expect(byArrow.rows()).toEqual(byRows.rows());
        },
      ),
      { numRuns: Number(process.env.TICKLOOM_PROPERTY_RUNS ?? 25) },
    );
  });
});
