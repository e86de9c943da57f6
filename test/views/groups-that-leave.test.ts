import { describe, expect, test } from 'vitest';
import { parseWhere } from '../../engine/query/parse-where.ts';
import { createViewEngine, type OwnedViewEngine } from '../../engine/views/open-views.ts';
import { testTicket } from '../ticket.ts';
import { CheckpointInMemory } from './checkpoint-in-memory.ts';
import { Follower } from './follower.ts';
import { ManualClock } from './manual-clock.ts';
import { naiveView } from './naive-view.ts';
import { catalog, type TickPlan, World } from './world.ts';

const unit = {
  name: null,
  alive: true,
  seenAt: null,
  item: null,
  mass: null,
  speed: null,
  health: null,
  score: null,
  level: null,
};

function upsert(unitId: number, ownerId: number, more: Partial<Record<string, unknown>> = {}) {
  const set = { ...unit, ownerId, ...more } as typeof unit & { ownerId: number };
  return { op: 'upsert', table: 'unit', key: { unitId }, set, require: null } as const;
}

function remove(unitId: number) {
  const rest = { expectedVersion: null, require: null } as const;
  return { op: 'delete', table: 'unit', key: { unitId }, ...rest } as const;
}

function tickOf(...effects: TickPlan['effects']): TickPlan {
  return { session: 0, actions: [], effects };
}

function play(bounds = { rowsMax: 40, ticksMax: 100, bytesMax: 10_000 }) {
  const clock = new ManualClock();
  const world = new World();
  const views = createViewEngine({ catalog, state: world.state, clock, bounds });
  const commit = (...effects: TickPlan['effects']) =>
    world.commit(tickOf(...effects), (changes) => views.apply(changes));
  const follow = (view: string, key: readonly string[]) => new Follower(views, clock, view, key);
  return { clock, world, views, commit, follow };
}

function owners(views: OwnedViewEngine) {
  return views.rows('fleet', null).rows.map(({ ownerId, units, speed }) => [ownerId, units, speed]);
}

