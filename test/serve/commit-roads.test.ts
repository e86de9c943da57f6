import { readFileSync } from 'node:fs';
import type { TickOutcome } from '@tickloom/sdk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { limits } from '../../engine/model/limits.ts';
import { AshfallClient, type AshfallTick } from '../../examples/ashfall/tickloom.ts';
import { servingLimits } from '../../src/serving-limits.ts';
import { type Answer, answerOf, codeOf, Sandbox } from './sandbox.ts';

const mutation = `mutation Commit($input: CommitTickInput!) {
  commitTick(input: $input) {
    tick duplicate accepted rejected repeated aborted stateHash
    conflict { ...all }
    results(only: REJECTED) { index actionId conflict { ...all } }
  }
}
fragment all on Conflict {
  code effect table key expectedVersion actualVersion message lastWriter { tick actionId }
}`;

/** One tick as the mutation has it, as a game server builds it, and as a body of JSON. */
interface TickInForms {
  readonly rows: object;
  readonly build: (tick: AshfallTick) => void;
  readonly columns: object;
}

const mass = { playerId: 3, resource: 'MASS' } as const;
const ticks: readonly TickInForms[] = [
  {
    rows: {
      actions: [
        {
          actionId: 'a1',
          playerId: 3,
          kind: 'MOVE',
          unitIds: [7, 8],
          x: 1.5,
          payload: { at: [1, null, 'é😀'] },
          effects: [
            { unitState: { insert: { unitId: 7, ownerId: 3, health: 100 } } },
            { playerWallet: { upsert: { key: mass, set: { balance: 10 } } } },
          ],
        },
        {
          actionId: 'a2',
          playerId: 4,
          kind: 'ATTACK',
          unitIds: [],
          effects: [{ unitState: { insert: { unitId: 8, ownerId: 4, blueprint: 'uel0201' } } }],
        },
      ],
      effects: [{ resourceLedger: { append: { ...mass, amount: 0.25, reason: null } } }],
    },
    build: (tick) => {
      tick
        .action({
          actionId: 'a1',
          playerId: 3,
          kind: 'MOVE',
          unitIds: [7, 8],
          x: 1.5,
          payload: { at: [1, null, 'é😀'] },
        })
        .unitState.insert({ unitId: 7, ownerId: 3, health: 100 })
        .playerWallet.upsert(mass, { balance: 10 });
      tick
        .action({ actionId: 'a2', playerId: 4, kind: 'ATTACK', unitIds: [] })
        .unitState.insert({ unitId: 8, ownerId: 4, blueprint: 'uel0201' });
      tick.resourceLedger.append({ ...mass, amount: 0.25, reason: null });
    },
    columns: {
      actions: {
        actionId: ['a1', 'a2'],
        playerId: [3, 4],
        kind: ['MOVE', 'ATTACK'],
        unitIds: [[7, 8], []],
        x: [1.5, null],
        payload: [{ at: [1, null, 'é😀'] }, null],
      },
      effects: [
        {
          table: 'unitState',
          op: 'insert',
          action: [0, 1],
          unitId: [7, 8],
          ownerId: [3, 4],
          health: [100, null],
          blueprint: [null, 'uel0201'],
        },
        {
          table: 'playerWallet',
          op: 'upsert',
          action: [0],
          playerId: [3],
          resource: ['MASS'],
          columns: { balance: [10] },
        },
        {
          table: 'resourceLedger',
          op: 'append',
          playerId: [3],
          resource: ['MASS'],
          amount: [0.25],
        },
      ],
    },
  },
  {
    // Rows of one order within an action, over several streams, and with conflicts of each kind.
    rows: {
      actions: [
        {
          actionId: 'b1',
          playerId: 3,
          kind: 'MOVE',
          unitIds: [7],
          effects: [
            { unitState: { upsert: { key: { unitId: 7 }, set: { x: 2, blueprint: null } } } },
            {
              unitState: {
                compareAndSet: { key: { unitId: 7 }, expectedVersion: 2, set: { y: 1 } },
              },
            },
          ],
        },
        {
          actionId: 'b2',
          playerId: 4,
          kind: 'MOVE',
          unitIds: [7],
          effects: [
            {
              unitState: {
                upsert: {
                  key: { unitId: 7 },
                  set: { x: 3, blueprint: null },
                  require: { ownerId: { eq: 4 } },
                },
              },
            },
          ],
        },
        {
          actionId: 'b3',
          playerId: 4,
          kind: 'MOVE',
          unitIds: [8],
          effects: [
            {
              unitState: {
                delete: {
                  key: { unitId: 8 },
                  require: { or: [{ health: { isNull: false } }, { ownerId: { in: [5, 6] } }] },
                },
              },
            },
          ],
        },
        {
          actionId: 'b4',
          playerId: 3,
          kind: 'COUNT',
          unitIds: [],
          effects: [
            {
              playerWallet: {
                adjust: { key: mass, add: { balance: -30 }, require: { balance: { gte: 0 } } },
              },
            },
          ],
        },
      ],
    },
    build: (tick) => {
      tick
        .action({ actionId: 'b1', playerId: 3, kind: 'MOVE', unitIds: [7] })
        .unitState.upsert({ unitId: 7 }, { x: 2, blueprint: null })
        .unitState.compareAndSet({ unitId: 7 }, 2, { y: 1 });
      tick
        .action({ actionId: 'b2', playerId: 4, kind: 'MOVE', unitIds: [7] })
        .unitState.upsert(
          { unitId: 7 },
          { x: 3, blueprint: null },
          { require: { ownerId: { eq: 4 } } },
        );
      tick
        .action({ actionId: 'b3', playerId: 4, kind: 'MOVE', unitIds: [8] })
        .unitState.delete(
          { unitId: 8 },
          { require: { or: [{ health: { isNull: false } }, { ownerId: { in: [5, 6] } }] } },
        );
      tick
        .action({ actionId: 'b4', playerId: 3, kind: 'COUNT', unitIds: [] })
        .playerWallet.adjust(mass, { balance: -30 }, { require: { balance: { gte: 0 } } });
    },
    columns: {
      actions: {
        actionId: ['b1', 'b2', 'b3', 'b4'],
        playerId: [3, 4, 4, 3],
        kind: ['MOVE', 'MOVE', 'MOVE', 'COUNT'],
        unitIds: [[7], [7], [8], []],
      },
      effects: [
        {
          table: 'unitState',
          op: 'upsert',
          action: [0],
          unitId: [7],
          x: [2],
          blueprint: [null],
        },
        {
          table: 'unitState',
          op: 'compareAndSet',
          action: [0],
          unitId: [7],
          expectedVersion: [2],
          y: [1],
        },
        {
          table: 'unitState',
          op: 'upsert',
          action: [1],
          unitId: [7],
          x: [3],
          blueprint: [null],
          'require.ownerId.eq': [4],
        },
        {
          table: 'unitState',
          op: 'delete',
          action: [2],
          unitId: [8],
          require: { or: [{ health: { isNull: false } }, { ownerId: { in: [5, 6] } }] },
        },
        {
          table: 'playerWallet',
          op: 'adjust',
          action: [3],
          playerId: [3],
          resource: ['MASS'],
          balance: [-30],
          require: { balance: { gte: 0 } },
        },
      ],
    },
  },
];

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.start();
});
afterAll(() => sandbox.stop());

