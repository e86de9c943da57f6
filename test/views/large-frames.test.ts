import { afterEach, describe, expect, test, vi } from 'vitest';
import { finish } from '../../engine/govern/work.ts';
import { limits } from '../../engine/model/limits.ts';
import type { Row } from '../../engine/model/types.ts';
import type { Condition } from '../../engine/query/condition.ts';
import { rowPredicate } from '../../engine/query/row-predicate.ts';
import type { TickRingBounds } from '../../engine/views/feeds/tick-ring.ts';
import { createViewEngine, type OwnedViewEngine } from '../../engine/views/open-views.ts';
import type { SubscribeRequest } from '../../engine/views/view-engine.ts';
import { Follower } from './follower.ts';
import { ManualClock, settled } from './manual-clock.ts';
import { catalog, World } from './world.ts';

/** Work done: values read, and conditions asked, each of which stands for five. */
const work = vi.hoisted(() => ({ done: 0 }));
vi.mock('../../engine/vectors/column-vector.ts', async (original) => {
  const real = await original<typeof import('../../engine/vectors/column-vector.ts')>();
  return {
    ...real,
    valueAt: (...of: Parameters<typeof real.valueAt>) => {
      work.done += 1;
      return real.valueAt(...of);
    },
  };
});
vi.mock('../../engine/query/row-predicate.ts', async (original) => {
  const { rowPredicate } = await original<typeof import('../../engine/query/row-predicate.ts')>();
  return {
    rowPredicate: (filter: Condition | null) => {
      const matches = rowPredicate(filter);
      return (row: Row) => {
        work.done += 5;
        return matches(row);
      };
    },
  };
});

/** A millisecond passes with so much work. */
const workPerMs = 10_000;

class WorkClock extends ManualClock {
  override now(): number {
    return super.now() + work.done / workPerMs;
  }
}

let clock: WorkClock;
let world: World;
let views: OwnedViewEngine;
afterEach(() => views.close());

function open(bounds?: TickRingBounds): void {
  clock = new WorkClock();
  world = new World();
  views = createViewEngine({ catalog, state: world.state, clock, ...(bounds && { bounds }) });
}

/** A tick that writes the units from `first` on. */
function write(count: number, { first = 0, level = 0 } = {}): void {
  const rest = { name: null, alive: true, seenAt: null, item: null, mass: null };
  const effects = Array.from({ length: count }, (_, i) => {
    const set = { ownerId: (first + i) % 10, level, ...rest };
    return { op: 'upsert', table: 'unit', key: { unitId: first + i }, set, require: null } as const;
  });
  world.commit({ session: 0, actions: [], effects }, (changes) => views.apply(changes));
}

const equal = (column: string, value: number | string): Condition => ({
  kind: 'compare',
  column,
  op: 'eq',
  value,
});

function follow(request: Partial<SubscribeRequest> = {}): Follower {
  return new Follower(views, clock, 'unit', ['sessionId', 'unitId'], request);
}

/** Turns of the event loop until nothing is left to do; the most work that one of them did. */
async function turns(
  each: (turn: number) => void = () => {},
): Promise<{ readonly count: number; readonly most: number }> {
  let count = 0;
  let most = 0;
  for (;;) {
    const before = work.done;
    const isLeft = clock.step();
    await settled();
    most = Math.max(most, work.done - before);
    if (!isLeft) return { count, most };
    each(++count);
  }
}

function expectRowsNow(follower: Follower): void {
  const matches = rowPredicate(follower.request.where);
  const now = finish(world.state.select('unit', null)).filter(matches);
  expect(follower.rows).toEqual(new Map(now.map((row) => [follower.keyOf(row), row])));
}

