import { readFile } from 'node:fs/promises';
import { parse, validate } from 'graphql';
import { expect, test } from 'vitest';
import { limits } from '../../engine/model/limits.ts';
import { openTitleApi, type TitleApi } from './title-api.ts';

const query = `query ($sessionId: ID) {
  contention(sessionId: $sessionId) {
    kind sessionId sessions table key conflicts byCode { code count }
    commits actions shareOfActions waits waitSeconds refusals { code count }
    hot lastPosition windowSeconds advice
  }
}`;

/** One wallet that 40 spenders find empty, and 5 swap with an old version. */
async function fightOverWallet(api: TitleApi): Promise<void> {
  const server = api.as('game-server');
  await server.data('mutation { openSession(input: { sessionId: "m1" }) { fence } }');
  const key = '{ playerId: 1, resource: MASS }';
  const spend = `{ playerWallet: { adjust: {
    key: ${key}, add: { balance: -9 }, require: { balance: { gte: 0 } }
  } } }`;
  const swap = `{ playerWallet: { compareAndSet: {
    key: ${key}, expectedVersion: 7, set: { balance: 1 }
  } } }`;
  const action = (effect: string, i: number) =>
    `{ actionId: "a${i}", playerId: 1, kind: MOVE, effects: [${effect}] }`;
  const actions = [...Array<string>(40).fill(spend), ...Array<string>(5).fill(swap)].map(action);
  await server.data(`mutation {
    first: commitTick(input: { sessionId: "m1", tick: 1, effects: [
      { playerWallet: { upsert: { key: ${key}, set: { balance: 5 } } } }
    ] }) { tick }
    second: commitTick(input: { sessionId: "m1", tick: 2, actions: [${actions.join(' ')}] }) { tick }
  }`);
  const past = 'mutation { commitTick(input: { sessionId: "m1", tick: 1 }) { tick } }';
  expect(await server.refusal(past)).toMatchObject({ code: 'IDEMPOTENCY_MISMATCH' });
}

test('an operator sees which row and which session are fought over, and what to do', async () => {
  const api = await openTitleApi();
  const liveops = api.as('liveops');
  expect(await liveops.data(query)).toEqual({ contention: [] });
  await fightOverWallet(api);
  const byCode = [
    { code: 'GUARD_FAILED', count: 40 },
    { code: 'VERSION_MISMATCH', count: 5 },
  ];
  const { contention } = await liveops.data(query);
  expect(contention).toEqual([
    {
      kind: 'SESSION',
      sessionId: 'm1',
      sessions: 1,
      table: null,
      key: null,
      conflicts: 45,
      byCode,
      commits: 2,
      actions: 45,
      shareOfActions: 1,
      waits: 0,
      waitSeconds: 0,
      refusals: [{ code: 'IDEMPOTENCY_MISMATCH', count: 1 }],
      hot: true,
      lastPosition: '0:3',
      windowSeconds: expect.any(Number),
      advice: expect.stringContaining('rows of kind KEY'),
    },
    {
      kind: 'KEY',
      sessionId: 'm1',
      sessions: 1,
      table: 'playerWallet',
      key: { sessionId: 'm1', playerId: 1, resource: 'MASS' },
      conflicts: 45,
      byCode,
      commits: null,
      actions: null,
      shareOfActions: null,
      waits: 0,
      waitSeconds: 0,
      refusals: [],
      hot: true,
      lastPosition: '0:3',
      windowSeconds: expect.any(Number),
      advice: expect.stringContaining('split the balance'),
    },
  ]);
  expect(await liveops.data(query, { sessionId: 'm1' })).toMatchObject({
    contention: [{ kind: 'SESSION' }, { kind: 'KEY' }],
  });
  expect(await liveops.data(query, { sessionId: 'm2' })).toEqual({ contention: [] });
});

test('a row is not named to a role that may not see all rows of its table', async () => {
  const api = await openTitleApi();
  await fightOverWallet(api);
  const role = api.catalog.roles.get('liveops');
  if (!role) throw new Error('no such role');
  const narrowed = [
    role.tables.filter((grant) => grant.table !== 'playerWallet'),
    role.tables.map((grant) => ({ ...grant, read: false, aggregate: false })),
    role.tables.map((grant) => ({ ...grant, rowFilter: { column: 'playerId', claim: 'player' } })),
  ];
  for (const tables of narrowed) {
    (api.catalog.roles as Map<string, typeof role>).set('liveops', { ...role, tables });
    const { contention } = await api.as('liveops').data(query);
    expect(contention[1]).toMatchObject({ kind: 'KEY', table: 'playerWallet', key: null });
  }
});

test('the examples of docs/contention.md are operations of the API', async () => {
  const { schema } = await openTitleApi();
  const page = await readFile(new URL('../../docs/contention.md', import.meta.url), 'utf8');
  const examples = Array.from(page.matchAll(/```graphql\n(.*?)```/gs), ([, text = '']) => text);
  expect(examples.length).toBeGreaterThan(2);
  for (const example of examples) expect(validate(schema, parse(example)), example).toEqual([]);
});

test('a report that is cut at its bound says so', async () => {
  const api = await openTitleApi();
  const server = api.as('game-server');
  const liveops = api.as('liveops');
  await server.data('mutation { openSession(input: { sessionId: "m1" }) { fence } }');
  const swaps = (tick: number, from: number, to: number) => {
    const actions = Array.from({ length: to - from }, (_, i) => ({
      actionId: `${i}`,
      playerId: 1,
      kind: 'MOVE',
      effects: [
        {
          playerWallet: {
            compareAndSet: {
              key: { playerId: from + i, resource: 'MASS' },
              expectedVersion: 7,
              set: { balance: 1 },
            },
          },
        },
      ],
    }));
    return server.data(
      'mutation ($input: CommitTickInput!) { commitTick(input: $input) { rejected } }',
      { input: { sessionId: 'm1', tick, actions } },
    );
  };
  // A line of the session, and one of each row.
  await swaps(1, 0, limits.contentionRowsMax - 1);
  const fitting = await liveops.run(query);
  expect(fitting.result.data?.contention).toHaveLength(limits.contentionRowsMax);
  expect(fitting.report).not.toHaveProperty('truncated');
  await swaps(2, limits.contentionRowsMax, limits.contentionRowsMax + 1);
  const cut = await liveops.run(query);
  expect(cut.result.data?.contention).toHaveLength(limits.contentionRowsMax);
  expect(cut.report).toMatchObject({ truncated: ['contention'] });
});
