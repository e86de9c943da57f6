import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Row } from '../../engine/model/types.ts';
import type { ChangeSet } from '../../engine/state/change-set.ts';
import { createViewEngine } from '../../engine/views/open-views.ts';
import type { ViewEngine } from '../../engine/views/view-engine.ts';
import { withinTime } from '../property/within-time.ts';
import { binaryOfViews } from './binary-views-writer.ts';
import { CheckpointInMemory } from './checkpoint-in-memory.ts';
import { naiveView } from './naive-view.ts';
import { catalog, tickPlan, World } from './world.ts';

const floatSums = new Set(['weight', 'balance']);

/** Sums of floats are compared within a tolerance, for the oracle adds up without compensation. */
function expectRows(actual: readonly Row[], expected: readonly Row[]): void {
  expect(actual.map(withoutFloatSums)).toEqual(expected.map(withoutFloatSums));
  actual.forEach((row, index) => {
    for (const name of floatSums) {
      if (name in row) expect(row[name]).toBeCloseTo(expected[index]?.[name] as number, 0);
    }
  });
}

function expectSame(actual: ViewEngine, expected: ViewEngine): void {
  expect(actual.lsn).toBe(expected.lsn);
  for (const name of catalog.views.keys()) {
    expect(actual.rows(name, null)).toEqual(expected.rows(name, null));
  }
}

function withoutFloatSums(row: Row): Row {
  return Object.fromEntries(Object.entries(row).filter(([name]) => !floatSums.has(name)));
}

describe('group and top views', () => {
  test('equal the same view worked out from scratch after every tick', () => {
    fc.assert(
      fc.property(fc.array(tickPlan, { maxLength: 14, size: 'max' }), (plans) => {
        const world = new World();
        const views = createViewEngine({ catalog, state: world.state });
        for (const plan of plans) {
          world.commit(plan, (changes) => views.apply(changes));
          for (const name of catalog.views.keys()) {
            expectRows(views.rows(name, null).rows, naiveView(name, world.appended));
          }
        }
        views.close();
      }),
      withinTime({ runs: 40, runsMin: 10 }),
    );
  });

  test('are the same after restarts from checkpoints, each with files of those before', () => {
    const step = fc.record({
      plan: tickPlan,
      checkpoint: fc.constantFrom('none', 'taken', 'loaded'),
    });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 12, size: 'max' }),
        fc.constantFrom(0, 1, 15),
        (steps, chunkRowBits) => {
          const world = new World();
          const open = () => createViewEngine({ catalog, state: world.state, chunkRowBits });
          const straight = open();
          let restored = open();
          const checkpoint = new CheckpointInMemory();
          const missed: ChangeSet[] = [];
          for (const { plan, checkpoint: what } of steps) {
            const commit = () =>
              world.commit(plan, (changes) => {
                straight.apply(changes);
                restored.apply(changes);
                missed.push(changes);
              });
            if (what === 'none') {
              commit();
              continue;
            }
            missed.length = 0;
            checkpoint.take(restored, commit);
            if (what === 'taken') continue;
            restored.close();
            restored = open();
            expect(restored.restore(checkpoint.stored())).toBe(true);
            for (const changes of missed) restored.apply(changes);
          }
          expectSame(restored, straight);
          straight.close();
          restored.close();
        },
      ),
      withinTime({ runs: 60, runsMin: 15 }),
    );
  });

  test('are the same after a restart from a checkpoint that holds them as one binary', () => {
    fc.assert(
      fc.property(fc.array(tickPlan, { maxLength: 10, size: 'max' }), fc.nat(9), (plans, at) => {
        const world = new World();
        const straight = createViewEngine({ catalog, state: world.state });
        let restored = createViewEngine({ catalog, state: world.state });
        plans.forEach((plan, index) => {
          if (index === at) {
            const checkpoint = new CheckpointInMemory();
            checkpoint.take(restored);
            const open = () => createViewEngine({ catalog, state: world.state });
            const bytes = binaryOfViews(checkpoint.stored(), open());
            restored = open();
            expect(restored.restoreBinary(bytes)).toBe(true);
          }
          world.commit(plan, (changes) => {
            straight.apply(changes);
            restored.apply(changes);
          });
        });
        expectSame(restored, straight);
        straight.close();
        restored.close();
      }),
      withinTime({ runs: 40, runsMin: 10 }),
    );
  });
});
