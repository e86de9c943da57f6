import { expect, test } from 'vitest';
import { asLsn } from '../../engine/model/position.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { openTitleApi, type TitleApi } from './title-api.ts';

/** Units 1 to 6 of match m1: odd ones of player 1, even ones of player 2. */
async function openMatch(scanRowsMax?: number): Promise<TitleApi> {
  const api = await openTitleApi(ashfall, scanRowsMax === undefined ? {} : { scanRowsMax });
  const server = api.as('game-server');
  await server.data('mutation { openSession(input: { sessionId: "m1" }) { fence } }');
  const effects = [1, 2, 3, 4, 5, 6].map((unitId) => ({
    unitState: { insert: { unitId, ownerId: unitId % 2 === 1 ? 1 : 2, health: unitId * 10 } },
  }));
  await server.data(
    'mutation ($input: CommitTickInput!) { commitTick(input: $input) { position } }',
    { input: { sessionId: 'm1', tick: 1, effects } },
  );
  return api;
}

test('a row is read by its key, with its version and place', async () => {
  const server = (await openMatch()).as('game-server');
  const { unitState } = await server.data(`{
    unitState(key: { sessionId: "m1", unitId: 3 }) {
      sessionId unitId ownerId blueprint health version position committedAt
    }
  }`);
  expect(unitState).toEqual({
    sessionId: 'm1',
    unitId: 3,
    ownerId: 1,
    blueprint: null,
    health: 30,
    version: 1,
    position: '0:2',
    committedAt: '2026-01-01T00:00:00.000Z',
  });
});

test('a row that is not there is null; a key out of range is refused', async () => {
  const server = (await openMatch()).as('game-server');
  const read = (unitId: number) =>
    `{ unitState(key: { sessionId: "m1", unitId: ${unitId} }) { version } }`;
  expect(await server.data(read(77))).toEqual({ unitState: null });
  expect(await server.refusal(read(-1))).toMatchObject({
    code: 'BAD_USER_INPUT',
    details: { path: 'key.unitId' },
  });
});

test('a list is read page by page, going on after a cursor', async () => {
  const server = (await openMatch()).as('game-server');
  const page = `query ($after: String) {
    unitStateList(
      where: { sessionId: { eq: "m1" }, ownerId: { in: [1, 2] } }
      orderBy: [{ column: health, direction: DESC }]
      first: 4
      after: $after
    ) { nodes { unitId } edges { cursor node { unitId } } pageInfo { hasNextPage endCursor } position }
  }`;
  const first = (await server.data(page)).unitStateList;
  expect(first.nodes.map((row: { unitId: number }) => row.unitId)).toEqual([6, 5, 4, 3]);
  expect(first.pageInfo.hasNextPage).toBe(true);
  expect(first.edges[3]).toEqual({ cursor: first.pageInfo.endCursor, node: { unitId: 3 } });
  expect(first.position).toBe('0:2');
  const second = (await server.data(page, { after: first.edges[1].cursor })).unitStateList;
  expect(second.nodes.map((row: { unitId: number }) => row.unitId)).toEqual([4, 3, 2, 1]);
  expect(second.pageInfo.hasNextPage).toBe(false);
});

test('GAMEPLAY may not scan; the refusal names what would serve; lower classes may', async () => {
  const api = await openMatch(5);
  // What the column store answers then.
  api.columns.rows = [4, 5, 6].map((unitId) => ({ unitId }));
  const scan = '{ unitStateList(where: { health: { gt: 35 } }) { nodes { unitId } } }';
  const refused = await api.as('game-server').refusal(scan);
  expect(refused.code).toBe('SCAN_REFUSED');
  expect(refused.message).toMatch(/index/);
  const { unitStateList } = await api.as('game-server', { queryClass: 'OPERATOR' }).data(scan);
  expect(unitStateList.nodes).toHaveLength(3);
});

test('the rows of a small table may be looked at by every class, up to its bound', async () => {
  const scan = '{ unitStateList(where: { health: { gt: 35 } }) { nodes { unitId } position } }';
  const api = await openMatch(6);
  const { unitStateList } = await api.as('game-server').data(scan);
  expect(unitStateList).toEqual({
    nodes: [4, 5, 6].map((unitId) => ({ unitId })),
    position: '0:2',
  });
  expect(api.columns.lists).toEqual([]);
});

test('a GAMEPLAY subscription that would scan is refused as a list is, whatever its cursor', async () => {
  const api = await openMatch(5);
  const changes = 'subscription { unitStateChanges(where: { blueprint: { eq: "x" } }) { kind } }';
  await expect(api.as('game-server').subscribe(changes)).rejects.toMatchObject({
    message: expect.stringMatching(/give sessionId and unitId.*or declare an index/),
  });
});