describe('a tick that changes very many rows', () => {
  test('does not hold the event loop in one piece, and others are told before it is', async () => {
    open();
    const owners = Array.from({ length: 10 }, (_, owner) =>
      follow({ where: equal('ownerId', owner) }),
    );
    const ranges = Array.from(
      { length: 9 },
      (_, i): Condition => ({
        kind: 'compare',
        column: 'unitId',
        op: 'lt',
        value: (i + 1) * 500,
      }),
    ).map((where) => follow({ where }));
    const others = [equal('sessionId', 'match-1')].map((where) => follow({ where }));
    const followers = [...owners, ...ranges, ...others];
    for (const follower of followers) expect((await follower.pull())?.kind).toBe('SNAPSHOT');
    for (const follower of followers) follower.ask();

    write(100_000);
    const begun = work.done;
    let toldAt = 0;
    const { count, most } = await turns((turn) => {
      if (turn === 3) {
        const effects = [
          {
            op: 'insert',
            table: 'profile',
            row: { playerId: 1, rating: 1 },
          } as const,
        ];
        const told = new Follower(views, clock, 'profile', ['playerId']);
        told.ask();
        world.commit({ session: 1, actions: [], effects }, (changes) => views.apply(changes));
        others.push(told);
      }
      if (toldAt === 0 && (others[1]?.frames.length ?? 0) > 0) toldAt = turn;
    });
    const all = work.done - begun;
    expect(toldAt).toBeGreaterThan(0);
    expect(toldAt).toBeLessThan(count / 4);
    // A turn does a slice of the work, and of serving subscribers, and then what one step more takes.
    const slice = (limits.workSliceMs + limits.feedSliceMs) * workPerMs;
    expect(all).toBeGreaterThan(40 * slice);
    expect(most).toBeLessThan(1.5 * slice);
    expect(count).toBeGreaterThan(40);
    for (const { frames } of [...owners, ...ranges]) {
      expect(frames.map(({ kind }) => kind)).toEqual(['SNAPSHOT', 'DELTA']);
    }
    for (const { rows } of owners) expect(rows.size).toBe(10_000);
    for (const follower of ranges) expectRowsNow(follower);
  }, 60_000);

  test('is told before the ticks that come meanwhile, each at its place', async () => {
    open();
    const follower = follow();
    await follower.pull();
    follower.ask();
    write(20_000);
    const large = views.lsn;
    await turns((turn) => {
      if (turn <= 5) write(2, { first: turn * 10, level: turn });
    });
    await follower.drain();
    const [, first, ...later] = follower.frames;
    expect(first).toMatchObject({ kind: 'DELTA', lsn: large });
    expect(first?.rows).toHaveLength(20_000);
    expect(first?.rows.every(({ level }) => level === 0)).toBe(true);
    expect(later.map(({ lsn, rows }) => [lsn, rows.length])).toEqual(
      Array.from({ length: 5 }, (_, i) => [large + 1 + i, 2]),
    );
    expectRowsNow(follower);
  });

  test('is made once for all who wait for the same, and no more once all have left', async () => {
    open();
    const followers = [follow(), follow(), follow()];
    for (const follower of followers) await follower.pull();
    for (const follower of followers) follower.ask();
    write(20_000);
    const begun = work.done;
    await turns();
    const once = work.done - begun;
    expect(followers.map(({ last }) => last)).toEqual(followers.map(() => followers[0]?.last));
    expect(followers[1]?.last).toBe(followers[0]?.last);

    for (const follower of followers) follower.ask();
    write(20_000, { level: 1 });
    const again = work.done;
    await turns((turn) => {
      if (turn === 3) void followers[0]?.leave();
      if (turn === 4) for (const follower of followers) void follower.leave();
    });
    expect(work.done - again).toBeLessThan(once / 2);
    expect(followers[0]?.frames).toHaveLength(2);
  });

  test.each([
    ['COALESCE', 'RESET'],
    ['DISCONNECT', 'OVERLOADED'],
  ] as const)(
    'is not told to the end once the feed has forgotten it: onLag %s answers %s',
    async (onLag, answer) => {
      open({ rowsMax: 25_000, ticksMax: 100, bytesMax: 2 ** 30 });
      const follower = follow({ onLag });
      await follower.pull();
      follower.ask();
      write(20_000);
      await turns((turn) => {
        if (turn === 3) write(6_000, { level: 1 });
      });
      if (answer === 'OVERLOADED') {
        expect(follower.failure?.code).toBe('OVERLOADED');
        expect(views.subscribers().get('unit')).toBe(0);
      } else {
        expect(follower.last?.kind).toBe('RESET');
        expectRowsNow(follower);
      }
    },
  );
});

describe('a cursor', () => {
  test('that missed very many rows is resumed over turns, in one delta as of its place', async () => {
    open();
    const follower = follow({ where: equal('ownerId', 3) });
    await follower.pull();
    await follower.stop();
    for (let part = 0; part < 10; part++) write(10_000, { first: part * 10_000 });
    const missed = views.lsn;
    await follower.reconnect(views);
    follower.ask();
    const { count, most } = await turns((turn) => {
      if (turn === 2) write(10, { level: 1 });
    });
    expect(count).toBeGreaterThan(20);
    expect(most).toBeLessThan(1.5 * (limits.workSliceMs + limits.feedSliceMs) * workPerMs);
    expect(follower.last).toMatchObject({ kind: 'DELTA', lsn: missed });
    expect(follower.last?.rows).toHaveLength(10_000);
    await follower.drain();
    expectRowsNow(follower);
  }, 60_000);

  test('that is too old by the time its delta would be made gets a RESET', async () => {
    open({ rowsMax: 25_000, ticksMax: 100, bytesMax: 2 ** 30 });
    const follower = follow({ onLag: 'DISCONNECT' });
    await follower.pull();
    await follower.stop();
    write(20_000);
    await follower.reconnect(views);
    follower.ask();
    await turns((turn) => {
      if (turn === 3) write(6_000, { level: 1 });
    });
    expect(follower.last?.kind).toBe('RESET');
    expectRowsNow(follower);
  });
});
