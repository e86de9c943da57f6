import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Row } from '../../engine/manifest/types.ts';
import { createViewEngine } from '../../engine/views/open-views.ts';
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
      { numRuns: 40, interruptAfterTimeLimit: 30_000 },
    );
  });

  test('are the same after a restart from a checkpoint in the middle of the log', () => {
    fc.assert(
      fc.property(fc.array(tickPlan, { maxLength: 10, size: 'max' }), fc.nat(10), (plans, at) => {
        const world = new World();
        const straight = createViewEngine({ catalog, state: world.state });
        let restored = createViewEngine({ catalog, state: world.state });
        plans.forEach((plan, index) => {
          if (index === at) {
            const checkpoint = Buffer.concat(restored.checkpoint());
            restored = createViewEngine({ catalog, state: world.state });
            expect(restored.restore(checkpoint)).toBe(true);
          }
          world.commit(plan, (changes) => {
            straight.apply(changes);
            restored.apply(changes);
          });
        });
        expect(restored.lsn).toBe(straight.lsn);
        for (const name of catalog.views.keys()) {
          expect(restored.rows(name, null)).toEqual(straight.rows(name, null));
        }
        straight.close();
        restored.close();
      }),
      { numRuns: 40, interruptAfterTimeLimit: 30_000 },
    );
  });
});
