import { afterEach, describe, expect, test, vi } from 'vitest';
import { limits } from '../../engine/model/limits.ts';
import type { Row } from '../../engine/model/types.ts';
import type { Condition } from '../../engine/query/condition.ts';
import { createViewEngine, type OwnedViewEngine } from '../../engine/views/open-views.ts';
import { Follower } from './follower.ts';
import { BusyClock, ManualClock, settled } from './manual-clock.ts';
import { catalog, World } from './world.ts';

vi.mock('../../engine/model/limits.ts', async (original) => {
  const { limits } = await original<typeof import('../../engine/model/limits.ts')>();
  return { limits: { ...limits } };
});
const whole = { ...limits };

/** How often a condition was asked of a row. */
const asked = vi.hoisted(() => ({ count: 0 }));
vi.mock('../../engine/query/row-predicate.ts', async (original) => {
  const { rowPredicate } = await original<typeof import('../../engine/query/row-predicate.ts')>();
  return {
    rowPredicate: (filter: Condition | null) => {
      const matches = rowPredicate(filter);
      return (row: Row) => {
        asked.count += 1;
        return matches(row);
      };
    },
  };
});

let clock: ManualClock;
let world: World;
let views: OwnedViewEngine;
afterEach(() => views.close());

function open(
  bounds: Partial<Record<keyof typeof limits, number>> = {},
  time: ManualClock = new ManualClock(),
): void {
  Object.assign(limits, whole, bounds);
  clock = time;
  world = new World();
  views = createViewEngine({ catalog, state: world.state, clock });
}

/** A tick that gives units to owners. */
function give(
  owners: Readonly<Record<number, number>>,
  session: 0 | 1 | 2 = 0,
  name: string | null = null,
): void {
  const rest = { name, alive: true, seenAt: null, item: null, mass: null };
  const effects = Object.entries(owners).map(
    ([unitId, ownerId]) =>
      ({
        op: 'upsert',
        table: 'unit',
        key: { unitId: Number(unitId) },
        set: { ownerId, ...rest },
        require: null,
      }) as const,
  );
  world.commit({ session, actions: [], effects }, (changes) => views.apply(changes));
}

const owns = (value: number): Condition => ({
  kind: 'compare',
  column: 'ownerId',
  op: 'eq',
  value,
});
const isIn = (value: string): Condition => ({
  kind: 'compare',
  column: 'sessionId',
  op: 'eq',
  value,
});
const lives: Condition = { kind: 'compare', column: 'alive', op: 'eq', value: true };

function follow(where: Condition): Follower {
  return new Follower(views, clock, 'unit', ['sessionId', 'unitId'], { where });
}

async function begun(where: Condition): Promise<Follower> {
  const follower = follow(where);
  expect((await follower.pull())?.kind).toBe('SNAPSHOT');
  return follower;
}

describe('a tick', () => {
  test.each([
    ['a value', (owner: number): Condition => owns(owner)],
    [
      'a value among other conditions',
      (owner: number): Condition => ({
        kind: 'and',
        all: [owns(owner), lives],
      }),
    ],
    [
      'a value in one session',
      (owner: number): Condition => ({
        kind: 'and',
        all: [isIn('match-0'), owns(owner)],
      }),
    ],
  ])(
    'asks the conditions of those alone who pin %s that a changed row has or had',
    async (_, of) => {
      open();
      give({ 0: 0, 1: 1 });
      const followers: Follower[] = [];
      for (let owner = 0; owner < 300; owner++) followers.push(await begun(of(owner)));
      // All of them wait for news.
      await Promise.all(followers.map((follower) => follower.pull()));
      asked.count = 0;
      give({ 0: 0, 1: 7 });
      await clock.turn();
      // Unit 0 is looked at once, unit 1 by its old owner and by its new one.
      expect(asked.count).toBeLessThanOrEqual(6);
      expect(followers.filter(({ frames }) => frames.length === 2)).toEqual([
        followers[0],
        followers[1],
        followers[7],
      ]);
      expect(followers[1]?.last).toMatchObject({
        kind: 'DELTA',
        rows: [],
        removed: [{ unitId: 1 }],
      });
      expect(followers[7]?.last).toMatchObject({
        kind: 'DELTA',
        rows: [{ unitId: 1 }],
        removed: [],
      });
    },
  );

  test('of other rows moves nobody out of what the feed remembers', async () => {
    open({ feedRingTicksMax: 4 });
    give({ 0: 5 });
    const waiting = await begun(owns(5));
    await waiting.pull();
    for (let tick = 0; tick < 20; tick++) {
      give({ 1: 1 });
      await clock.turn();
    }
    give({ 0: 5, 2: 5 });
    give({ 3: 5 });
    await clock.turn();
    await waiting.drain();
    expect(waiting.frames.map(({ kind }) => kind)).toEqual(['SNAPSHOT', 'DELTA', 'DELTA']);
    expect([...waiting.rows.values()].map(({ unitId }) => unitId)).toEqual([0, 2, 3]);
  });

  test('that nobody looked at before the feed forgot it resets whom it may concern', async () => {
    open({ feedRingTicksMax: 4 });
    give({ 0: 5 });
    const waiting = await begun(owns(5));
    await waiting.pull();
    give({ 0: 6 });
    for (let tick = 0; tick < 20; tick++) give({ 1: 1 });
    await clock.turn();
    expect(waiting.last).toMatchObject({ kind: 'RESET', rows: [] });
  });

  test('of many rows is looked at over turns, and commits go on meanwhile', async () => {
    open();
    const all = Object.fromEntries(Array.from({ length: 5_000 }, (_, unit) => [unit, 1]));
    give(all);
    const waiting = await begun(owns(2));
    await waiting.pull();
    give({ ...all, 4999: 2 });
    give({ 0: 2 });
    await clock.turn();
    await waiting.drain();
    expect([...waiting.rows.values()].map(({ unitId }) => unitId)).toEqual([4_999, 0]);
  });

  test('of many rows is looked at whole, though the feed forgets older ones meanwhile', async () => {
    open({ feedRingTicksMax: 3 }, new BusyClock(0.4));
    const byOwner = await begun(owns(2));
    const byName = await begun({ kind: 'compare', column: 'name', op: 'eq', value: 'x' });
    for (const follower of [byOwner, byName]) await follower.pull();
    give({ 9999: 1 });
    await clock.turn();
    give(Object.fromEntries(Array.from({ length: 5_000 }, (_, unit) => [unit, 1])), 0, 'x');
    for (let turn = 0; clock.step() && turn < 3; turn++) {
      await settled();
      // The first of these makes the feed forget the tick before the large one.
      if (turn < 2) give({ 9998: 1 });
    }
    await clock.turn();
    await byName.drain();
    expect(byName.frames.map(({ kind }) => kind)).toEqual(['SNAPSHOT', 'DELTA']);
    expect(byName.rows.size).toBe(5_000);
    expect(byOwner.frames).toHaveLength(1);
  });
});
