import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { TickInput } from '../../engine/intake/rows/row-input.ts';
import { limits } from '../../engine/model/limits.ts';
import type { ConflictCode } from '../../engine/model/system-columns.ts';
import type { Settlement } from '../../engine/tick/projection.ts';
import type { EffectOp } from '../../engine/tick/tick-batch.ts';
import { runs } from '../budget.ts';
import { manifestArbitrary, ticksArbitrary } from './arbitraries.ts';
import { expectSame } from './compare-state.ts';
import { contentOf, type ModelAnswer, NaiveModel } from './naive-model.ts';
import { Process } from './process.ts';

vi.mock('../../engine/model/limits.ts', async (original) => {
  const { limits } = await original<typeof import('../../engine/model/limits.ts')>();
  return { limits: { ...limits, closedSessionAnswersMax: 1 } };
});

describe('the engine against a naive model', () => {
  it('gives the same verdicts, rows, versions, indexes and hashes, with retries, fences and restarts', () => {
    const outcomes = new Map<string, number>();
    const missing = () => reachable.filter((outcome) => !outcomes.has(outcome));
    const property = fc.property(
      manifestArbitrary().chain((manifest) =>
        fc.record({ manifest: fc.constant(manifest), steps: ticksArbitrary(manifest) }),
      ),
      ({ manifest, steps }) => {
        const process = new Process(manifest);
        const model = new NaiveModel(process.catalog, outcomes, limits.closedSessionAnswersMax);
        const contents = new Map<string, string>();
        const commits: TickInput[] = [];
        const commit = (tick: TickInput) => {
          const { settlement, digest } = process.commit(tick);
          contents.set(digest, contents.get(digest) ?? contentOf(tick));
          expect(contents.get(digest)).toBe(contentOf(tick));
          const answer = answerOf(settlement, tick.actions.length);
          expect(answer).toEqual(model.commit(tick, digest));
        };
        for (const step of steps) {
          switch (step.kind) {
            case 'open':
              process.open(step.sessionId, step.takeOver);
              model.open(step.sessionId, step.takeOver);
              break;
            case 'close': {
              const closed = process.close(step.sessionId, step.fence);
              expect(closed).toBe(model.close(step.sessionId, step.fence));
              break;
            }
            case 'commit':
              commit(step.tick);
              commits.push(step.tick);
              break;
            case 'retry': {
              const tick = commits[step.of % commits.length];
              const fence = tick && model.sessions.get(tick.header.sessionId)?.fence;
              if (tick && fence) commit({ ...tick, header: { ...tick.header, fence } });
              break;
            }
            case 'restart': {
              const before = process.everything();
              process.restart();
              expect(process.everything()).toEqual(before);
            }
          }
          expectSame(process, model);
        }
        expect(new Set(contents.values()).size).toBe(contents.size);
      },
    );
    fc.assert(property, { numRuns: runs(300) });
    // What no run comes to is not compared: over all of them everything happens. Few may need more.
    for (let done = runs(300); done < 300 && missing().length > 0; done += 25) {
      fc.assert(property, { numRuns: 25 });
    }
    expect(missing()).toEqual([]);
  });
});

const conflictsOf = {
  append: ['OUT_OF_RANGE'],
  insert: ['ROW_EXISTS', 'OUT_OF_RANGE'],
  upsert: ['ROW_NOT_FOUND', 'GUARD_FAILED', 'OUT_OF_RANGE'],
  compareAndSet: ['ROW_NOT_FOUND', 'VERSION_MISMATCH', 'GUARD_FAILED', 'OUT_OF_RANGE'],
  adjust: ['ROW_NOT_FOUND', 'GUARD_FAILED', 'OUT_OF_RANGE'],
  delete: ['ROW_NOT_FOUND', 'VERSION_MISMATCH', 'GUARD_FAILED'],
} satisfies Record<EffectOp, ConflictCode[]>;

/** Every outcome of an effect, of a condition, of a tick, of a late retry and of a direct write. */
const reachable = [
  ...Object.entries(conflictsOf).flatMap(([op, codes]) =>
    ['holds', ...codes].map((outcome) => `${op}: ${outcome}`),
  ),
  ...['upsert', 'compareAndSet', 'adjust', 'delete'].map((op) => `${op} under a require: holds`),
  ...[
    'applied',
    'aborted',
    'duplicate',
    'NOT_FOUND',
    'FENCED',
    'IDEMPOTENCY_MISMATCH',
    'TICK_OUT_OF_ORDER',
    'TICK_ABORTED',
  ].map((outcome) => `tick: ${outcome}`),
  'forgotten tick: FENCED',
  'forgotten tick: TICK_OUT_OF_ORDER',
  ...['applied', 'aborted', 'duplicate', 'IDEMPOTENCY_MISMATCH'].map(
    (outcome) => `direct write: ${outcome}`,
  ),
];

function answerOf(settlement: Settlement, actions: number): ModelAnswer {
  if (settlement.kind === 'refused') return { kind: 'refused', code: settlement.code };
  const codes = new Map(settlement.conflicts.map((report) => [report.action, report.code]));
  return {
    kind: settlement.kind,
    aborted: settlement.aborted,
    verdicts: [
      ...Array.from({ length: actions }, (_, i) => codes.get(i) ?? null),
      settlement.tickConflict?.code ?? null,
    ],
    stateHash: Buffer.from(settlement.stateHash).toString('hex'),
  };
}
