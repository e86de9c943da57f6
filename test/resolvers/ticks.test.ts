import { expect, test } from 'vitest';
import { testTicket } from '../ticket.ts';
import { type Caller, openTitleApi, type TitleApi } from './title-api.ts';

const commit = `mutation ($input: CommitTickInput!) {
  commitTick(input: $input) {
    position sessionId tick duplicate accepted rejected aborted stateHash
    conflict { code effect table key message }
    results {
      index actionId verdict
      conflict {
        code effect table key expectedVersion actualVersion message
        lastWriter { position tick actionId }
      }
    }
  }
}`;

async function openSession(api: TitleApi): Promise<Caller> {
  const server = api.as('game-server');
  await server.data('mutation { openSession(input: { sessionId: "m1" }) { fence } }');
  return server;
}

function move(actionId: string, effects: unknown[] = []) {
  return { actionId, playerId: 1, kind: 'MOVE', unitIds: [1, 2], x: 1.5, y: -2, effects };
}

const spawn = {
  unitState: { insert: { unitId: 7, ownerId: 1, blueprint: 'uel0201', health: 100 } },
};
const stealGuarded = {
  unitState: {
    upsert: {
      key: { unitId: 7 },
      set: { ownerId: 2 },
      require: { ownerId: { eq: 2 } },
    },
  },
};

test('a tick of rows commits and answers position, verdicts and hash', async () => {
  const server = await openSession(await openTitleApi());
  const { commitTick } = await server.data(commit, {
    input: {
      sessionId: 'm1',
      tick: 1,
      actions: [move('a1', [spawn]), move('a2', [stealGuarded])],
      effects: [{ resourceLedger: { append: { playerId: 1, resource: 'MASS', amount: 3.5 } } }],
    },
  });
  expect(commitTick).toEqual({
    position: '0:2',
    sessionId: 'm1',
    tick: 1,
    duplicate: false,
    accepted: 1,
    rejected: 1,
    aborted: false,
    stateHash: expect.stringMatching(/^[0-9a-f]{64}$/),
    conflict: null,
    results: [
      { index: 0, actionId: 'a1', verdict: 'ACCEPTED', conflict: null },
      {
        index: 1,
        actionId: 'a2',
        verdict: 'REJECTED',
        conflict: {
          code: 'GUARD_FAILED',
          effect: 0,
          table: 'unitState',
          key: { sessionId: 'm1', unitId: 7 },
          expectedVersion: null,
          actualVersion: 1,
          message: expect.any(String),
          lastWriter: { position: '0:2', tick: 1, actionId: 'a1' },
        },
      },
    ],
  });
});

test('the same tick again is a duplicate with the first answer', async () => {
  const server = await openSession(await openTitleApi());
  const input = { sessionId: 'm1', tick: 1, actions: [move('a1', [spawn])] };
  const first = await server.data(commit, { input });
  const second = await server.data(commit, { input });
  expect(second.commitTick).toEqual({ ...first.commitTick, duplicate: true });
});

test('results can be asked by verdict', async () => {
  const server = await openSession(await openTitleApi());
  const { commitTick } = await server.data(
    `mutation ($input: CommitTickInput!) {
      commitTick(input: $input) {
        rejected: results(only: REJECTED) { index }
        accepted: results(only: ACCEPTED) { index }
      }
    }`,
    {
      input: {
        sessionId: 'm1',
        tick: 1,
        actions: [move('a1'), move('a2', [spawn]), move('a3', [stealGuarded]), move('a4')],
      },
    },
  );
  expect(commitTick).toEqual({
    rejected: [{ index: 2 }],
    accepted: [{ index: 0 }, { index: 1 }, { index: 3 }],
  });
});

test("a conflict of the tick's own effects aborts it and is named", async () => {
  const api = await openTitleApi();
  const server = await openSession(api);
  const { commitTick } = await server.data(commit, {
    input: {
      sessionId: 'm1',
      tick: 1,
      actions: [move('a1', [spawn])],
      effects: [{ unitState: { delete: { key: { unitId: 99 } } } }],
    },
  });
  expect(commitTick).toMatchObject({
    aborted: true,
    conflict: { code: 'ROW_NOT_FOUND', effect: 0, table: 'unitState' },
  });
  expect(api.engine.state.rowCount('unitState')).toBe(0);
});

