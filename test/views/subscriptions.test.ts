import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { finish } from '../../engine/govern/work.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import { EngineError } from '../../engine/model/errors.ts';
import { limits } from '../../engine/model/limits.ts';
import type { Condition } from '../../engine/query/condition.ts';
import type { ChangeSet } from '../../engine/state/change-set.ts';
import {
  createViewEngine,
  type OwnedViewEngine,
  type ViewEngineOptions,
} from '../../engine/views/open-views.ts';
import type { Frame, SubscribeRequest } from '../../engine/views/view-engine.ts';
import { testTicket } from '../ticket.ts';
import { CheckpointInMemory } from './checkpoint-in-memory.ts';
import { Follower } from './follower.ts';
import { ManualClock } from './manual-clock.ts';
import { viewsTitle } from './title.ts';
import { catalog, type TickPlan, World } from './world.ts';

const inMatch = (match: number): Condition => ({
  kind: 'compare',
  column: 'sessionId',
  op: 'eq',
  value: `match-${match}`,
});

const order = {
  playerId: 1,
  kind: 'MOVE',
  unitIds: [1, 2],
  team: null,
  urgent: false,
  item: null,
  note: null,
  score: 1n,
  mass: null,
  weight: null,
  plannedAt: null,
};

function ordersIn(session: 0 | 1 | 2, count = 1): TickPlan {
  const actions = Array.from({ length: count }, () => ({ row: order, effects: [] }));
  return { session, actions, effects: [] };
}

function unitIn(session: 0 | 1 | 2, unitId: number, ownerId: number): TickPlan {
  const rest = { name: null, alive: true, seenAt: null, item: null, mass: null };
  const set = { ownerId, ...rest };
  const effect = { op: 'upsert', table: 'unit', key: { unitId }, set, require: null } as const;
  return { session, actions: [{ row: order, effects: [effect] }], effects: [] };
}

let clock: ManualClock;
let world: World;
let views: OwnedViewEngine;

function open(options: Partial<ViewEngineOptions> = {}): void {
  clock = new ManualClock();
  world = new World();
  views = createViewEngine({ catalog, state: world.state, clock, ...options });
}

function commit(plan: TickPlan): void {
  world.commit(plan, (changes) => views.apply(changes));
}

function follow(source: string, request: Partial<SubscribeRequest> = {}): Follower {
  const key = source === 'unit' ? ['sessionId', 'unitId'] : ['sessionId'];
  return new Follower(views, clock, source, key, request);
}

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof EngineError) return error.code;
    throw error;
  }
  return 'nothing was thrown';
}

beforeEach(() => open());
afterEach(() => views.close());

