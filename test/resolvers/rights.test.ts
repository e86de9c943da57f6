import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  isScalarType,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import { testTicket } from '../ticket.ts';
import { openTitleApi, type TitleApi } from './title-api.ts';

/** A literal that fits a type: required members alone. */
function sample(type: GraphQLInputType): string {
  if (isNonNullType(type)) return sample(type.ofType);
  if (isListType(type)) return '[]';
  if (isEnumType(type)) return type.getValues()[0]?.name ?? '';
  if (isScalarType(type)) {
    return { Int: '1', Float: '1.5', Boolean: 'true', JSON: '{}' }[type.name] ?? '"x"';
  }
  if (!isInputObjectType(type)) throw new Error(`no sample of ${String(type)}`);
  const members = Object.values(type.getFields()).filter(
    (field) => isNonNullType(field.type) && field.defaultValue === undefined,
  );
  return `{ ${members.map((field) => `${field.name}: ${sample(field.type)}`).join(', ')} }`;
}

function callOf(field: GraphQLField<unknown, unknown>): string {
  const isRequired = (arg: GraphQLArgument) => isNonNullType(arg.type);
  const args = field.args.filter(isRequired).map((arg) => `${arg.name}: ${sample(arg.type)}`);
  const selection = isObjectType(getNamedType(field.type)) ? ' { __typename }' : '';
  return `${field.name}${args.length === 0 ? '' : `(${args.join(', ')})`}${selection}`;
}

interface RootField {
  readonly name: string;
  readonly kind: 'query' | 'mutation' | 'subscription';
  readonly operation: string;
}

function rootFields(api: TitleApi): RootField[] {
  const roots = [
    ['query', api.schema.getQueryType()],
    ['mutation', api.schema.getMutationType()],
    ['subscription', api.schema.getSubscriptionType()],
  ] as const;
  return roots.flatMap(([kind, type]) =>
    Object.values(type?.getFields() ?? {}).map((field) => ({
      name: field.name,
      kind,
      operation: `${kind} { ${callOf(field)} }`,
    })),
  );
}

/** Whether the role gets past authorisation; what comes then may fail in any other way. */
async function mayAsk(api: TitleApi, role: string | null, field: RootField): Promise<boolean> {
  const caller = api.as(role, { claims: { player_id: 1 } });
  if (field.kind === 'subscription') {
    try {
      const frames = await caller.subscribe(field.operation);
      await frames.return?.();
      return true;
    } catch (error) {
      return !isForbidden(error);
    }
  }
  const { result } = await caller.run(field.operation);
  return !(result.errors ?? []).some(isForbidden);
}

function isForbidden(error: unknown): boolean {
  const original = (error as { originalError?: { code?: string } }).originalError;
  return original?.code === 'FORBIDDEN';
}

async function rightsOf(role: string | null): Promise<string[]> {
  const api = await openTitleApi();
  const allowed: string[] = [];
  for (const field of rootFields(api)) {
    if (await mayAsk(api, role, field)) allowed.push(field.name);
  }
  return allowed.sort();
}

const lists = ['actionLogList', 'matchMetricsList', 'resourceLedgerList', 'stateSnapshotList'];
const groups = [
  'actionLogGroups',
  'matchMetricsGroups',
  'playerProfileGroups',
  'playerWalletGroups',
  'resourceLedgerGroups',
  'stateSnapshotGroups',
  'unitStateGroups',
];
const views = [
  'busiestPlayers',
  'matchPulse',
  'orderMix',
  'playerActivity',
  'playerTotals',
  'resourceBalance',
];

describe('the root fields a role of ashfall gets an answer from', () => {
  test('none without a role, and for an administrator of the title none of its data', async () => {
    expect(await rightsOf(null)).toEqual([]);
    // It is told of rules, which it manages, and of no row.
    expect(await rightsOf('admin')).toEqual(['explainAccess']);
  });

  test('a player reads and follows its units', async () => {
    expect(await rightsOf('player')).toEqual(['unitState', 'unitStateChanges', 'unitStateList']);
  });

  test('a game server runs sessions, writes, and reads rows', async () => {
    expect(await rightsOf('game-server')).toEqual(
      [
        ...lists,
        ...['playerProfile', 'playerWallet', 'unitState'].flatMap((table) => [
          table,
          `${table}List`,
          `${table}Changes`,
          `compareAndSet${table.charAt(0).toUpperCase()}${table.slice(1)}`,
        ]),
        'commitTick',
        'openSession',
        'closeSession',
        'session',
        'sessions',
      ].sort(),
    );
  });

  test('live operations see views, aggregates, contention and the audit log, and kill queries', async () => {
    expect(await rightsOf('liveops')).toEqual(
      [
        ...groups,
        ...views,
        ...views.map((view) => `${view}Changes`),
        'auditLog',
        'contention',
        'endSubscription',
        'insights',
        'killQuery',
        'liveSubscriptions',
        'operations',
        'runningQueries',
        'session',
        'sessions',
        'slowQueries',
      ].sort(),
    );
  });

  test('an analyst has aggregates, SQL, exports and the log', async () => {
    expect(await rightsOf('analyst')).toEqual(
      [...lists, ...groups, 'createExport', 'export', 'session', 'sessions', 'sql'].sort(),
    );
  });
});