test('a list may be left out of an action, and JSON travels both ways', async () => {
  const api = await openTitleApi();
  const server = await openSession(api);
  const payload = { route: [1, { deep: null }], name: 'x' };
  const { playerId, kind } = move('a1');
  await server.data(commit, {
    input: { sessionId: 'm1', tick: 1, actions: [{ actionId: 'a1', playerId, kind, payload }] },
  });
  api.columns.rows = [{ actionId: 'a1', unitIds: [], payload: JSON.stringify(payload) }];
  const analyst = api.as('analyst');
  const { actionLogList } = await analyst.data('{ actionLogList { nodes { unitIds payload } } }');
  expect(actionLogList.nodes).toEqual([{ unitIds: [], payload }]);
});

test('a tick may wait for the one it names in afterTick', async () => {
  const server = await openSession(await openTitleApi());
  const late = server.data(commit, { input: { sessionId: 'm1', tick: 2, afterTick: 1 } });
  await server.data(commit, { input: { sessionId: 'm1', tick: 1 } });
  expect((await late).commitTick).toMatchObject({ tick: 2, position: '0:3' });
});

test('a tick in the past, and one of an old fence, are refused with their codes', async () => {
  const server = await openSession(await openTitleApi());
  await server.data(commit, { input: { sessionId: 'm1', tick: 5 } });
  const past = await server.refusal(commit, {
    input: { sessionId: 'm1', tick: 4, idempotencyKey: 'other' },
  });
  expect(past).toMatchObject({ code: 'TICK_OUT_OF_ORDER', category: 'conflict' });
  await server.data(
    'mutation { openSession(input: { sessionId: "m1", takeOver: true }) { fence } }',
  );
  const fenced = await server.refusal(commit, { input: { sessionId: 'm1', tick: 6, fence: 1 } });
  expect(fenced.code).toBe('FENCED');
});

test('input that does not fit is refused with the place of the value', async () => {
  const server = await openSession(await openTitleApi());
  const refusal = (action: object) =>
    server.refusal(commit, { input: { sessionId: 'm1', tick: 1, actions: [action] } });
  expect(await refusal({ ...move('a1'), kind: 'FLY' })).toMatchObject({
    code: 'BAD_USER_INPUT',
    details: { path: 'input.actions[0].kind' },
  });
  expect(await refusal({ ...move('a1'), speed: 3 })).toMatchObject({ code: 'BAD_USER_INPUT' });
  expect(await refusal({ ...move('a1'), playerId: -1 })).toMatchObject({
    code: 'BAD_USER_INPUT',
    details: { path: 'actions[0].playerId' },
  });
  expect(await server.refusal(commit, { input: { sessionId: 'm1', tick: -1 } })).toMatchObject({
    code: 'BAD_USER_INPUT',
    details: { path: 'tick' },
  });
});

test('a number past all doubles is BAD_USER_INPUT in a variable, and OUT_OF_RANGE in the document', async () => {
  const server = await openSession(await openTitleApi());
  const set = { ownerId: 1, x: Number.POSITIVE_INFINITY };
  const effects = [{ unitState: { upsert: { key: { unitId: 7 }, set } } }];
  const input = { sessionId: 'm1', tick: 1, effects };
  expect(await server.refusal(commit, { input })).toMatchObject({ code: 'BAD_USER_INPUT' });
  const { commitTick } = await server.data(`mutation {
    commitTick(input: { sessionId: "m1", tick: 1, effects: [
      { unitState: { upsert: { key: { unitId: 7 }, set: { ownerId: 1, x: 1e999 } } } }
    ] }) { aborted conflict { code message } }
  }`);
  expect(commitTick).toEqual({
    aborted: true,
    conflict: {
      code: 'OUT_OF_RANGE',
      message:
        'unitState (sessionId m1, unitId 7) cannot hold what is given: x is out of the range of f32, which is that of its finite numbers',
    },
  });
});

