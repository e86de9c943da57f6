import { afterEach, describe, expect, test, vi } from 'vitest';
import { limits } from '../../engine/model/limits.ts';
import type { Condition } from '../../engine/query/condition.ts';
import { StateSource } from '../../engine/views/feeds/state-source.ts';
import { createViewEngine, type OwnedViewEngine } from '../../engine/views/open-views.ts';
import type { Frame } from '../../engine/views/view-engine.ts';
import { Follower } from './follower.ts';
import { BusyClock, ManualClock, settled } from './manual-clock.ts';
import { catalog, World } from './world.ts';

vi.mock('../../engine/model/limits.ts', async (original) => {
  const { limits } = await original<typeof import('../../engine/model/limits.ts')>();
  return { limits: { ...limits } };
});
const whole = { ...limits };

let clock: ManualClock;
let world: World;
let views: OwnedViewEngine;
afterEach(() => views.close());

/** Views under these bounds. */
function open(
  bounds: Partial<Record<keyof typeof limits, number>> = {},
  time: ManualClock = new ManualClock(),
): void {
  Object.assign(limits, whole, bounds);
  clock = time;
  world = new World();
  views = createViewEngine({ catalog, state: world.state, clock });
}

/** A tick that writes so many units. */
function commit(units = 1): void {
  const effects = Array.from({ length: units }, (_, unitId) => {
    const rest = { name: null, alive: true, seenAt: null, item: null, mass: null };
    const set = { ownerId: unitId % 2, ...rest };
    return { op: 'upsert', table: 'unit', key: { unitId }, set, require: null } as const;
  });
  world.commit({ session: 0, actions: [], effects }, (changes) => views.apply(changes));
}

const ofOwner = (value: number): Condition => ({
  kind: 'compare',
  column: 'ownerId',
  op: 'eq',
  value,
});

function follow(where: Condition | null = null): Follower {
  return new Follower(views, clock, 'unit', ['sessionId', 'unitId'], { where });
}

/** How a cursor is answered that missed so many ticks of so many units. */
async function resumedAfter(ticks: number, units = 1): Promise<Frame['kind'] | undefined> {
  const follower = follow();
  await follower.pull();
  for (let tick = 0; tick < ticks; tick++) commit(units);
  await follower.reconnect(views);
  return (await follower.pull())?.kind;
}

describe('a feed remembers', () => {
  test('so many changed rows, and forgets the oldest tick for one more', async () => {
    open({ feedRingRowsMax: 12 });
    expect(await resumedAfter(4, 3)).toBe('DELTA');
    open({ feedRingRowsMax: 11 });
    expect(await resumedAfter(4, 3)).toBe('RESET');
  });

  test('so many ticks, and forgets the oldest for one more', async () => {
    open({ feedRingTicksMax: 5 });
    expect(await resumedAfter(5)).toBe('DELTA');
    expect(await resumedAfter(6)).toBe('RESET');
  });

  test('so many bytes of copied rows, and forgets the oldest tick for one more', async () => {
    let least = 0;
    for (let bytes = 1_000, step = 512; step >= 1; step /= 2) {
      open({ feedRingBytesMax: bytes });
      const isEnough = (await resumedAfter(2)) === 'DELTA';
      if (isEnough) least = bytes;
      bytes += isEnough ? -step : step;
      views.close();
    }
    expect(least).toBeGreaterThan(0);
    open({ feedRingBytesMax: least });
    expect(await resumedAfter(2)).toBe('DELTA');
    views.close();
    open({ feedRingBytesMax: least - 1 });
    expect(await resumedAfter(2)).toBe('RESET');
  });

  test('of a state table until its grace time is over', async () => {
    for (const [ms, kind] of [
      [limits.feedGraceMs - 1, 'DELTA'],
      [limits.feedGraceMs + 4, 'RESET'],
    ] as const) {
      open();
      const follower = follow();
      await follower.pull();
      await follower.stop();
      commit();
      // The wheel of timers turns every 4 ms.
      await clock.pass(ms);
      await follower.reconnect(views);
      expect((await follower.pull())?.kind).toBe(kind);
      views.close();
    }
  });
});

