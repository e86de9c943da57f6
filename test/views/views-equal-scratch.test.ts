import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Row } from '../../engine/model/types.ts';
import { createViewEngine } from '../../engine/views/open-views.ts';
import type { ViewEngine } from '../../engine/views/view-engine.ts';
import { withinTime } from '../property/within-time.ts';
import { CheckpointInMemory } from './checkpoint-in-memory.ts';
import { compensatedBound, naiveView } from './naive-view.ts';
import { catalog, tickPlan, World } from './world.ts';

/** Columns that are compensated sums of floats, and the column they sum, where it is 0 or null for no row. */
const compensated: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  pulse: { weight: 'weight' },
  balance: { balance: 'amount' },
  richest: { balance: 'amount' },
  poorest: { balance: 'amount' },
};

/** Exactly, but for compensated sums: those within the bound that holds for them. */
function expectView(name: string, actual: readonly Row[], world: World): void {
  const expected = naiveView(name, world.tables);
  const sums = Object.entries(compensated[name] ?? {});
  const isSum = (column: string) => sums.some(([sum]) => sum === column);
  const others = (row: Row) => Object.entries(row).filter(([column]) => !isSum(column));
  expect(actual.map(others)).toEqual(expected.map(others));
  const view = catalog.views.get(name);
  for (const [sum, column] of sums) {
    const group = view?.kind === 'top' ? catalog.views.get(view.from) : view;
    if (group?.kind !== 'group') throw new Error(`no group view ${name}`);
    actual.forEach((row, index) => {
      const values = (world.tables.get(group.from) ?? [])
        .filter((source) => group.groupBy.every((key) => source[key] === row[key]))
        .map((source) => Number(source[column] ?? 0));
      const difference = Math.abs((row[sum] as number) - (expected[index]?.[sum] as number));
      expect(difference).toBeLessThanOrEqual(compensatedBound(values));
    });
  }
}

function expectSame(actual: ViewEngine, expected: ViewEngine): void {
  expect(actual.lsn).toBe(expected.lsn);
  for (const name of catalog.views.keys()) {
    expect(actual.rows(name, null)).toEqual(expected.rows(name, null));
  }
}

describe('group and top views', () => {
  test('equal the same view worked out from scratch after every tick', () => {
    fc.assert(
      fc.property(
        fc.array(tickPlan, { maxLength: 14, size: 'max' }),
        fc.boolean(),
        (plans, few) => {
          const world = new World();
          // With little to remember, the numbers of groups that left are soon given again.
          const bounds = few ? { bounds: { rowsMax: 6, ticksMax: 2, bytesMax: 1_000 } } : {};
          const views = createViewEngine({ catalog, state: world.state, ...bounds });
          for (const plan of plans) {
            world.commit(plan, (changes) => views.apply(changes));
            for (const name of catalog.views.keys()) {
              expectView(name, views.rows(name, null).rows, world);
            }
          }
          views.close();
        },
      ),
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
          const straight = createViewEngine({ catalog, state: world.state, chunkRowBits });
          // A world of its own, since a start reads live rows as they were at the checkpoint.
          let restarted = new World();
          let restored = createViewEngine({ catalog, state: restarted.state, chunkRowBits });
          const follow = () => restarted.follow(world, (changes) => restored.apply(changes));
          const checkpoint = new CheckpointInMemory();
          let ticksHeld = 0;
          for (const { plan, checkpoint: what } of steps) {
            const commit = () => {
              world.commit(plan, (changes) => straight.apply(changes));
              follow();
            };
            if (what === 'none') {
              commit();
              continue;
            }
            ticksHeld = world.log.length;
            checkpoint.take(restored, commit);
            if (what === 'taken') continue;
            restored.close();
            restarted = world.replay(ticksHeld, () => () => {});
            restored = createViewEngine({ catalog, state: restarted.state, chunkRowBits });
            expect(restored.restore(checkpoint.stored())).toBe(true);
            restored.readLiveRows();
            follow();
          }
          expectSame(restored, straight);
          straight.close();
          restored.close();
        },
      ),
      withinTime({ runs: 60, runsMin: 15 }),
    );
  });
});