test('a page is bounded at both ends', async () => {
  const server = (await openMatch()).as('game-server');
  const list = (first: number) =>
    `{ unitStateList(where: { sessionId: { eq: "m1" }, ownerId: { eq: 1 } }, first: ${first}) { nodes { unitId } } }`;
  expect((await server.refusal(list(10_001))).code).toBe('LIMIT_EXCEEDED');
  expect((await server.refusal(list(0))).code).toBe('BAD_USER_INPUT');
  expect((await server.data(list(10_000))).unitStateList.nodes).toHaveLength(3);
});

test('a player reads its own rows and none other, by key and by list', async () => {
  const api = await openMatch();
  const player = api.as('player', { claims: { player_id: '2' } });
  const read = (unitId: number) =>
    `{ unitState(key: { sessionId: "m1", unitId: ${unitId} }) { ownerId } }`;
  expect(await player.data(read(4))).toEqual({ unitState: { ownerId: 2 } });
  expect(await player.data(read(3))).toEqual({ unitState: null });
  const { unitStateList } = await player.data(
    '{ unitStateList(where: { or: [{ ownerId: { eq: 1 } }, { health: { gte: 40 } }] }) { nodes { unitId } } }',
  );
  expect(unitStateList.nodes).toEqual([{ unitId: 4 }, { unitId: 6 }]);
});

test('a player whose token lacks the claim, or has one that is no owner, is refused', async () => {
  const api = await openMatch();
  for (const claims of [{}, { player_id: null }, { player_id: 'admin' }, { player_id: [1, 2] }]) {
    const refused = await api
      .as('player', { claims })
      .refusal('{ unitStateList { nodes { unitId } } }');
    expect(refused).toMatchObject({ code: 'FORBIDDEN', details: { claim: 'player_id' } });
  }
});

test('a read waits for the position its client has seen', async () => {
  const api = await openMatch();
  const reader = api.as('game-server', { readAfter: asLsn(3) });
  const read = reader.data('{ unitState(key: { sessionId: "m1", unitId: 8 }) { ownerId } }');
  await api
    .as('game-server')
    .data('mutation ($input: CommitTickInput!) { commitTick(input: $input) { position } }', {
      input: {
        sessionId: 'm1',
        tick: 2,
        effects: [{ unitState: { insert: { unitId: 8, ownerId: 5 } } }],
      },
    });
  expect(await read).toEqual({ unitState: { ownerId: 5 } });
});

test('the report states position, class and rows read', async () => {
  const server = (await openMatch()).as('game-server');
  const { report } = await server.run(
    '{ unitStateList(where: { sessionId: { eq: "m1" }, ownerId: { eq: 1 } }, first: 2) { nodes { unitId } } }',
  );
  expect(report).toMatchObject({ position: '0:2', class: 'GAMEPLAY' });
  expect(report.rowsRead).toBeGreaterThanOrEqual(2);
});

test('a list of the log comes from the column store, within the bounds of its class', async () => {
  const api = await openMatch();
  api.columns.rows = [
    { sessionId: 'm1', tick: 1, playerId: 4_000_000_000, kind: 'MOVE', conflict: null },
  ];
  const { result, report } = await api.as('analyst').run(`{
    actionLogList(
      where: { playerId: { in: [1, 2] }, accepted: { eq: true } }
      orderBy: [{ column: tick, direction: DESC }]
      first: 5, after: "x", minPosition: "0:2"
    ) { nodes { tick playerId kind conflict } edges { cursor } coveredPosition pageInfo { hasNextPage } }
  }`);
  expect(result.errors).toBeUndefined();
  expect(result.data?.actionLogList).toEqual({
    // A u32 beyond GraphQL's Int, as only Arrow can write it, does not spoil the answer.
    nodes: [{ tick: 1, playerId: 4_000_000_000, kind: 'MOVE', conflict: null }],
    edges: [{ cursor: 'c0' }],
    coveredPosition: '0:2',
    pageInfo: { hasNextPage: false },
  });
  expect(api.columns.awaited).toEqual([2]);
  expect(api.columns.lists[0]).toMatchObject({
    table: 'actionLog',
    where: {
      kind: 'and',
      all: [
        { kind: 'compare', column: 'accepted', op: 'eq', value: true },
        { kind: 'in', column: 'playerId', values: [1, 2] },
      ],
    },
    orderBy: [{ column: 'tick', direction: 'DESC' }],
    first: 5,
    after: 'x',
    bounds: { timeoutMs: 60_000, memoryBytesMax: 2 * 1024 ** 3 },
  });
  expect(report).toMatchObject({ rowsRead: 10, bytesRead: 100, memoryPeakBytes: 1000 });
});

test('a position that is not reached in time answers NOT_CAUGHT_UP', async () => {
  const api = await openMatch();
  const refused = await api
    .as('analyst')
    .refusal('{ actionLogList(minPosition: "0:9999") { coveredPosition } }');
  expect(refused).toMatchObject({ code: 'NOT_CAUGHT_UP', retryable: true, retryAfterMs: 100 });
});