test("a key of another session is refused; the tick's own may be repeated", async () => {
  const api = await openTitleApi();
  const server = await openSession(api);
  const upsert = (sessionId: string) => ({
    unitState: { upsert: { key: { sessionId, unitId: 1 }, set: { ownerId: 1 } } },
  });
  const input = (sessionId: string) => ({
    sessionId: 'm1',
    tick: 1,
    actions: [move('a1', [upsert(sessionId)])],
  });
  expect(await server.refusal(commit, { input: input('m2') })).toMatchObject({
    code: 'BAD_USER_INPUT',
    details: { path: 'actions[0].effects[0].unitState.upsert.key.sessionId' },
  });
  await server.data(commit, { input: input('m1') });
  expect(api.engine.state.rowCount('unitState')).toBe(1);
});

const swap = `mutation ($input: UnitStateCompareAndSet!) {
  compareAndSetUnitState(input: $input) {
    applied position row { unitId ownerId version } conflict { code expectedVersion actualVersion }
  }
}`;

test('compareAndSet swaps a row once, and then answers the row that won', async () => {
  const api = await openTitleApi();
  const server = await openSession(api);
  await server.data(commit, {
    input: { sessionId: 'm1', tick: 1, actions: [move('a1', [spawn])] },
  });
  const input = {
    key: { sessionId: 'm1', unitId: 7 },
    expectedVersion: 1,
    set: { ownerId: 9 },
  };
  expect((await server.data(swap, { input })).compareAndSetUnitState).toEqual({
    applied: true,
    position: '0:3',
    row: { unitId: 7, ownerId: 9, version: 2 },
    conflict: null,
  });
  expect((await server.data(swap, { input })).compareAndSetUnitState).toMatchObject({
    applied: false,
    row: { ownerId: 9, version: 2 },
    conflict: { code: 'VERSION_MISMATCH', expectedVersion: 1, actualVersion: 2 },
  });
  expect(api.audit.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
    // The title's log tells of the writes, of the one that met a conflict too.
    'session.open done',
  ]);
});

test('a direct write names its session in the key', async () => {
  const server = await openSession(await openTitleApi());
  const input = { key: { unitId: 7 }, expectedVersion: 1, set: { ownerId: 9 } };
  expect(await server.refusal(swap, { input })).toMatchObject({
    code: 'BAD_USER_INPUT',
    details: { path: 'input.key.sessionId' },
  });
});

test('a direct write is done in a closed session too', async () => {
  const server = await openSession(await openTitleApi());
  await server.data(commit, {
    input: { sessionId: 'm1', tick: 1, actions: [move('a1', [spawn])] },
  });
  await server.data('mutation { closeSession(input: { sessionId: "m1" }) { open } }');
  const input = {
    key: { sessionId: 'm1', unitId: 7 },
    expectedVersion: 1,
    set: { ownerId: 9 },
  };
  const { compareAndSetUnitState } = await server.data(swap, { input });
  expect(compareAndSetUnitState).toMatchObject({ applied: true, row: { version: 2 } });
});

test('a row of the whole title is swapped without a session', async () => {
  const server = await openSession(await openTitleApi());
  await server.data(commit, {
    input: {
      sessionId: 'm1',
      tick: 1,
      effects: [
        {
          playerProfile: {
            insert: { playerId: 3, rating: 1000, matchesPlayed: 0, suspended: false },
          },
        },
      ],
    },
  });
  const { compareAndSetPlayerProfile } = await server.data(`mutation {
    compareAndSetPlayerProfile(
      input: { key: { playerId: 3 }, expectedVersion: 1, set: { rating: 1012.5 } }
    ) { applied row { rating matchesPlayed } }
  }`);
  expect(compareAndSetPlayerProfile).toEqual({
    applied: true,
    row: { rating: 1012.5, matchesPlayed: 0 },
  });
});

test('roles without the right commit nothing', async () => {
  const api = await openTitleApi();
  await openSession(api);
  for (const role of ['liveops', 'analyst', 'player', 'admin', null]) {
    const caller = api.as(role);
    const tick = { sessionId: 'm1', tick: 1 };
    expect((await caller.refusal(commit, { input: tick })).code).toBe('FORBIDDEN');
  }
  expect(api.engine.session(testTicket, 'm1')?.lastTick).toBe(null);
});
