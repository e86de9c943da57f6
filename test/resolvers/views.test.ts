import { expect, test } from 'vitest';
import { openTitleApi, type TitleApi } from './title-api.ts';

async function openMatch(): Promise<TitleApi> {
  const api = await openTitleApi();
  await api
    .as('game-server')
    .data('mutation { openSession(input: { sessionId: "m1" }) { fence } }');
  return api;
}

async function commit(api: TitleApi, tick: number, actions: object[], effects: object[] = []) {
  await api
    .as('game-server')
    .data('mutation ($input: CommitTickInput!) { commitTick(input: $input) { position } }', {
      input: { sessionId: 'm1', tick, actions, effects },
    });
}

function order(actionId: string, kind: string) {
  return { actionId, playerId: 1, kind, unitIds: [1] };
}

function unit(unitId: number, ownerId: number) {
  return { unitState: { upsert: { key: { unitId }, set: { ownerId } } } };
}

const pulse = `subscription ($cursor: String, $maxRate: Float) {
  matchPulseChanges(cursor: $cursor, maxRate: $maxRate) {
    kind cursor position tick
    rows { sessionId actions accepted rejected lastTick players }
    removed { sessionId }
  }
}`;

test('a view answers its rows and the position they are of', async () => {
  const api = await openMatch();
  await commit(api, 3, [order('a', 'MOVE'), order('b', 'MOVE'), order('c', 'ATTACK')]);
  const { orderMix, matchPulse } = await api.as('liveops').data(`{
    orderMix(where: { kind: { eq: MOVE } }) { position rows { sessionId kind count } }
    matchPulse {
      nodes { actions accepted rejected lastTick players }
      rows { actions accepted rejected lastTick players }
    }
  }`);
  expect(orderMix).toEqual({
    position: '0:2',
    rows: [{ sessionId: 'm1', kind: 'MOVE', count: 2 }],
  });
  expect(matchPulse.rows).toEqual([
    { actions: 3, accepted: 3, rejected: 0, lastTick: 3, players: 1 },
  ]);
  expect(matchPulse.nodes).toEqual(matchPulse.rows);
});

test('a subscription begins with a snapshot and goes on with a frame a tick', async () => {
  const api = await openMatch();
  await commit(api, 1, [order('a', 'MOVE')]);
  const frames = await api.as('liveops').subscribe(pulse);
  const first = (await frames.next()).value.data.matchPulseChanges;
  expect(first).toMatchObject({
    kind: 'SNAPSHOT',
    position: '0:2',
    rows: [{ sessionId: 'm1', actions: 1, lastTick: 1 }],
  });
  await commit(api, 2, [order('b', 'ATTACK'), order('c', 'ATTACK')]);
  const second = (await frames.next()).value.data.matchPulseChanges;
  expect(second).toMatchObject({
    kind: 'DELTA',
    position: '0:3',
    tick: 2,
    rows: [{ sessionId: 'm1', actions: 3, lastTick: 2 }],
    removed: [],
  });
  await frames.return?.();
});

test('a cursor goes on where its frame ended', async () => {
  const api = await openMatch();
  await commit(api, 1, [order('a', 'MOVE')]);
  const before = await api.as('liveops').subscribe(pulse);
  const { cursor } = (await before.next()).value.data.matchPulseChanges;
  await before.return?.();
  await commit(api, 2, [order('b', 'MOVE')]);
  const after = await api.as('liveops').subscribe(pulse, { cursor });
  const missed = (await after.next()).value.data.matchPulseChanges;
  expect(missed).toMatchObject({ kind: 'DELTA', rows: [{ actions: 2, lastTick: 2 }] });
  await after.return?.();
});

test('a subscription ends when its request does, even while it waits', async () => {
  const api = await openMatch();
  const abort = new AbortController();
  const frames = await api.as('liveops', { signal: abort.signal }).subscribe(pulse);
  await frames.next();
  const waiting = frames.next();
  abort.abort();
  expect((await waiting).done).toBe(true);
  expect(api.engine.views.subscribers().get('matchPulse') ?? 0).toBe(0);
});

test('a subscriber that leaves is forgotten', async () => {
  const api = await openMatch();
  const frames = await api.as('liveops').subscribe(pulse);
  await frames.next();
  expect(api.engine.views.subscribers().get('matchPulse')).toBe(1);
  await frames.return?.();
  expect(api.engine.views.subscribers().get('matchPulse') ?? 0).toBe(0);
});

test('a player follows its own rows; one that changes hands is removed', async () => {
  const api = await openMatch();
  await commit(api, 1, [], [unit(1, 7), unit(2, 8)]);
  const frames = await api.as('player', { claims: { player_id: 7 } }).subscribe(`subscription {
    unitStateChanges { kind rows { unitId ownerId } removed { sessionId unitId } }
  }`);
  expect((await frames.next()).value.data.unitStateChanges).toEqual({
    kind: 'SNAPSHOT',
    rows: [{ unitId: 1, ownerId: 7 }],
    removed: [],
  });
  await commit(api, 2, [], [unit(2, 7), unit(1, 8)]);
  expect((await frames.next()).value.data.unitStateChanges).toEqual({
    kind: 'DELTA',
    rows: [{ unitId: 2, ownerId: 7 }],
    removed: [{ sessionId: 'm1', unitId: 1 }],
  });
  await frames.return?.();
});

test('who may not read a view may not follow it', async () => {
  const api = await openMatch();
  await expect(api.as('player').subscribe(pulse)).rejects.toThrow(/may not read the view/);
  await expect(
    api.as('liveops').subscribe('subscription { unitStateChanges { kind } }'),
  ).rejects.toThrow(/lacks "read" on the table "unitState"/);
});

test('a rate of nothing is refused', async () => {
  const api = await openMatch();
  await expect(api.as('liveops').subscribe(pulse, { maxRate: 0 })).rejects.toThrow(/maxRate/);
});
