import { buildClientSchema, buildSchema, getIntrospectionQuery, printSchema } from 'graphql';
import { expect, test } from 'vitest';
import { Catalog } from '../../engine/model/catalog.ts';
import { buildSchema as schemaOf } from '../../schema/build-schema.ts';
import { RoleSchemas } from '../../src/api/graphql/role-schemas.ts';
import { servingLimits } from '../../src/serving-limits.ts';
import { FrameSocket } from '../serve/frame-socket.ts';
import { answerOf, codeOf } from '../serve/sandbox.ts';
import { boundedTitle } from './bounded-title.ts';
import { ask, fieldOf, sandbox, useTwoWorlds } from './two-worlds.ts';

useTwoWorlds();

/** Names that the role does not see: a table and columns, an operation, a type of each. */
const closed =
  /\bsecret\b|\bplace(?:_x|: |")|\bplan: |\b(?:openSession|OrdersWhere|auditLog|UnitsSet)\b/;

test('introspection shows a role what it may use', async () => {
  for (const role of ['player', 'agent']) {
    const answer = await ask('light', role, getIntrospectionQuery({ oneOf: false }));
    const text = printSchema(buildClientSchema(answer.data as never));
    expect(text).toContain('unitsList');
    expect(text).not.toMatch(closed);
    const type = await ask(
      'light',
      role,
      '{ a: __type(name: "Orders") { name } b: __type(name: "Units") { fields { name } } }',
    );
    expect(JSON.stringify(type.data)).not.toMatch(closed);
    expect(type.data?.a).toBe(null);
  }
  const whole = await ask('light', 'simulator', getIntrospectionQuery());
  expect(JSON.stringify(whole.data)).toMatch(closed);
});

test('introspection beside rows is of the role too, and the rows are answered', async () => {
  const query =
    '{ __schema { queryType { fields { name } } } unitsList(where: { sessionId: { eq: "match" }, ownerId: { eq: 1 } }) { nodes { unitId } } }';
  const answer = await ask('light', 'player', query);
  expect(codeOf(answer)).toBe('OK');
  expect(JSON.stringify(answer.data)).not.toMatch(/sql|auditLog/);
  expect(fieldOf<{ nodes: unknown[] }>(answer, 'unitsList').nodes).toHaveLength(4);
});

test('schema.graphql is what the role may use, with a validator of its own', async () => {
  const get = async (role: string, headers: Record<string, string> = {}) => {
    const token = await sandbox.token(role, { title: 'light', player_id: '1' });
    return fetch(`${sandbox.url}/light/schema.graphql`, {
      headers: { authorization: `Bearer ${token}`, ...headers },
    });
  };
  const [player, simulator] = await Promise.all(['player', 'simulator'].map((role) => get(role)));
  const text = (await player?.text()) ?? '';
  expect(buildSchema(text).getQueryType()).toBeDefined();
  expect(text).not.toMatch(closed);
  expect(await simulator?.text()).toMatch(closed);
  const etag = player?.headers.get('etag') ?? '';
  expect(simulator?.headers.get('etag')).not.toBe(etag);
  expect((await get('player', { 'if-none-match': etag })).status).toBe(304);
  expect((await get('simulator', { 'if-none-match': etag })).status).toBe(200);
});

test('who has no role is shown nothing', async () => {
  const token = await sandbox.token('stranger', { title: 'light' }).catch(() => null);
  if (token === null) return;
  const response = await fetch(`${sandbox.url}/light/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query: getIntrospectionQuery() }),
  });
  expect(codeOf(await answerOf(response))).toBe('FORBIDDEN');
});

/** Documents and variables a letter away from what the role does not see. */
const slips: [string, string, Record<string, unknown>?][] = [
  ['a column', '{ unitsList { nodes { secre } } }'],
  ['a part of one', '{ unitsList { nodes { plac { x } } } }'],
  ['a root field', '{ auditLo { nodes { subject } } }'],
  ['a mutation', 'mutation { openSessio(input: { sessionId: "a" }) { fence } }'],
  ['an argument', '{ unitsList(wher: { secret: { eq: "a" } }) { nodes { unitId } } }'],
  ['a condition', '{ unitsList(where: { secre: { eq: "a" } }) { nodes { unitId } } }'],
  ['an order', '{ unitsList(orderBy: [{ column: secre }]) { nodes { unitId } } }'],
  ['a part in an order', '{ unitsList(orderBy: [{ column: place_ }]) { nodes { unitId } } }'],
  ['a type', 'query ($w: OrderWhere) { unitsList(where: $w) { nodes { unitId } } }'],
  ['a fragment', '{ unitsList { nodes { ... on Order { playerId } } } }'],
  [
    'a row to insert',
    'mutation { commitTick(input: { sessionId: "a", tick: 1, effects: [{ units: { insert: {} } }] }) { position } }',
  ],
  [
    'a condition in a variable',
    'query ($w: UnitsWhere) { unitsList(where: $w) { nodes { unitId } } }',
    { w: { secre: { eq: 'a' } } },
  ],
  [
    'an order in a variable',
    'query ($o: [UnitsOrder!]) { unitsList(orderBy: $o) { nodes { unitId } } }',
    { o: [{ column: 'secre' }] },
  ],
  [
    'an effect in a variable',
    'mutation ($i: CommitTickInput!) { commitTick(input: $i) { position } }',
    { i: { sessionId: 'a', tick: 1, effects: [{ units: { insert: {} } }] } },
  ],
];

test.each(slips)(
  'no error suggests what a role does not see: %s',
  async (_what, query, variables) => {
    for (const role of ['player', 'agent']) {
      const answer = await ask('light', role, query, variables);
      const messages = JSON.stringify(answer.errors).replaceAll(/\bsecret: \{/g, '');
      expect(codeOf(answer)).not.toBe('OK');
      expect(messages).not.toMatch(
        /Did you mean[^?]*(?:secret|place|plan|openSession|auditLog|Orders)/,
      );
      expect(messages).not.toMatch(/required type|was not provided/);
    }
    // Whoever sees it is helped.
    const helped = await ask('light', 'simulator', query, variables);
    expect(codeOf(helped)).not.toBe('OK');
  },
);

test('nor over a WebSocket', async () => {
  const authorization = `Bearer ${await sandbox.token('player', { title: 'light', player_id: '1' })}`;
  const socket = await FrameSocket.connect(sandbox.url, { authorization }, {}, 'light');
  const queries = [
    '{ unitsList { nodes { secre } } }',
    'subscription { unitsChanges { rows { secre } } }',
    'subscription ($w: UnitsWhere) { unitsChanges(where: $w) { kind } }',
    '{ __type(name: "Units") { fields { name } } }',
  ];
  for (const [i, query] of queries.entries()) {
    const id = String(i);
    socket.send({
      id,
      type: 'subscribe',
      payload: { query, variables: { w: { secre: { eq: 'a' } } } },
    });
    const message = await socket.receive((one) => one.id === id && one.type !== 'complete');
    expect(JSON.stringify(message)).not.toMatch(/Did you mean[^?]*secret|"secret"/);
  }
  socket.close();
});

test('so many parts of a schema are kept (roleSchemasMax)', () => {
  const catalog = new Catalog(boundedTitle('arena'));
  const roles = new RoleSchemas(schemaOf(catalog), catalog);
  const player = catalog.roles.get('player');
  if (player === undefined) throw new Error('no player');
  const first = roles.of(player);
  expect(roles.of({ ...player, name: 'another', limits: {} })).toBe(first);
  const views = (i: number) => ({ ...player, tables: [], views: [`v${i}`] });
  for (let i = 0; i < servingLimits.roleSchemasMax - 1; i++) roles.of(views(i));
  expect(roles.of(player)).toBe(first);
  for (let i = 0; i < servingLimits.roleSchemasMax; i++) roles.of(views(i));
  expect(roles.of(player)).not.toBe(first);
});
