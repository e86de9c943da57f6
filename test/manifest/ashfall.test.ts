import { describe, expect, test } from 'vitest';
import { viewColumns } from '../../engine/manifest/view-columns.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import type { ColumnDefinition, RoleDefinition, TableGrant } from '../../engine/model/types.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';

const catalog = new Catalog(ashfall);

/** `playerId u32`, `targetUnitId u32?`, `unitIds u32[]`, as the contract writes columns. */
function written(column: ColumnDefinition): string {
  const values = column.kind === 'enum' && column.values.length < 5 ? `(${column.values})` : '';
  return `${column.name} ${column.kind}${values}${column.list ? '[]' : ''}${column.optional ? '?' : ''}`;
}

function role(name: string): RoleDefinition {
  const found = catalog.roles.get(name);
  if (!found) throw new Error(`no role ${name}`);
  return found;
}

describe('the tables of ashfall are those of the contract', () => {
  test.each<[string, string, string[], string[]]>([
    [
      'actionLog',
      'action',
      [],
      [
        'playerId u32',
        'kind enum',
        'unitIds u32[]',
        'targetUnitId u32?',
        'x f32?',
        'y f32?',
        'payload json?',
      ],
    ],
    [
      'unitState',
      'state',
      ['sessionId', 'unitId'],
      [
        'sessionId string',
        'unitId u32',
        'ownerId u32',
        'blueprint string?',
        'orderKind string?',
        'x f32?',
        'y f32?',
        'targetUnitId u32?',
        'health f32?',
      ],
    ],
    [
      'playerWallet',
      'state',
      ['sessionId', 'playerId', 'resource'],
      ['sessionId string', 'playerId u32', 'resource enum(MASS,ENERGY)', 'balance f64'],
    ],
    [
      'playerProfile',
      'state',
      ['playerId'],
      ['playerId u32', 'rating f64', 'matchesPlayed u32', 'suspended bool'],
    ],
    [
      'resourceLedger',
      'event',
      [],
      ['playerId u32', 'resource enum(MASS,ENERGY)', 'amount f64', 'reason string?'],
    ],
    ['stateSnapshot', 'event', [], ['source string', 'checksum string', 'data json?']],
    ['matchMetrics', 'event', [], ['name string', 'value f64']],
  ])('%s', (name, kind, key, columns) => {
    const table = catalog.table(name);
    expect(table.kind).toBe(kind);
    expect(table.key).toEqual(key);
    expect(table.columns.map(written)).toEqual(columns);
  });

  test('and no others', () => {
    expect(ashfall.tables).toHaveLength(7);
  });

  test('with the one index on owners', () => {
    const indexes = ashfall.tables.flatMap((table) => table.indexes);
    expect(indexes).toEqual([{ name: 'byOwner', columns: ['sessionId', 'ownerId'] }]);
  });

  test('and one table of the whole title', () => {
    expect(
      ashfall.tables
        .filter(({ kind, key }) => kind === 'state' && !key.includes('sessionId'))
        .map((table) => table.name),
    ).toEqual(['playerProfile']);
  });

  test('and kinds of actions in the order of the order types’ numbers', () => {
    const kinds = catalog.column(catalog.actionTable, 'kind').values;
    expect(kinds).toHaveLength(45);
    expect([0, 2, 8, 10, 31, 39].map((number) => kinds[number])).toEqual([
      'NONE',
      'MOVE',
      'BUILD_MOBILE',
      'ATTACK',
      'DESTROY_SELF',
      'DOCK',
    ]);
    expect(kinds.slice(40)).toEqual(['TOGGLE', 'RETARGET', 'COUNT', 'DEQUEUE', 'CALLBACK']);
  });
});