describe('a view of live rows', () => {
  test('takes a changed row out of the group it was in, and a deleted one out of all', () => {
    const { views, commit } = play();
    commit(upsert(1, 7, { speed: 0.1 }), upsert(2, 7, { speed: 0.2 }), upsert(3, 8, { speed: 4 }));
    expect(owners(views)).toEqual([
      [7, 2n, 0.1 + 0.2],
      [8, 1n, 4],
    ]);
    commit(upsert(1, 8, { speed: 0.5 }), remove(2));
    expect(owners(views)).toEqual([[8, 2n, 4.5]]);
    commit(remove(1), remove(3));
    expect(owners(views)).toEqual([]);
    commit(upsert(2, 7, { speed: 0.3 }));
    // Nothing is left of what was added and taken back before.
    expect(owners(views)).toEqual([[7, 1n, 0.3]]);
  });

  test('tells subscribers of a group that left as removed, and of the one that came again', async () => {
    const { views, commit, follow } = play();
    const follower = follow('fleet', ['sessionId', 'ownerId']);
    await follower.pull();
    commit(upsert(1, 7), upsert(2, 8));
    commit(remove(1));
    commit(upsert(1, 7));
    const frames = await follower.drain();
    const key = { sessionId: 'match-0', ownerId: 7 };
    expect(frames.map(({ rows, removed }) => [rows.length, removed])).toEqual([
      [2, []],
      [0, [key]],
      [1, []],
    ]);
    expect([...follower.rows.values()]).toEqual(
      expect.arrayContaining([...views.rows('fleet', null).rows]),
    );
  });

  test('has no frame for a tick that changes nothing of what it shows', async () => {
    const { commit, follow } = play();
    const squads = follow('squads', ['sessionId', 'level']);
    const fleet = follow('fleet', ['sessionId', 'ownerId']);
    await squads.pull();
    await fleet.pull();
    commit(upsert(1, 7, { level: 1, score: 5n }), upsert(2, 7, { level: 1, score: 6n }));
    commit(upsert(1, 7, { level: 1, score: 5n, speed: 3 }));
    // Two rows that change, and a group that does not.
    commit(upsert(1, 7, { level: 1, score: 6n }), upsert(2, 7, { level: 1, score: 5n }));
    expect(await squads.drain()).toHaveLength(1);
    expect(await fleet.drain()).toHaveLength(3);
  });

  test('gives the place of a group that leaves the top to the next one', async () => {
    const { views, commit, follow } = play();
    const top = follow('fastestFleets', ['sessionId', 'ownerId']);
    await top.pull();
    commit(upsert(1, 7, { speed: 3 }), upsert(2, 8, { speed: 2 }), upsert(3, 9, { speed: 1 }));
    commit(remove(1));
    commit(remove(2));
    commit(remove(3));
    const frames = await top.drain();
    expect(
      frames.map(({ rows, removed }) => [
        rows.map(({ ownerId }) => ownerId),
        removed.map(({ ownerId }) => ownerId),
      ]),
    ).toEqual([
      [[7], []],
      [[8], [7]],
      [[9], [8]],
      [[], [9]],
    ]);
    expect(views.rows('fastestFleets', null).rows).toEqual([]);
  });

  test('takes no more memory for rows that come and go than for those there are at a time', () => {
    const { views, world, commit } = play();
    const cycle = (round: number) => {
      const ids = Array.from({ length: 16 }, (_, i) => round * 16 + i);
      const more = (id: number) => ({
        name: `unit ${id} of round ${round}, with a name that no other has`,
        mass: BigInt(id) * 2n ** 40n,
        speed: id / 7,
        score: BigInt(id),
        level: id % 100,
        seenAt: id,
      });
      commit(...ids.map((id) => upsert(id, id, more(id))));
      commit(...ids.map((id) => upsert(id, id + 1, { ...more(id), name: `renamed ${id}` })));
      commit(...ids.map((id) => remove(id)));
    };
    const most = (from: number, to: number) => {
      let bytes = 0;
      for (let round = from; round < to; round++) {
        cycle(round);
        bytes = Math.max(bytes, views.memoryBytes);
      }
      return bytes;
    };
    const atFirst = most(0, 60);
    expect(most(60, 240)).toBeLessThanOrEqual(atFirst);
    for (const view of ['fleet', 'alike', 'squads', 'fastestFleets', 'best']) {
      expect(views.rows(view, null).rows).toEqual([]);
    }
    commit(upsert(1, 1, { speed: 0.1 }), upsert(2, 1, { speed: 0.2, name: 'a' }));
    expect(views.rows('fleet', null).rows).toEqual(naiveView('fleet', world.tables));
  });

  test.each([
    ['fleet', { sessionId: { eq: 'match-0' } }],
    ['alike', null],
    ['fastestFleets', null],
  ])(
    'is read whole over turns in which groups of %s leave and others get their numbers',
    (view, where) => {
      const { views, commit } = play({ rowsMax: 8, ticksMax: 2, bytesMax: 10_000 });
      const more = (id: number) => ({ name: `unit ${id}`, speed: id, mass: BigInt(id) });
      const first = Array.from({ length: 200 }, (_, id) => upsert(id, id, more(id)));
      for (let at = 0; at < first.length; at += 8) commit(...first.slice(at, at + 8));
      const columns = catalog.columnsOf(catalog.table('unit'));
      const filter = where && parseWhere(columns, where, 'where');
      const work = views.read(testTicket, view, filter);
      let steps = 0;
      let step = work.next();
      for (; !step.done; step = work.next(), steps++) {
        // Some of those read already, some that are still to be read, and new ones.
        const [read, unread, fresh] = [steps % 100, 199 - (steps % 90), 1_000 + steps];
        if (steps < 60) {
          commit(remove(read), remove(unread));
          commit(upsert(fresh, fresh, more(fresh)), upsert(unread, read, more(steps)));
        }
      }
      expect(steps).toBeGreaterThan(view === 'fastestFleets' ? 0 : 5);
      expect(step.value).toEqual(views.rows(view, filter));
    },
  );

  test('is no part of a checkpoint: a start makes it of the live rows, and keeps cursors', async () => {
    const { clock, world, views, commit, follow } = play();
    commit(upsert(1, 7, { speed: 0.1, name: 'a' }), upsert(2, 8, { level: 2 }));
    const follower = follow('fleet', ['sessionId', 'ownerId']);
    await follower.pull();
    const checkpoint = new CheckpointInMemory();
    checkpoint.take(views);
    const { parts } = views.checkpoint(null);
    expect(parts.map(({ part }) => part).filter((part) => /fleet|alike|unit/.test(part))).toEqual(
      [],
    );
    const restarted = world.replay(world.log.length, () => () => {});
    const restored = createViewEngine({ catalog, state: restarted.state, clock });
    expect(restored.restore(checkpoint.stored())).toBe(true);
    restored.readLiveRows();
    for (const view of catalog.views.keys()) {
      expect(restored.rows(view, null)).toEqual(views.rows(view, null));
    }
    await follower.reconnect(restored);
    expect(await follower.pull()).toMatchObject({ kind: 'DELTA', rows: [], removed: [] });
    restarted.commit(tickOf(remove(1)), (changes) => restored.apply(changes));
    expect(await follower.pull()).toMatchObject({
      kind: 'DELTA',
      removed: [{ sessionId: 'match-0', ownerId: 7 }],
    });
  });
});