test('a refusal names what is missing and is audited', async () => {
  const api = await openTitleApi();
  const refused = await api
    .as('analyst', { subject: 'ann' })
    .refusal('{ unitStateList { position } }');
  expect(refused).toMatchObject({
    code: 'FORBIDDEN',
    category: 'auth',
    retryable: false,
    message: 'the role "analyst" lacks "read" on the table "unitState"',
    details: { table: 'unitState', right: 'read' },
  });
  expect(api.audit).toEqual([
    {
      action: 'access.denied',
      outcome: 'refused',
      subject: 'ann',
      role: 'analyst',
      requestId: 'r1',
      queryClass: 'ARCHIVAL',
      code: 'FORBIDDEN',
      table: 'unitState',
      details: { table: 'unitState', right: 'read' },
    },
  ]);
});

test('a tick is refused whole for one table its role may not write', async () => {
  const api = await openTitleApi();
  const server = api.as('game-server');
  await server.data('mutation { openSession(input: { sessionId: "m1" }) { fence } }');
  const role = api.catalog.roles.get('game-server');
  if (!role) throw new Error('no such role');
  const referee = {
    ...role,
    name: 'referee',
    tables: role.tables.map((grant) =>
      grant.table === 'playerProfile' ? { ...grant, write: false } : grant,
    ),
  };
  (api.catalog.roles as Map<string, typeof referee>).set('referee', referee);
  const refused = await api.as('referee').refusal(`mutation {
    commitTick(input: { sessionId: "m1", tick: 1, effects: [
      { resourceLedger: { append: { playerId: 1, resource: MASS, amount: 1 } } }
      { playerProfile: { delete: { key: { playerId: 1 } } } }
    ] }) { position }
  }`);
  expect(refused).toMatchObject({ code: 'FORBIDDEN', details: { table: 'playerProfile' } });
  expect(api.engine.session(testTicket, 'm1')?.lastTick).toBe(null);
});

test('SQL of a role is handed over with what the role sees; what it names beside that is refused', async () => {
  const api = await openTitleApi();
  const analyst = api.catalog.roles.get('analyst');
  if (!analyst) throw new Error('no such role');
  const half = { ...analyst, tables: analyst.tables.filter((t) => t.table !== 'playerWallet') };
  (api.catalog.roles as Map<string, typeof half>).set('analyst', half);
  for (const name of ['playerWallet', 'playerWallet_history', '`playerWallet`']) {
    for (const operation of [
      `{ sql(query: "SELECT 1 FROM ${name}") { rows } }`,
      `mutation { createExport(input: { sql: "SELECT 1 FROM ${name}" }) { id } }`,
    ]) {
      expect(await api.as('analyst').refusal(operation)).toMatchObject({
        code: 'FORBIDDEN',
        details: { table: 'playerWallet' },
      });
    }
  }
  expect(api.columns.queries).toEqual([]);
  await api.as('analyst').data('{ sql(query: "SELECT 1") { rows } }');
  const seen = api.columns.queries[0]?.seen as readonly { readonly table: string }[];
  expect(seen.map(({ table }) => table)).toEqual(half.tables.map(({ table }) => table));
});

test('a row filter holds for groups and exports, whatever where says', async () => {
  const api = await openTitleApi();
  const analyst = api.catalog.roles.get('analyst');
  if (!analyst) throw new Error('no such role');
  const coach = {
    ...analyst,
    tables: [
      {
        table: 'actionLog',
        read: false,
        aggregate: true,
        write: false,
        rowFilter: { column: 'playerId', claim: 'player_id' },
      },
    ],
  };
  (api.catalog.roles as Map<string, typeof coach>).set('analyst', coach);
  const caller = api.as('analyst', { claims: { player_id: 7 } });
  const own = { kind: 'compare', column: 'playerId', op: 'eq', value: 7 };
  const asked = { kind: 'compare', column: 'playerId', op: 'eq', value: 8 };
  await caller.data('{ actionLogGroups { nodes { count } } }');
  expect(api.columns.grouped[0]?.where).toEqual(own);
  await caller.data('{ actionLogGroups(where: { playerId: { eq: 8 } }) { nodes { count } } }');
  expect(api.columns.grouped[1]?.where).toEqual({ kind: 'and', all: [own, asked] });
  await caller.data(
    'mutation ($where: JSON) { createExport(input: { table: "actionLog", where: $where }) { id } }',
    { where: { playerId: { eq: 8 } } },
  );
  expect(api.exports.created[0]?.source).toMatchObject({
    where: { kind: 'and', all: [own, asked] },
  });
});

test('who may write a row but not read it swaps without seeing it', async () => {
  const api = await openTitleApi();
  const server = api.as('game-server');
  await server.data('mutation { openSession(input: { sessionId: "m1" }) { fence } }');
  await server.data(`mutation {
    commitTick(input: { sessionId: "m1", tick: 1, effects: [
      { unitState: { insert: { unitId: 1, ownerId: 1 } } }
    ] }) { tick }
  }`);
  const role = api.catalog.roles.get('game-server');
  if (!role) throw new Error('no such role');
  const blind = { ...role, tables: role.tables.map((grant) => ({ ...grant, read: false })) };
  (api.catalog.roles as Map<string, typeof blind>).set('game-server', blind);
  const { compareAndSetUnitState } = await server.data(`mutation {
    compareAndSetUnitState(
      input: { key: { sessionId: "m1", unitId: 1 }, expectedVersion: 1, set: { ownerId: 2 } }
    ) { applied row { ownerId } }
  }`);
  expect(compareAndSetUnitState).toEqual({ applied: true, row: null });
});