describe('the views of ashfall are those of the contract', () => {
  test.each<[string, string[], string[]]>([
    ['matchPulse', ['sessionId'], ['actions', 'accepted', 'rejected', 'lastTick', 'players']],
    [
      'playerActivity',
      ['sessionId', 'playerId', 'tickWindow'],
      ['actions', 'orders', 'unitsCommanded'],
    ],
    ['orderMix', ['sessionId', 'kind'], ['count']],
    ['resourceBalance', ['sessionId', 'playerId', 'resource'], ['balance']],
    ['busiestPlayers', ['sessionId', 'playerId'], ['actions']],
  ])('%s', (name, key, values) => {
    const view = catalog.views.get(name);
    if (!view) throw new Error(`no view ${name}`);
    const columns = viewColumns(ashfall, view);
    expect(columns.key.map((column) => column.name)).toEqual(key);
    expect(columns.values.map((column) => column.name)).toEqual(values);
  });

  test('busiestPlayers keeps ten players of each session', () => {
    expect(catalog.views.get('busiestPlayers')).toMatchObject({
      partitionBy: ['sessionId'],
      orderBy: 'actions',
      limit: 10,
    });
  });

  test('orders leave out exactly the kinds that are no order type', () => {
    const activity = catalog.views.get('playerActivity');
    expect(activity).toMatchObject({
      tickWindow: 600,
      columns: expect.arrayContaining([
        {
          name: 'orders',
          aggregate: {
            op: 'count',
            where: {
              not: { kind: { in: catalog.column(catalog.actionTable, 'kind').values.slice(40) } },
            },
          },
        },
      ]),
    });
  });
});

describe('the roles of ashfall have the rights of the contract and no others', () => {
  const allTables = ashfall.tables.map((table) => table.name);
  const tablesWith = (name: string, right: 'read' | 'aggregate' | 'write') =>
    role(name)
      .tables.filter((grant: TableGrant) => grant[right])
      .map((grant) => grant.table)
      .sort();

  test.each<
    [
      string,
      {
        class: string;
        capabilities: string[];
        read: string[];
        aggregate: string[];
        write: string[];
        views: string[];
      },
    ]
  >([
    [
      'game-server',
      {
        class: 'GAMEPLAY',
        capabilities: ['session', 'commit'],
        read: allTables,
        aggregate: [],
        write: allTables,
        views: [],
      },
    ],
    [
      'liveops',
      {
        class: 'OPERATOR',
        capabilities: ['explain', 'kill', 'audit'],
        read: [],
        aggregate: allTables,
        write: [],
        views: ashfall.views.map((view) => view.name),
      },
    ],
    [
      'analyst',
      {
        class: 'ARCHIVAL',
        capabilities: ['sql', 'export'],
        read: ['actionLog', 'resourceLedger', 'stateSnapshot', 'matchMetrics'],
        aggregate: allTables,
        write: [],
        views: [],
      },
    ],
    [
      'player',
      {
        class: 'OPERATOR',
        capabilities: [],
        read: ['unitState'],
        aggregate: [],
        write: [],
        views: [],
      },
    ],
    [
      'admin',
      {
        class: 'OPERATOR',
        capabilities: ['manifest', 'roles', 'backup'],
        read: [],
        aggregate: [],
        write: [],
        views: [],
      },
    ],
  ])('%s', (name, rights) => {
    expect({
      class: role(name).class,
      capabilities: role(name).capabilities,
      read: tablesWith(name, 'read'),
      aggregate: tablesWith(name, 'aggregate'),
      write: tablesWith(name, 'write'),
      views: role(name).views,
    }).toEqual({
      ...rights,
      read: [...rights.read].sort(),
      aggregate: [...rights.aggregate].sort(),
      write: [...rights.write].sort(),
    });
  });

  test('and there are five of them', () => {
    expect([...catalog.roles.keys()]).toEqual([
      'game-server',
      'liveops',
      'analyst',
      'player',
      'admin',
    ]);
  });

  test('a player sees units of its own only', () => {
    const filtered = ashfall.roles.flatMap((each) =>
      each.tables.filter((grant) => grant.rowFilter).map((grant) => [each.name, grant.rowFilter]),
    );
    expect(filtered).toEqual([['player', { column: 'ownerId', claim: 'player_id' }]]);
  });
});
