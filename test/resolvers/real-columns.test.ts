import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openEngine } from '../../engine/title/open-engine.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { FakeColumnStore } from './fake-column-store.ts';
import { TitleApi } from './title-api.ts';

/** The whole engine, ClickHouse included, below the API: what the fake store cannot tell. */
let api: TitleApi;
let directory: string;
let committed: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tickloom-api-'));
  const engine = await openEngine({
    manifest: ashfall,
    directory,
    durability: { mode: 'none' },
    columns: 'embedded',
  });
  api = new TitleApi(engine, new FakeColumnStore());
  const server = api.as('game-server');
  await server.data('mutation { openSession(input: { sessionId: "m1" }) { fence } }');
  for (let tick = 1; tick <= 4; tick++) {
    const { commitTick } = await server.data(
      'mutation ($input: CommitTickInput!) { commitTick(input: $input) { position } }',
      { input: { sessionId: 'm1', tick, actions: actionsOf(tick) } },
    );
    committed = commitTick.position;
  }
});

afterAll(async () => {
  await api?.engine.close();
  await rm(directory, { recursive: true, force: true });
});

/** Each tick: three moves of player 1 and an attack of player 2 on a unit that is not there. */
function actionsOf(tick: number): object[] {
  const moves = [0, 1, 2].map((i) => ({
    actionId: `t${tick}-${i}`,
    playerId: 1,
    kind: 'MOVE',
    unitIds: [i, tick],
    x: tick + i / 2,
    payload: { i },
    effects: [
      { unitState: { upsert: { key: { unitId: i }, set: { ownerId: 1, health: tick * 10 } } } },
      { resourceLedger: { append: { playerId: 1, resource: 'MASS', amount: -0.25 } } },
    ],
  }));
  const attack = {
    actionId: `t${tick}-3`,
    playerId: 2,
    kind: 'ATTACK',
    unitIds: [],
    effects: [{ unitState: { adjust: { key: { unitId: 99 }, add: { health: -1 } } } }],
  };
  return [...moves, attack];
}

test('groups see every tick up to the position demanded', async () => {
  const { actionLogGroups } = await api.as('liveops').data(
    `query ($min: Position) {
      actionLogGroups(
        by: [kind, accepted, conflict], tickBucket: 2, minPosition: $min
        orderBy: [{ column: kind }, { column: tickBucket }]
      ) {
        coveredPosition
        nodes {
          key { kind accepted conflict tickBucket }
          count
          countDistinct { actionId }
          sum { tick }
          avg { x }
          min { x, committedAt }
          max { actionId }
          quantile(q: 1) { x }
        }
      }
    }`,
    { min: committed },
  );
  expect(actionLogGroups.coveredPosition).toBe(committed);
  const moves = actionLogGroups.nodes.filter(
    (group: { key: { kind: string } }) => group.key.kind === 'MOVE',
  );
  expect(moves).toEqual([
    expect.objectContaining({
      key: { kind: 'MOVE', accepted: true, conflict: null, tickBucket: 0 },
      count: 3,
      avg: { x: 1.5 },
    }),
    expect.objectContaining({
      key: { kind: 'MOVE', accepted: true, conflict: null, tickBucket: 2 },
      count: 6,
      countDistinct: { actionId: 6 },
      sum: { tick: 15 },
      avg: { x: 3 },
      min: { x: 2, committedAt: expect.stringMatching(/Z$/) },
      max: { actionId: 't3-2' },
      quantile: { x: 4 },
    }),
    expect.objectContaining({ count: 3, min: { x: 4, committedAt: expect.any(String) } }),
  ]);
  const attacks = actionLogGroups.nodes.slice(0, 3);
  expect(attacks[1]).toMatchObject({
    key: { kind: 'ATTACK', accepted: false, conflict: 'ROW_NOT_FOUND', tickBucket: 2 },
    count: 2,
    avg: { x: null },
  });
});

test('groups of a state table are of the rows as they are', async () => {
  const { unitStateGroups } = await api.as('liveops').data(
    `query ($min: Position) {
      unitStateGroups(by: [ownerId], minPosition: $min) { nodes { key { ownerId } count avg { health } } }
    }`,
    { min: committed },
  );
  expect(unitStateGroups.nodes).toEqual([{ key: { ownerId: 1 }, count: 3, avg: { health: 40 } }]);
});

test('the log is listed page by page', async () => {
  const page = `query ($min: Position, $after: String) {
    actionLogList(
      where: { accepted: { eq: true }, tick: { gte: 2 } }
      orderBy: [{ column: tick, direction: DESC }]
      first: 4, after: $after, minPosition: $min
    ) {
      nodes { actionId unitIds payload position tick seq conflict }
      edges { cursor }
      pageInfo { hasNextPage endCursor }
    }
  }`;
  const analyst = api.as('analyst');
  const first = (await analyst.data(page, { min: committed })).actionLogList;
  expect(first.nodes[0]).toEqual({
    actionId: 't4-0',
    unitIds: [0, 4],
    payload: { i: 0 },
    position: committed,
    tick: 4,
    seq: 0,
    conflict: null,
  });
  expect(first.edges[3].cursor).toBe(first.pageInfo.endCursor);
  const second = (await analyst.data(page, { after: first.edges[2].cursor })).actionLogList;
  expect(second.nodes.map((row: { actionId: string }) => row.actionId)).toEqual([
    't3-0',
    't3-1',
    't3-2',
    't2-0',
  ]);
  expect(second.pageInfo.hasNextPage).toBe(true);
});

test('SQL answers by the manifest’s names, with parameters', async () => {
  const { result, report } = await api.as('analyst').run(
    `query ($min: Position, $parameters: JSON) {
      sql(
        query: "SELECT playerId, count() AS n FROM actionLog WHERE kind = {kind:String} GROUP BY playerId"
        parameters: $parameters, minPosition: $min
      ) { columns { name } rows truncated coveredPosition }
    }`,
    { min: committed, parameters: { kind: 'MOVE' } },
  );
  expect(result.errors).toBeUndefined();
  expect(result.data?.sql).toMatchObject({
    columns: [{ name: 'playerId' }, { name: 'n' }],
    truncated: false,
    coveredPosition: committed,
  });
  const [[player, count]] = (result.data as { sql: { rows: [unknown, unknown][] } }).sql.rows as [
    [unknown, unknown],
  ];
  expect([player, Number(count)]).toEqual([1, 12]);
  expect(report.rowsRead).toBeGreaterThan(0);
});

test('SQL that is wrong or writes is refused as bad input, and nothing is written', async () => {
  const analyst = api.as('analyst');
  for (const query of [
    'SELECT nothing FROM actionLog',
    'SELEC 1',
    'INSERT INTO actionLog (tick) VALUES (1)',
    'DROP TABLE actionLog',
  ]) {
    const refused = await analyst.refusal('query ($q: String!) { sql(query: $q) { rows } }', {
      q: query,
    });
    expect(refused, query).toMatchObject({ code: 'BAD_USER_INPUT' });
  }
});

test('a query that is killed answers QUERY_KILLED', async () => {
  const long = api
    .as('analyst')
    .refusal(
      '{ sql(query: "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(number)") { rows } }',
    );
  const liveops = api.as('liveops');
  let id: string | undefined;
  while (id === undefined) {
    await new Promise((resolve) => setImmediate(resolve));
    id = (await liveops.data('{ runningQueries { id } }')).runningQueries[0]?.id;
  }
  await liveops.data('mutation ($id: ID!) { killQuery(id: $id) }', { id });
  expect(await long).toMatchObject({ code: 'QUERY_KILLED' });
});