/** Without where and when it was committed: each road has a session of its own. */
function comparable(answer: object): unknown {
  const text = JSON.stringify(answer, (name, value) =>
    ['position', 'sessionId', 'verdict', 'extensions'].includes(name) ? undefined : value,
  );
  return JSON.parse(text.replaceAll(/(rows|sdk|json)-\w+/g, 'session'));
}

async function byRows(sessionId: string, tick: number, rows: object, more: object = {}) {
  const input = { sessionId, tick, ...rows, ...more };
  const answer = await sandbox.ask('game-server', mutation, { input });
  if (!answer.data) throw new Error(JSON.stringify(answer.errors));
  return answer.data.commitTick as object;
}

/** As the mutation's fields name it. */
function payloadOf({ rejections, repeats, ...outcome }: TickOutcome): object {
  return { ...outcome, repeated: repeats.length, results: rejections };
}

async function byJson(
  sessionId: string,
  tick: number,
  body: object | string,
  headers: Record<string, string> = {},
): Promise<Answer & Record<string, unknown>> {
  const response = await fetch(`${sandbox.url}/ashfall/sessions/${sessionId}/ticks/${tick}`, {
    method: 'POST',
    headers: {
      ...(await sandbox.authorization('game-server')),
      'content-type': 'application/json; charset=utf-8',
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const { status, ...answer } = (await answerOf(response)) as Answer & Record<string, unknown>;
  return response.ok ? (answer as Answer & Record<string, unknown>) : { status, ...answer };
}

function sdk(): AshfallClient {
  return new AshfallClient({ url: sandbox.url, token: () => sandbox.token('game-server') });
}

describe('a tick by the mutation, by the SDK in Arrow and by JSON on the commit endpoint', () => {
  test.each(['REJECT_ACTION', 'ABORT_TICK'] as const)(
    'has the same verdicts, conflicts and state hash (%s)',
    async (onConflict) => {
      const name = onConflict.toLowerCase();
      for (const road of ['rows', 'json']) await sandbox.openSession(`${road}-${name}`);
      const session = await sdk().openSession(`sdk-${name}`);
      const rejected: number[] = [];
      for (const [i, { rows, build, columns }] of [...ticks, ...ticks.slice(1)].entries()) {
        // The last is the tick before, once more.
        const tick = Math.min(i, ticks.length - 1);
        const expected = await byRows(`rows-${name}`, tick, rows, { onConflict });
        const sent = payloadOf(await session.commit(tick, build, { onConflict }));
        const headers = { 'x-tickloom-on-conflict': onConflict };
        const posted = await byJson(`json-${name}`, tick, columns, headers);
        expect(comparable(sent)).toEqual(comparable(expected));
        expect(comparable(posted)).toEqual(comparable(expected));
        rejected.push((expected as { rejected: number }).rejected);
      }
      expect(rejected).toEqual([0, 3, 3]);
    },
  );

  test('has actions that happen once, whichever road they come by again (once)', async () => {
    const sessions = ['rows-once', 'json-once'];
    for (const session of sessions) await sandbox.openSession(session);
    const session = await sdk().openSession('sdk-once');
    const key = { playerId: 77 };
    const guard = { rating: { gte: 0 } };
    await session.commit(0, (tick) => {
      tick.playerProfile.insert({ ...key, rating: 100, matchesPlayed: 0, suspended: false });
    });
    const action = { actionId: 'by-every-road', playerId: 77, kind: 'CALLBACK' } as const;
    const note = { ...mass, amount: 30, reason: 'é😀' };
    const adjust = { key, add: { rating: -30 }, require: guard };
    const rows = {
      actions: [
        {
          ...action,
          unitIds: [7],
          payload: { at: [1] },
          effects: [{ playerProfile: { adjust } }, { resourceLedger: { append: note } }],
        },
      ],
    };
    const first = await byRows('rows-once', 1, rows, { once: true });
    expect(first).toMatchObject({ accepted: 1, repeated: 0 });
    const { repeats } = await session.commit(
      1,
      (tick) => {
        tick
          .action({ actionId: 'another', playerId: 77, kind: 'CALLBACK', unitIds: [1, 2] })
          .playerProfile.adjust(key, { matchesPlayed: 1 });
        tick
          .action({ ...action, unitIds: [7], payload: { at: [1] } })
          .playerProfile.adjust(key, { rating: -30 }, { require: guard })
          .resourceLedger.append(note);
      },
      { once: true },
    );
    expect(repeats).toMatchObject([
      { index: 1, actionId: 'by-every-road', conflict: null, sameContent: true },
    ]);
    const columns = {
      actions: {
        ...Object.fromEntries(Object.entries(action).map(([name, value]) => [name, [value]])),
        unitIds: [[7]],
        payload: [{ at: [1] }],
      },
      effects: [
        {
          table: 'playerProfile',
          op: 'adjust',
          action: [0],
          playerId: [77],
          rating: [-30],
          'require.rating.gte': [0],
        },
        {
          table: 'resourceLedger',
          op: 'append',
          action: [0],
          ...Object.fromEntries(Object.entries(note).map(([name, value]) => [name, [value]])),
        },
      ],
    };
    const posted = await byJson('json-once', 1, columns, { 'x-tickloom-once': 'true' });
    expect(posted).toMatchObject({
      accepted: 0,
      repeated: 1,
      results: [
        {
          index: 0,
          verdict: 'ACCEPTED',
          conflict: null,
          first: { position: repeats[0]?.position, conflict: null, sameContent: true },
        },
      ],
    });
    expect(await sdk().playerProfile.get(key)).toMatchObject({ rating: 70, matchesPlayed: 1 });
  });

  test('is one tick: what came by one road is known when it comes again by another', async () => {
    await sandbox.openSession('json-again');
    const session = await sdk().openSession('json-again');
    const [first] = ticks as readonly [TickInForms];
    await byRows('json-again', 0, first.rows);
    expect(await session.commit(0, first.build)).toMatchObject({ duplicate: true, accepted: 2 });
    expect(await byJson('json-again', 0, first.columns)).toMatchObject({ duplicate: true });
    const other = { ...first.columns, effects: [] };
    expect(codeOf(await byJson('json-again', 0, other))).toBe('IDEMPOTENCY_MISMATCH');
  });
});

describe('a body of JSON on the commit endpoint', () => {
  beforeAll(async () => {
    await sandbox.openSession('curl');
  });

  const actions = { actionId: ['a'], playerId: [1], kind: ['MOVE'], unitIds: [[1]] };
  const upsert = { table: 'unitState', op: 'upsert', action: [0], unitId: [1], ownerId: [1] };

  test.each<[string, object | string, string, string]>([
    ['no JSON', '{"actions":', 'BAD_USER_INPUT', 'body'],
    ['no object', '[]', 'BAD_USER_INPUT', 'body'],
    ['another member', { action: {} }, 'BAD_USER_INPUT', 'action'],
    [
      'a row for a column',
      { actions: { actionId: 'a' } },
      'BAD_USER_INPUT',
      'stream 0 (actionLog actions).actionId',
    ],
    [
      'columns of two lengths',
      { actions: { ...actions, playerId: [] } },
      'BAD_USER_INPUT',
      'stream 0 (actionLog actions).playerId',
    ],
    [
      'a column missing',
      { actions: { actionId: ['a'] } },
      'BAD_USER_INPUT',
      'stream 0 (actionLog actions).playerId',
    ],
    [
      'an unknown column',
      { actions: { ...actions, colour: ['red'] } },
      'BAD_USER_INPUT',
      'stream 0 (actionLog actions).colour',
    ],
    [
      'a null where none may be',
      { actions: { ...actions, kind: [null] } },
      'BAD_USER_INPUT',
      'stream 0 (actionLog actions).kind[0]',
    ],
    [
      'an unknown value of an enum',
      { actions: { ...actions, kind: ['DANCE'] } },
      'BAD_USER_INPUT',
      'stream 0 (actionLog actions).kind[0]',
    ],
    [
      'a text for a number',
      { actions: { ...actions, playerId: ['1'] } },
      'BAD_USER_INPUT',
      'stream 0 (actionLog actions).playerId[0]',
    ],
    [
      'a number past its kind',
      { actions: { ...actions, playerId: [2 ** 32] } },
      'BAD_USER_INPUT',
      'stream 0 (actionLog actions).playerId[0]',
    ],
    [
      'a number past all',
      JSON.stringify({ actions: { ...actions, x: [0] } }).replace('"x":[0]', '"x":[1e999]'),
      'BAD_USER_INPUT',
      'stream 0 (actionLog actions).x[0]',
    ],
    [
      'an element of another kind',
      { actions: { ...actions, unitIds: [[1, null]] } },
      'BAD_USER_INPUT',
      'stream 0 (actionLog actions).unitIds[0][1]',
    ],
    [
      'an action there is not',
      { actions, effects: [{ ...upsert, action: [1] }] },
      'BAD_USER_INPUT',
      'stream 1 (unitState upsert).action',
    ],
    [
      'an unknown table',
      { effects: [{ ...upsert, table: 'toString' }] },
      'BAD_USER_INPUT',
      'stream 0 (toString upsert)',
    ],
    ['no table', { effects: [{ op: 'upsert' }] }, 'BAD_USER_INPUT', 'effects[0].table'],
    [
      'an operation that the table has not',
      { effects: [{ ...upsert, op: 'append' }] },
      'BAD_USER_INPUT',
      'stream 0 (unitState append)',
    ],
    [
      'a column twice',
      { actions, effects: [{ ...upsert, columns: { ownerId: [2] } }] },
      'BAD_USER_INPUT',
      'effects[0].ownerId',
    ],
    [
      'a condition on no column',
      { actions, effects: [{ ...upsert, require: { colour: { eq: 1 } } }] },
      'BAD_USER_INPUT',
      'stream 1 (unitState upsert).require.colour',
    ],
    [
      'a comparison there is not',
      { actions, effects: [{ ...upsert, 'require.ownerId.near': [1] }] },
      'BAD_USER_INPUT',
      'stream 1 (unitState upsert).require.ownerId.near',
    ],
    [
      'JSON that nests too deep',
      { actions: { ...actions, payload: [nested(limits.jsonDepthMax + 1)] } },
      'LIMIT_EXCEEDED',
      'stream 0 (actionLog actions).payload[0]',
    ],
    [
      'a JSON number past all doubles',
      JSON.stringify({ actions: { ...actions, payload: [{ n: 0 }] } }).replace(
        '"n":0',
        '"n":1e400',
      ),
      'BAD_USER_INPUT',
      'stream 0 (actionLog actions).payload[0]',
    ],
    [
      'a JSON integer that a double rounds',
      JSON.stringify({ actions: { ...actions, payload: [[0]] } }).replace(
        '[[0]]',
        '[[9007199254740993]]',
      ),
      'BAD_USER_INPUT',
      'stream 0 (actionLog actions).payload[0]',
    ],
    [
      'JSON that nests far too deep',
      `{"actions":${'['.repeat(100_000)}`,
      'LIMIT_EXCEEDED',
      'the body',
    ],
  ])(
    'with %s is refused, naming the place, and nothing is written',
    async (_name, body, code, path) => {
      const before = await sandbox.position();
      const answer = await byJson('curl', 1, body);
      expect(answer.errors?.[0]?.extensions).toMatchObject({ code, details: { path } });
      expect(answer.status).toBe(code === 'LIMIT_EXCEEDED' ? 413 : 400);
      expect(await sandbox.position()).toBe(before);
    },
  );

  test('takes JSON that nests as deep as may be, and no actions at all', async () => {
    const payload = [nested(limits.jsonDepthMax)];
    expect(await byJson('curl', 1, { actions: { ...actions, payload } })).toMatchObject({
      accepted: 1,
    });
    expect(await byJson('curl', 2, {})).toMatchObject({ accepted: 0, rejected: 0 });
    expect(await byJson('curl', 3, { actions: null, effects: null })).toMatchObject({
      accepted: 0,
    });
  });

  test('is taken as its page shows one', async () => {
    const page = readFileSync(new URL('../../docs/commit-endpoint.md', import.meta.url), 'utf8');
    const [, body = ''] = /```json\n([\s\S]*?)```/.exec(page) ?? [];
    expect(await byJson('curl', 4, body)).toMatchObject({
      accepted: 1,
      rejected: 1,
      results: [{ actionId: 'a2', conflict: { code: 'GUARD_FAILED' } }],
    });
  });

  test('past its bound is refused before it is read', async () => {
    const body = ' '.repeat(servingLimits.commitJsonBytesMax + 1);
    const answer = await byJson('curl', 9, body);
    expect([answer.status, codeOf(answer)]).toEqual([413, 'LIMIT_EXCEEDED']);
  });

  test('and one of Arrow are all that is taken: others are 415, and are told which', async () => {
    for (const contentType of ['text/plain', 'application/octet-stream', 'toString']) {
      const response = await fetch(`${sandbox.url}/ashfall/sessions/curl/ticks/9`, {
        method: 'POST',
        headers: {
          ...(await sandbox.authorization('game-server')),
          'content-type': contentType,
        },
        body: '{}',
      });
      const answer = await answerOf(response);
      expect([answer.status, codeOf(answer)]).toEqual([415, 'BAD_USER_INPUT']);
      expect(answer.errors?.[0]?.message).toContain(
        '"content-type: application/vnd.apache.arrow.stream", or "application/json"',
      );
    }
  });

  test('needs the right to write each table it names', async () => {
    const response = await fetch(`${sandbox.url}/ashfall/sessions/curl/ticks/9`, {
      method: 'POST',
      headers: {
        ...(await sandbox.authorization('liveops')),
        'content-type': 'application/json',
      },
      body: '{}',
    });
    expect([response.status, codeOf(await answerOf(response))]).toEqual([403, 'FORBIDDEN']);
  });
});

/** Lists within each other, so many. */
function nested(depth: number): unknown {
  return JSON.parse('['.repeat(depth) + ']'.repeat(depth));
}