describe('a subscriber', () => {
  test('that is so many ticks behind gets a frame a tick, and one of all when one more', async () => {
    for (const [ticks, frames] of [
      [limits.feedStepFramesMax, limits.feedStepFramesMax],
      [limits.feedStepFramesMax + 1, 1],
    ] as const) {
      open();
      const follower = follow();
      await follower.pull();
      for (let tick = 0; tick < ticks; tick++) commit();
      expect(await follower.drain()).toHaveLength(frames);
      views.close();
    }
  });

  test('that is so long behind gets a frame a tick, and one of all a moment later', async () => {
    for (const [ms, frames] of [
      [limits.feedStepMs, 3],
      [limits.feedStepMs + 1, 1],
    ] as const) {
      open();
      const follower = follow();
      await follower.pull();
      for (let tick = 0; tick < 3; tick++) commit();
      await clock.pass(ms);
      expect(await follower.drain()).toHaveLength(frames);
      views.close();
    }
  });
});

describe('subscribers', () => {
  test('are served for so long, and the others after a turn of the event loop', async () => {
    for (const feedSliceMs of [4, 8]) {
      // A millisecond passes with every look at the time.
      open({ feedSliceMs }, new BusyClock(1));
      const followers = Array.from({ length: 12 }, () => follow());
      for (const follower of followers) await follower.pull();
      for (const follower of followers) follower.ask();
      commit();
      const served = () => followers.filter(({ frames }) => frames.length > 1).length;
      const most = [];
      for (let before = served(); clock.step(); before = served()) {
        await settled();
        most.push(served() - before);
      }
      expect(served()).toBe(followers.length);
      expect(Math.max(...most)).toBeLessThanOrEqual(feedSliceMs);
      expect(Math.max(...most)).toBeGreaterThan(feedSliceMs / 4);
      views.close();
    }
  });
});

describe('what is kept for other subscribers', () => {
  test('is forgotten once all weighs more than its bound, the one used longest ago first', async () => {
    for (const [feedFrameCacheRowsMax, isKept] of [
      [12, true],
      [11, false],
    ] as const) {
      open({ feedFrameCacheRowsMax });
      const [first, second] = [follow(ofOwner(0)), follow(ofOwner(0))];
      const others = [follow(ofOwner(1)), follow(ofOwner(1))];
      for (const follower of [first, second, ...others]) await follower.pull();
      commit(10);
      // Frames of five rows: the others' frame comes between those of the first two.
      for (const follower of [first, ...others, second]) await follower.pull();
      expect(others[0]?.last?.rows).toHaveLength(5);
      expect(others[0]?.last).toBe(others[1]?.last);
      expect(first.last === second.last).toBe(isKept);
      expect(first.last).toEqual(second.last);
      views.close();
    }
  });

  test('is a frame of so many rows, and none of one more', async () => {
    for (const [feedFrameCacheRowsMax, isShared] of [
      [6, true],
      [5, false],
    ] as const) {
      open({ feedFrameCacheRowsMax });
      const both = [follow(), follow()];
      for (const follower of both) await follower.pull();
      commit(5);
      for (const follower of both) await follower.pull();
      expect(both[0]?.last?.rows).toHaveLength(5);
      expect(both[0]?.last === both[1]?.last).toBe(isShared);
      views.close();
    }
  });

  test('is so many changes, read once for every where, and none of one more', async () => {
    for (const [feedChangesCacheRowsMax, reads] of [
      [6, 1],
      [5, 2],
    ] as const) {
      open({ feedChangesCacheRowsMax });
      const both = [follow(ofOwner(0)), follow(ofOwner(1))];
      for (const follower of both) await follower.pull();
      commit(5);
      const read = vi.spyOn(StateSource.prototype, 'changes');
      for (const follower of both) await follower.pull();
      expect(read).toHaveBeenCalledTimes(reads);
      read.mockRestore();
      views.close();
    }
  });
});