describe('a subscription', () => {
  test('begins with one snapshot of the rows at a stated position', async () => {
    commit(ordersIn(0));
    commit(ordersIn(1));
    const follower = follow('pulse');
    const frame = await follower.pull();
    expect(frame?.kind).toBe('SNAPSHOT');
    expect(frame?.lsn).toBe(views.lsn);
    expect(frame?.rows).toEqual(views.rows('pulse', null).rows);
    expect(await follower.pull()).toBeNull();
  });

  test('gets one frame a tick while it keeps up, also when many ticks are applied at once', async () => {
    const follower = follow('pulse', { where: inMatch(0) });
    await follower.pull();
    for (let tick = 0; tick < 40; tick++) {
      commit(ordersIn(0));
      commit(ordersIn(1));
    }
    const frames = await follower.drain();
    expect(frames.map((frame) => frame.tick)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    expect(frames.every((frame) => frame.kind === 'DELTA' && frame.rows.length === 1)).toBe(true);
    expect(frames.map((frame) => frame.rows[0]?.actions)).toEqual(
      Array.from({ length: 40 }, (_, i) => BigInt(i + 1)),
    );
  });

  test('hears nothing of ticks that change no row it asked for', async () => {
    const follower = follow('pulse', { where: inMatch(2) });
    await follower.pull();
    commit(ordersIn(0));
    expect(await follower.pull()).toBeNull();
    commit(ordersIn(2));
    await clock.turn();
    expect(follower.last?.rows.map((row) => row.sessionId)).toEqual(['match-2']);
  });

  test('gets one coalesced frame once it has been busy for longer than a second', async () => {
    const follower = follow('pulse');
    await follower.pull();
    for (let tick = 0; tick < 10; tick++) commit(ordersIn(0));
    await clock.pass(limits.feedStepMs + 1);
    const frames = await follower.drain();
    expect(frames).toHaveLength(1);
    expect(frames[0]?.tick).toBe(10);
    expect(frames[0]?.rows.map((row) => row.actions)).toEqual([10n]);
  });

  test('names no tick for a frame that holds changes of several sessions', async () => {
    const follower = follow('pulse', { maxRate: 10 });
    await follower.pull();
    commit(ordersIn(0));
    commit(ordersIn(1));
    await clock.pass(200);
    expect((await follower.pull())?.tick).toBeNull();
    expect(follower.last?.rows).toHaveLength(2);
  });

  test('never gets more frames a second than it asked for, and loses nothing by it', async () => {
    const follower = follow('pulse', { maxRate: 4 });
    for (let ms = 0; ms < 10_000; ms += 20) {
      commit(ordersIn(0));
      await clock.pass(20);
      await follower.pull();
    }
    expect(follower.frames.length).toBeGreaterThanOrEqual(36);
    expect(follower.frames.length).toBeLessThanOrEqual(41);
    await clock.pass(250);
    await follower.drain();
    expect([...follower.rows.values()]).toEqual(views.rows('pulse', null).rows);
  });

  test('gets a rate-limited change at once when it has been quiet', async () => {
    const follower = follow('pulse', { maxRate: 1 });
    await follower.pull();
    await clock.pass(1_000);
    expect(await follower.pull()).toBeNull();
    commit(ordersIn(0));
    await clock.turn();
    expect(follower.last?.kind).toBe('DELTA');
  });

  test('gets a heartbeat with a newer cursor when nothing concerns it', async () => {
    const follower = follow('pulse', { where: inMatch(1) });
    const snapshot = await follower.pull();
    commit(ordersIn(0));
    await follower.pull();
    await clock.pass(limits.heartbeatMs + 300);
    expect(follower.last?.kind).toBe('HEARTBEAT');
    expect(follower.last?.lsn).toBe(views.lsn);
    expect(follower.last?.rows).toEqual([]);
    expect(follower.last?.cursor).not.toBe(snapshot?.cursor);
    await follower.reconnect(views);
    expect((await follower.pull())?.kind).toBe('DELTA');
  });

  test('shares its frames with every other of the same where', async () => {
    const first = follow('pulse', { where: inMatch(0) });
    const second = follow('pulse', { where: inMatch(0) });
    const other = follow('pulse', { where: inMatch(1) });
    for (const follower of [first, second, other]) await follower.pull();
    commit(ordersIn(0));
    for (const follower of [first, second, other]) await follower.pull();
    expect(first.last).toBe(second.last);
    expect(other.last).not.toBe(first.last);
  });

  test.each([null, 10])(
    'shares its frames with those that are told later, when others have ticked on (maxRate %s)',
    async (maxRate) => {
      const both = [1, 2].map(() => follow('pulse', { where: inMatch(0), maxRate }));
      for (const follower of both) await follower.pull();
      for (let tick = 0; tick < 3; tick++) {
        commit(ordersIn(0));
        await clock.pass(200);
        for (const follower of both) {
          await follower.pull();
          commit(ordersIn(1));
        }
        expect(both[0]?.last?.kind).toBe('DELTA');
        expect(both[1]?.last).toBe(both[0]?.last);
      }
    },
  );

  test('ends, and leaves nothing behind, when it returns while it waits', async () => {
    const follower = follow('pulse');
    await follower.pull();
    await follower.pull();
    expect(views.subscribers().get('pulse')).toBe(1);
    await follower.stop();
    expect(follower.ended).toBe(true);
    expect(views.subscribers().get('pulse')).toBe(0);
    await clock.pass(limits.heartbeatMs * 2);
    expect(clock.timers).toBe(0);
  });

  test('ends when the engine closes', async () => {
    const waiting = follow('pulse');
    await waiting.drain();
    const idle = follow('unit');
    views.close();
    await clock.turn();
    expect(waiting.ended).toBe(true);
    expect(await idle.pull()).toBeNull();
    expect(idle.ended).toBe(true);
    expect(clock.timers).toBe(0);
  });

  test('answers nexts that were asked for at once in their order', async () => {
    const iterator = views.subscribe(testTicket, 'pulse', {
      where: null,
      cursor: null,
      maxRate: null,
      onLag: 'COALESCE',
    });
    const asked = [iterator.next(), iterator.next(), iterator.next()];
    await clock.turn();
    commit(ordersIn(0));
    await clock.turn();
    commit(ordersIn(0));
    await clock.turn();
    const frames = (await Promise.all(asked)).map((result) => result.value as Frame);
    expect(frames.map((frame) => frame.kind)).toEqual(['SNAPSHOT', 'DELTA', 'DELTA']);
    expect(frames.map((frame) => frame.rows[0]?.actions)).toEqual([undefined, 1n, 2n]);
  });
});

describe('a cursor', () => {
  test('resumes with what was missed, in one delta', async () => {
    const follower = follow('pulse');
    await follower.pull();
    await follower.stop();
    for (let tick = 0; tick < 5; tick++) commit(ordersIn(0));
    await follower.reconnect(views);
    const frame = await follower.pull();
    expect(frame?.kind).toBe('DELTA');
    expect(frame?.rows.map((row) => row.actions)).toEqual([5n]);
  });

  test('that missed nothing is answered by an empty delta at once', async () => {
    const follower = follow('pulse');
    await follower.pull();
    await follower.reconnect(views);
    const frame = await follower.pull();
    expect(frame).toMatchObject({ kind: 'DELTA', rows: [], removed: [] });
  });

  test.each([
    ['another view', 'mix', { where: null }, 'definition'],
    ['another where', 'pulse', { where: inMatch(0) }, 'definition'],
  ])('of %s is answered by a RESET', async (_, source, request, reason) => {
    const resets: string[] = [];
    open({ observer: { ...silent, reset: (view, why) => resets.push(`${view} ${why}`) } });
    const follower = follow('pulse');
    const { cursor } = (await follower.pull()) as Frame;
    const other = follow(source, { ...request, cursor });
    expect((await other.pull())?.kind).toBe('RESET');
    expect(resets).toEqual([`${source} ${reason}`]);
  });

  test('older than what the feed remembers is answered by a RESET with the rows now', async () => {
    const resets: string[] = [];
    open({
      bounds: { rowsMax: 100, ticksMax: 4, bytesMax: 10_000 },
      observer: { ...silent, reset: (view, why) => resets.push(`${view} ${why}`) },
    });
    const follower = follow('pulse');
    await follower.pull();
    await follower.stop();
    for (let tick = 0; tick < 4; tick++) commit(ordersIn(0));
    await follower.reconnect(views);
    expect((await follower.pull())?.kind).toBe('DELTA');
    await follower.stop();
    for (let tick = 0; tick < 5; tick++) commit(ordersIn(0));
    await follower.reconnect(views);
    const frame = await follower.pull();
    expect(frame?.kind).toBe('RESET');
    expect(frame?.rows).toEqual(views.rows('pulse', null).rows);
    expect(resets).toEqual(['pulse too_old']);
  });

  test('of a tick that the server lost is answered by a RESET, though the position exists again', async () => {
    commit(ordersIn(0));
    const follower = follow('pulse');
    commit(ordersIn(0));
    await follower.pull();
    views.close();
    world = world.replay(1, (fresh) => {
      views = createViewEngine({ catalog, state: fresh.state, clock });
      return (changes) => views.apply(changes);
    });
    commit(ordersIn(1));
    expect(views.lsn).toBe(follower.last?.lsn);
    await follower.reconnect(views);
    const frame = await follower.pull();
    expect(frame?.kind).toBe('RESET');
    expect([...follower.rows.values()]).toEqual(views.rows('pulse', null).rows);
  });

  test('survives a restart that lost nothing', async () => {
    commit(ordersIn(0));
    const follower = follow('pulse');
    await follower.pull();
    commit(ordersIn(0));
    views.close();
    world = world.replay(2, (fresh) => {
      views = createViewEngine({ catalog, state: fresh.state, clock });
      return (changes) => views.apply(changes);
    });
    await follower.reconnect(views);
    const frame = await follower.pull();
    expect(frame?.kind).toBe('DELTA');
    expect(frame?.rows.map((row) => row.actions)).toEqual([2n]);
  });

  test.each([
    ['empty', ''],
    ['of other characters', 'not base64 !'],
    ['no JSON', 'x'],
    ['of another shape', Buffer.from('[]').toString('base64url')],
    ['before the log', Buffer.from('[1,"pulse","x",-1,0]').toString('base64url')],
    ['no position', Buffer.from('[1,"pulse","x",1e300,0]').toString('base64url')],
    ['too long', 'A'.repeat(5_000)],
  ])('that is none is refused: %s', (_, cursor) => {
    expect(codeOf(() => follow('pulse', { cursor }))).toBe('BAD_USER_INPUT');
    expect(views.subscribers().get('pulse')).toBe(0);
  });
});

describe('a subscriber that falls behind', () => {
  const bounds = { rowsMax: 50, ticksMax: 10, bytesMax: 10_000 };

  test('gets a RESET when it asked to be coalesced', async () => {
    open({ bounds });
    const follower = follow('pulse');
    await follower.pull();
    for (let tick = 0; tick < 11; tick++) commit(ordersIn(0));
    const frame = await follower.pull();
    expect(frame?.kind).toBe('RESET');
    expect(frame?.rows.map((row) => row.actions)).toEqual([11n]);
  });

  test('is disconnected with OVERLOADED when it asked for that, and is then gone', async () => {
    open({ bounds });
    const follower = follow('pulse', { onLag: 'DISCONNECT' });
    await follower.pull();
    for (let tick = 0; tick < 10; tick++) commit(ordersIn(0));
    expect((await follower.pull())?.kind).toBe('DELTA');
    for (let tick = 0; tick < 11; tick++) commit(ordersIn(0));
    await follower.pull();
    expect(follower.failure?.code).toBe('OVERLOADED');
    expect(follower.failure?.retryAfterMs).toBeGreaterThan(0);
    expect(views.subscribers().get('pulse')).toBe(0);
  });

  test('makes nobody remember more', async () => {
    open({ bounds });
    const slow = follow('mix');
    await slow.pull();
    const sizes: number[] = [];
    for (let round = 0; round < 20; round++) {
      for (let tick = 0; tick < 50; tick++) commit(ordersIn(0));
      // What is held for it is the feed's ring, whose frames a new subscriber could ask for as well.
      sizes.push((await follow('mix').pull())?.rows.length ?? 0);
    }
    expect(new Set(sizes)).toEqual(new Set([1]));
    expect((await slow.pull())?.kind).toBe('RESET');
  });
});

describe('the feed of a state table', () => {
  function countingBefore(changes: ChangeSet, count: () => void): ChangeSet {
    const states = changes.states.map((state) => ({
      ...state,
      before: () => {
        count();
        return state.before();
      },
    }));
    return { ...changes, states };
  }

  test('does not ask for rows before a change while nobody listens', async () => {
    views.close();
    open({ catalog: new Catalog({ ...viewsTitle, views: [] }) });
    let asked = 0;
    const apply = (plan: TickPlan) =>
      world.commit(plan, (changes) => views.apply(countingBefore(changes, () => (asked += 1))));
    apply(unitIn(0, 1, 1));
    expect(asked).toBe(0);
    const follower = follow('unit');
    apply(unitIn(0, 1, 2));
    expect(asked).toBe(1);
    await follower.stop();
    await clock.pass(limits.feedGraceMs - 1_000);
    apply(unitIn(0, 1, 3));
    expect(asked).toBe(2);
    await clock.pass(2_000);
    apply(unitIn(0, 1, 4));
    expect(asked).toBe(2);
  });

  test('asks for them once where a view is drawn from the table as well', async () => {
    let asked = 0;
    const apply = (plan: TickPlan) =>
      world.commit(plan, (changes) => views.apply(countingBefore(changes, () => (asked += 1))));
    apply(unitIn(0, 1, 1));
    follow('unit');
    apply(unitIn(0, 1, 2));
    expect(asked).toBe(2);
  });

  test('resumes within the grace time after the last subscriber left, and resets after it', async () => {
    const follower = follow('unit');
    await follower.pull();
    await follower.stop();
    commit(unitIn(0, 1, 1));
    await clock.pass(limits.feedGraceMs - 1_000);
    await follower.reconnect(views);
    const frame = await follower.pull();
    expect(frame?.kind).toBe('DELTA');
    expect(frame?.rows).toEqual(finish(world.state.select('unit', null)));
    await follower.stop();
    commit(unitIn(0, 1, 2));
    await clock.pass(limits.feedGraceMs + 1_000);
    commit(unitIn(0, 1, 3));
    await follower.reconnect(views);
    expect((await follower.pull())?.kind).toBe('RESET');
  });

  test('lets a row leave when it is deleted and when it no longer matches', async () => {
    const where: Condition = { kind: 'compare', column: 'ownerId', op: 'eq', value: 7 };
    commit(unitIn(0, 1, 7));
    commit(unitIn(0, 2, 7));
    const follower = follow('unit', { where });
    await follower.pull();
    commit(unitIn(0, 1, 8));
    expect((await follower.pull())?.removed).toEqual([{ sessionId: 'match-0', unitId: 1 }]);
    const effect = { op: 'delete', table: 'unit', key: { unitId: 2 } } as const;
    const effects = [{ ...effect, expectedVersion: null, require: null }];
    commit({ session: 0, actions: [{ row: order, effects }], effects: [] });
    expect((await follower.pull())?.removed).toEqual([{ sessionId: 'match-0', unitId: 2 }]);
    commit(unitIn(0, 1, 9));
    expect(await follower.pull()).toBeNull();
  });

  test('lets a row leave that stopped matching in one of several ticks told at once', async () => {
    const where: Condition = { kind: 'compare', column: 'ownerId', op: 'eq', value: 7 };
    commit(unitIn(0, 1, 7));
    const follower = follow('unit', { where, maxRate: 1 });
    await follower.pull();
    commit(unitIn(0, 1, 8));
    commit(unitIn(0, 1, 9));
    commit(unitIn(0, 2, 7));
    commit(unitIn(0, 2, 8));
    await follower.pull();
    await clock.pass(1_100);
    expect(follower.last?.removed).toEqual([{ sessionId: 'match-0', unitId: 1 }]);
    expect(follower.last?.rows).toEqual([]);
  });

  test('resets everybody after a change larger than all it may remember', async () => {
    open({ bounds: { rowsMax: 2, ticksMax: 10, bytesMax: 100_000 } });
    const follower = follow('unit');
    await follower.pull();
    const upserts = [1, 2, 3].flatMap((unitId) => unitIn(0, unitId, 1).actions);
    commit({ session: 0, actions: upserts, effects: [] });
    const frame = await follower.pull();
    expect(frame?.kind).toBe('RESET');
    expect(frame?.rows).toHaveLength(3);
  });
});

describe('the view engine', () => {
  test('refuses names and rates that are none', () => {
    expect(codeOf(() => follow('nothing'))).toBe('BAD_USER_INPUT');
    expect(codeOf(() => views.rows('unit', null))).toBe('BAD_USER_INPUT');
    expect(codeOf(() => follow('pulse', { maxRate: 0 }))).toBe('BAD_USER_INPUT');
    expect(codeOf(() => follow('pulse', { maxRate: Number.NaN }))).toBe('BAD_USER_INPUT');
  });

  test('ranks a tick that is larger than all a feed may remember, and resets', async () => {
    open({ bounds: { rowsMax: 2, ticksMax: 10, bytesMax: 10_000 } });
    const follower = new Follower(views, clock, 'richest', ['sessionId', 'resource', 'playerId']);
    await follower.pull();
    const effects = [5, 3, 4].map((delta, playerId) => {
      const row = { playerId, resource: 'MASS', amount: 1, delta };
      return { op: 'append', table: 'ledger', row } as const;
    });
    commit({ session: 0, actions: [], effects });
    expect((await follower.pull())?.kind).toBe('RESET');
    expect(follower.last?.rows.map((row) => row.delta)).toEqual([5n, 4n]);
  });

  test('takes so many subscribers of one feed and no more, until one leaves', async () => {
    const request = { where: null, cursor: null, maxRate: null, onLag: 'COALESCE' } as const;
    const subscribe = () => views.subscribe(testTicket, 'pulse', request);
    const first = subscribe();
    for (let n = 2; n <= limits.subscribersPerFeedMax; n++) subscribe();
    expect(codeOf(subscribe)).toBe('OVERLOADED');
    expect(codeOf(() => views.subscribe(testTicket, 'mix', request))).toBe('nothing was thrown');
    await first.return?.();
    expect(codeOf(subscribe)).toBe('nothing was thrown');
    expect(codeOf(subscribe)).toBe('OVERLOADED');
  });

  test('refuses change sets out of order', () => {
    let first: ChangeSet | null = null;
    world.commit(ordersIn(0), (changes) => {
      first = changes;
      views.apply(changes);
    });
    expect(() => first && views.apply(first)).toThrow(RangeError);
  });

  test('refuses a checkpoint of other definitions and stays empty', () => {
    commit(ordersIn(0));
    const checkpoint = new CheckpointInMemory();
    checkpoint.take(views);
    const stored = checkpoint.stored();
    const fresh = createViewEngine({ catalog, state: world.state, clock });
    const other = { ...stored, definitions: '-' };
    expect(fresh.restore(other)).toBe(false);
    expect(fresh.lsn).toBe(0);
    expect(fresh.rows('pulse', null).rows).toEqual([]);
    expect(fresh.restore(stored)).toBe(true);
    expect(fresh.rows('pulse', null)).toEqual(views.rows('pulse', null));
    fresh.close();
  });

  test('resumes a cursor of the checkpoint’s position after a restart from it', async () => {
    commit(ordersIn(0));
    const follower = follow('pulse');
    await follower.pull();
    const checkpoint = new CheckpointInMemory();
    checkpoint.take(views);
    views.close();
    views = createViewEngine({ catalog, state: world.state, clock });
    views.restore(checkpoint.stored());
    commit(ordersIn(0));
    await follower.reconnect(views);
    const frame = await follower.pull();
    expect(frame?.kind).toBe('DELTA');
    expect(frame?.rows.map((row) => row.actions)).toEqual([2n]);
  });

  test('tells an observer of every frame, its lag and its age', async () => {
    const frames: [string, string, number, number][] = [];
    open({ observer: { ...silent, frame: (...frame) => frames.push(frame) } });
    const follower = follow('pulse', { maxRate: 1 });
    await follower.pull();
    commit(ordersIn(0));
    await clock.pass(600);
    commit(ordersIn(0));
    await follower.pull();
    await clock.pass(500);
    expect(frames).toEqual([
      ['pulse', 'SNAPSHOT', 0, 0],
      ['pulse', 'DELTA', 0, 400],
    ]);
  });
});

const silent = { frame: () => {}, reset: () => {}, overloaded: () => {}, folded: () => {} };
