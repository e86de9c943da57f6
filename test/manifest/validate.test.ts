import { describe, expect, test } from 'vitest';
import { validateManifest } from '../../engine/manifest/validate.ts';
import { limits } from '../../engine/model/limits.ts';
import type { TitleManifest } from '../../engine/model/types.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { problemsOf } from './problems-of.ts';

/** Any member may be changed into anything. */
type Draft = { [member: string]: unknown };

function draft(): Draft {
  return JSON.parse(JSON.stringify(small)) as Draft;
}

const column = (name: string, kind: string, more: Draft = {}) => ({
  name,
  kind,
  optional: false,
  list: false,
  values: [],
  ...more,
});

const small: TitleManifest = validateManifest({
  format: 1,
  title: 'small',
  version: 1,
  tables: [
    {
      name: 'orders',
      kind: 'action',
      columns: [
        column('player', 'u32'),
        column('kind', 'enum', { values: ['GO', 'STOP'] }),
        column('units', 'u32', { list: true }),
      ],
      key: [],
      indexes: [],
    },
    {
      name: 'unit',
      kind: 'state',
      columns: [column('sessionId', 'string'), column('id', 'u32'), column('owner', 'u32')],
      key: ['sessionId', 'id'],
      indexes: [{ name: 'byOwner', columns: ['sessionId', 'owner'] }],
    },
  ],
  views: [
    {
      name: 'totals',
      kind: 'group',
      from: 'orders',
      groupBy: ['sessionId', 'player'],
      tickWindow: null,
      columns: [{ name: 'rows', aggregate: { op: 'count' } }],
    },
    {
      name: 'busiest',
      kind: 'top',
      from: 'totals',
      partitionBy: ['sessionId'],
      orderBy: 'rows',
      limit: 10,
    },
  ],
  roles: [
    {
      name: 'owner',
      class: 'OPERATOR',
      capabilities: ['explain'],
      tables: [
        {
          table: 'unit',
          read: true,
          aggregate: false,
          write: false,
          rowFilter: { column: 'owner', claim: 'player_id' },
        },
      ],
      views: ['totals'],
    },
  ],
});

/** The problems of the small manifest with the value at a path replaced (or, by undefined, removed). */
function problemsWith(path: string, value: unknown): string[] {
  return problemsOf(() => validateManifest(changed(path, value)));
}

function changed(path: string, value: unknown): Draft {
  const manifest = draft();
  const steps = path.split('.');
  const last = steps.pop() ?? '';
  let at = manifest;
  for (const step of steps) at = at[step] as Draft;
  at[last] = value;
  return manifest;
}

/** A view of the live units in place of `totals`. */
const unitView = {
  name: 'totals',
  kind: 'group',
  from: 'unit',
  groupBy: ['sessionId', 'owner'],
  tickWindow: null,
  columns: [{ name: 'rows', aggregate: { op: 'count' } }],
};
const orders = 'tables.0';
const unit = 'tables.1';
const totals = 'views.0';
const busiest = 'views.1';
const owner = 'roles.0';

describe('a valid manifest', () => {
  test('may group the live rows of a state table', () => {
    const busiestOwners = { ...small.views[1], partitionBy: [] };
    const manifest = { ...changed('views.0', unitView), views: [unitView, busiestOwners] };
    expect(validateManifest(manifest).views[0]).toEqual(unitView);
  });

  test('is returned as an equal copy', () => {
    const copy = validateManifest(small);
    expect(copy).toEqual(small);
    expect(copy).not.toBe(small);
  });

  test('of the reference title stays as it is', () => {
    expect(validateManifest(ashfall)).toEqual(ashfall);
  });
});

describe('a problem is told with its place and its mend', () => {
  test.each<[string, string, unknown, string[]]>([
    // The whole
    [
      'a title with capitals',
      'title',
      'Small',
      [
        'title: a title begins with a small letter and goes on with small letters, digits and dashes, 63 at most',
      ],
    ],
    [
      'a title that is a path of the server',
      'title',
      'metrics',
      ['title: "metrics" is a path of the server itself; choose another title'],
    ],
    [
      'a version below one',
      'version',
      0,
      [`version: must be an integer from 1 to ${Number.MAX_SAFE_INTEGER}`],
    ],
    [
      'a member that is missing',
      'views',
      undefined,
      [
        'manifest.views: is missing',
        'roles.owner.views: there is no view "totals"; there is none at all',
      ],
    ],
    [
      'a member that nobody knows',
      'tabels',
      [],
      ['manifest.tabels: there is no such member; did you mean "tables"?'],
    ],
    [
      'tables that are no list',
      'tables',
      {},
      [
        'tables: must be a list',
        'tables: a title has one action table, and here is none; add it',
        'views.totals.from: there is no table "orders"; there is none at all',
        'views.busiest.from: there is no group view "totals"; there is none at all',
        'roles.owner.tables[0]: there is no table "unit"; there is none at all',
        'roles.owner.views: there is no view "totals"; known: "busiest"',
      ],
    ],
    // Tables
    [
      'an unknown kind of table',
      `${unit}.kind`,
      'stat',
      [
        'tables.unit.kind: is none of the possible values; did you mean "state"?',
        'roles.owner.tables[0]: there is no table "unit"; known: "orders"',
      ],
    ],
    [
      'a name in snake case',
      `${unit}.columns.2.name`,
      'owner_id',
      expect.arrayContaining([
        'tables.unit.columns.owner_id: a name begins with a small letter and goes on with letters and digits; did you mean "ownerId"?',
      ]),
    ],
    [
      'a name with a capital',
      `${unit}.indexes.0.name`,
      'ByOwner',
      [
        'tables.unit.indexes.ByOwner: a name begins with a small letter and goes on with letters and digits; did you mean "byOwner"?',
      ],
    ],
    [
      'a column with a system name',
      `${orders}.columns.0.name`,
      'accepted',
      expect.arrayContaining([
        'tables.orders.columns.accepted: "accepted" is a system column; choose another name',
      ]),
    ],
    [
      'a column with a name that other tables have from the system',
      `${unit}.columns.2.name`,
      'tick',
      expect.arrayContaining([
        'tables.unit.columns.tick: "tick" is a system column; choose another name',
      ]),
    ],
    [
      'a column that differs from a system name by capital letters alone',
      `${unit}.columns.2.name`,
      'committedat',
      expect.arrayContaining([
        'tables.unit.columns.committedat: "committedat" and the system column "committedAt" differ by capital letters alone; choose another name',
      ]),
    ],
    [
      'a column that joins conditions',
      `${unit}.columns.2.name`,
      'not',
      expect.arrayContaining([
        'tables.unit.columns.not: "not" joins conditions in "where"; choose another name',
      ]),
    ],
    [
      'a column that ClickHouse reads as a number',
      `${unit}.columns.2.name`,
      'inf',
      expect.arrayContaining([
        'tables.unit.columns.inf: "inf" is a number in SQL, where ClickHouse keeps no quotes around it; choose another name',
      ]),
    ],
    [
      'a column that every object has',
      `${unit}.columns.2.name`,
      'constructor',
      expect.arrayContaining([
        'tables.unit.columns.constructor: "constructor" is a property of every JavaScript object; choose another name',
      ]),
    ],
    [
      'a column that stands beside columns in inputs',
      `${orders}.columns.0.name`,
      'effects',
      expect.arrayContaining([
        'tables.orders.columns.effects: "effects" is taken by the effects of an action; choose another name',
      ]),
    ],
    [
      'two columns of one name',
      `${orders}.columns.1`,
      column('player', 'u32'),
      ['tables.orders.columns: "player" stands there twice; rename one'],
    ],
    [
      'two columns that differ by capitals',
      `${orders}.columns.1`,
      column('playeR', 'u32'),
      ['tables.orders.columns: "playeR" and "player" differ by capital letters alone; rename one'],
    ],
    [
      'an unknown type',
      `${orders}.columns.1.kind`,
      'int32',
      [
        'tables.orders.columns.kind.kind: is none of the possible values; known: "bool", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "f32", "f64", "string" and others',
      ],
    ],
    [
      'an enum without values',
      `${orders}.columns.1.values`,
      [],
      ['tables.orders.columns.kind.values: an enum has at least one value; add it'],
    ],
    [
      'an enum with a value twice',
      `${orders}.columns.1.values`,
      ['GO', 'GO'],
      ['tables.orders.columns.kind.values: "GO" stands there twice; leave one'],
    ],
    [
      'an enum with a value that GraphQL cannot name',
      `${orders}.columns.1.values`,
      ['GO', 'half-speed', 'true', '__X'],
      [
        'tables.orders.columns.kind.values[1]: a value is made of letters, digits and "_", does not begin with a digit or "__"',
        'tables.orders.columns.kind.values[2]: true, false and null are no values of an enum in GraphQL',
        'tables.orders.columns.kind.values[3]: a value is made of letters, digits and "_", does not begin with a digit or "__"',
      ],
    ],
    [
      'values of what is no enum',
      `${orders}.columns.0.values`,
      ['GO'],
      [
        'tables.orders.columns.player.values: a u32 column has no values; make it an enum, or drop them',
      ],
    ],
    [
      'a list in a state table',
      `${unit}.columns.2.list`,
      true,
      expect.arrayContaining([
        'tables.unit.columns.owner: lists stand in event and action tables only; use json, or rows of a table',
      ]),
    ],
    [
      'an optional list',
      `${orders}.columns.2.optional`,
      true,
      ['tables.orders.columns.units: a list is not optional, for it may be empty; drop "optional"'],
    ],
    [
      'no action table',
      `${orders}.kind`,
      'event',
      ['tables: a title has one action table, and here is none; add it'],
    ],
    [
      'two action tables',
      'tables.1',
      { ...small.tables[0], name: 'more' },
      expect.arrayContaining([
        'tables.more: a title has one action table, and "orders" is it; make this an event table',
      ]),
    ],
    [
      'a table without columns',
      `${orders}.columns`,
      [],
      expect.arrayContaining(['tables.orders.columns: a table has at least one column; add it']),
    ],
    // Keys and indexes
    [
      'a key that is empty',
      `${unit}.key`,
      [],
      expect.arrayContaining(['tables.unit.key: a state table has a key; name its columns']),
    ],
    [
      'a key with an unknown column',
      `${unit}.key`,
      ['sessionId', 'ident'],
      ['tables.unit.key: there is no column "ident"; known: "sessionId", "id", "owner"'],
    ],
    [
      'a key with a column twice',
      `${unit}.key`,
      ['sessionId', 'id', 'id'],
      ['tables.unit.key: "id" stands there twice; leave one'],
    ],
    [
      'a key whose session is not first',
      `${unit}.key`,
      ['id', 'sessionId'],
      [
        'tables.unit.columns.sessionId: the session of a row begins its key; put it first there, or drop the column',
        'tables.unit.key: a session keeps its rows together: put "sessionId" first',
      ],
    ],
    [
      'a session column outside the key',
      `${unit}.key`,
      ['id'],
      [
        'tables.unit.columns.sessionId: the session of a row begins its key; put it first there, or drop the column',
      ],
    ],
    [
      'a session that is a number',
      `${unit}.columns.0.kind`,
      'u64',
      [
        'tables.unit.columns.sessionId: the session of a row is a string, not optional and not a list',
      ],
    ],
    [
      'a key that may be null',
      `${unit}.columns.1.optional`,
      true,
      ['tables.unit.key: "id" is optional, and a key has no nulls'],
    ],
    [
      'a key of floats',
      `${unit}.columns.1.kind`,
      'f32',
      ['tables.unit.key: "id" is a float, whose equality depends on rounding; use an integer'],
    ],
    [
      'a key of json',
      `${unit}.columns.1.kind`,
      'json',
      ['tables.unit.key: "id" is json, which has many spellings of one value; use a scalar'],
    ],
    [
      'a key of bytes',
      `${unit}.columns.1.kind`,
      'bytes',
      ['tables.unit.key: "id" is bytes, which JSON cannot name; use a uuid or a string'],
    ],
    [
      'a key of an event table',
      `${orders}.key`,
      ['player'],
      [
        'tables.orders.key: rows of an action table are known by session and tick; drop it, or make this a state table',
      ],
    ],
    [
      'an index on an unknown column',
      `${unit}.indexes.0.columns`,
      ['sessionId', 'ownr'],
      ['tables.unit.indexes.byOwner: there is no column "ownr"; did you mean "owner"?'],
    ],
    [
      'an index without columns',
      `${unit}.indexes.0.columns`,
      [],
      ['tables.unit.indexes.byOwner: an index has at least one column; name it'],
    ],
    [
      'an index that is the key',
      `${unit}.indexes.0.columns`,
      ['sessionId', 'id'],
      ['tables.unit.indexes.byOwner: the key serves these columns; drop this'],
    ],
    // Views
    [
      'a view of an unknown table',
      `${totals}.from`,
      'order',
      expect.arrayContaining([
        'views.totals.from: there is no table "order"; did you mean "orders"?',
      ]),
    ],
    [
      'windows of ticks over a state table',
      'views.0',
      { ...unitView, tickWindow: 600 },
      [
        'views.totals.tickWindow: "unit" is a state table, whose rows are of no one tick; drop it, or group an event or action table',
      ],
    ],
    [
      'a view of a state table by what the server writes',
      'views.0',
      { ...unitView, groupBy: ['sessionId', 'owner', 'version'] },
      [
        'views.totals.groupBy: "version" is written anew with every change of a row, and a view of a state table takes rows back as they were; name a declared column, or group an event or action table',
      ],
    ],
    [
      'an aggregate of it',
      'views.0',
      {
        ...unitView,
        columns: [
          ...unitView.columns,
          { name: 'last', aggregate: { op: 'max', column: 'committedAt' } },
        ],
      },
      [
        'views.totals.columns.last.column: "committedAt" is written anew with every change of a row, and a view of a state table takes rows back as they were; name a declared column, or group an event or action table',
      ],
    ],
    [
      'a view by an unknown column',
      `${totals}.groupBy`,
      ['sessionId', 'playr'],
      expect.arrayContaining([
        'views.totals.groupBy: there is no column "playr"; did you mean "player"?',
      ]),
    ],
    [
      'a view by nothing',
      `${totals}.groupBy`,
      [],
      expect.arrayContaining([
        'views.totals.groupBy: a view has at least one column to group by; name it',
      ]),
    ],
    [
      'a view by a list',
      `${totals}.groupBy`,
      ['sessionId', 'player', 'units'],
      ['views.totals.groupBy: "units" is a list, which names nothing; use a scalar'],
    ],
    [
      'a window of no ticks',
      `${totals}.tickWindow`,
      0,
      ['views.totals.tickWindow: must be an integer from 1 to 4294967295'],
    ],
    [
      'a view without aggregates',
      `${totals}.columns`,
      [],
      expect.arrayContaining(['views.totals.columns: a view has at least one aggregate; add it']),
    ],
    [
      'an aggregate named as the key',
      `${totals}.columns.0.name`,
      'player',
      expect.arrayContaining(['views.totals.columns: "player" stands there twice; rename one']),
    ],
    [
      'an unknown aggregate',
      `${totals}.columns.0.aggregate.op`,
      'average',
      expect.arrayContaining([
        'views.totals.columns.rows.op: is none of the possible values; known: "count", "countDistinct", "sum", "min", "max", "sumLength"',
      ]),
    ],
    [
      'a count of a column',
      `${totals}.columns.0.aggregate.column`,
      'player',
      ['views.totals.columns.rows.column: a count counts rows; drop it, or count distinct values'],
    ],
    [
      'a sum of nothing',
      `${totals}.columns.0.aggregate`,
      { op: 'sum' },
      expect.arrayContaining(['views.totals.columns.rows.column: is missing']),
    ],
    [
      'a sum of an enum',
      `${totals}.columns.0.aggregate`,
      { op: 'sum', column: 'kind' },
      ['views.totals.columns.rows: sum takes a number, and "kind" is enum'],
    ],
    [
      'a sum of lengths of what is no list',
      `${totals}.columns.0.aggregate`,
      { op: 'sumLength', column: 'player' },
      ['views.totals.columns.rows: sumLength takes a list, and "player" is u32'],
    ],
    [
      'a maximum of a list',
      `${totals}.columns.0.aggregate`,
      { op: 'max', column: 'units' },
      [
        'views.totals.columns.rows: max takes a number, a timestamp or a string, and "units" is a list of u32',
      ],
    ],
    [
      'a maximum of positions',
      `${totals}.columns.0.aggregate`,
      { op: 'max', column: 'position' },
      [
        'views.totals.columns.rows: max takes a number, a timestamp or a string, and "position" is string',
      ],
    ],
    [
      'a condition on an unknown column',
      `${totals}.columns.0.aggregate.where`,
      { acepted: { eq: true } },
      [
        'views.totals.columns.rows.where.acepted: there is no column "acepted"; did you mean "accepted"?',
      ],
    ],
    [
      'a condition with a value of the wrong type',
      `${totals}.columns.0.aggregate.where`,
      { not: { kind: { in: ['GO', 'RUN'] } } },
      [
        'views.totals.columns.rows.where.not.kind.in[1]: "RUN" is no value of the enum; known: "GO", "STOP"',
      ],
    ],
    [
      'a condition that is null',
      `${totals}.columns.0.aggregate.where`,
      null,
      ['views.totals.columns.rows.where: drop it to count all'],
    ],
    [
      'a top view of an unknown view',
      `${busiest}.from`,
      'total',
      ['views.busiest.from: there is no group view "total"; did you mean "totals"?'],
    ],
    [
      'a top view of itself',
      `${busiest}.from`,
      'busiest',
      ['views.busiest.from: there is no group view "busiest"; known: "totals"'],
    ],
    [
      'a top view by what is no key',
      `${busiest}.partitionBy`,
      ['tick'],
      [
        'views.busiest.partitionBy: there is no key column of "totals" "tick"; known: "sessionId", "player"',
      ],
    ],
    [
      'a top view with one row a partition',
      `${busiest}.partitionBy`,
      ['sessionId', 'player'],
      ['views.busiest.partitionBy: the whole key leaves one row a partition; name less of it'],
    ],
    [
      'a top view ordered by an unknown column',
      `${busiest}.orderBy`,
      'row',
      ['views.busiest.orderBy: there is no column "row"; did you mean "rows"?'],
    ],
    [
      'a top view of too many rows',
      `${busiest}.limit`,
      limits.topViewRowsMax + 1,
      [`views.busiest.limit: must be an integer from 1 to ${limits.topViewRowsMax}`],
    ],
    [
      'a view with the name of a table',
      `${totals}.name`,
      'unit',
      expect.arrayContaining([
        'views.unit: its GraphQL name "unit" is taken (tables.unit); choose another name',
      ]),
    ],
    [
      'a table with a name that every API has',
      `${unit}.name`,
      'session',
      expect.arrayContaining([
        'tables.session: its GraphQL name "session" is taken (every API has it); choose another name',
      ]),
    ],
    [
      'a table whose field every API has',
      `${unit}.name`,
      'sql',
      expect.arrayContaining([
        'tables.sql: its GraphQL name "sql" is taken (every API has it); choose another name',
      ]),
    ],
    [
      'a view that is another’s list',
      `${busiest}.name`,
      'unitList',
      ['views.unitList: its GraphQL name "unitList" is taken (tables.unit); choose another name'],
    ],
    [
      'an enum column whose type is another’s',
      `${unit}.columns.2`,
      column('row', 'enum', { values: ['A'] }),
      expect.arrayContaining([
        'tables.unit.columns.row: its GraphQL name "UnitRow" is taken (tables.unit); choose another name',
      ]),
    ],
    // Roles
    [
      'a role with a space',
      `${owner}.name`,
      'the owner',
      [
        'roles[0]: a role begins with a small letter and goes on with small letters, digits and dashes, 63 at most',
      ],
    ],
    [
      'an audit of reads that is neither on nor off',
      `${owner}.auditReads`,
      'yes',
      ['roles.owner.auditReads: must be true or false'],
    ],
    [
      'an unknown class',
      `${owner}.class`,
      'operator',
      ['roles.owner.class: is none of the possible values; did you mean "OPERATOR"?'],
    ],
    [
      'an unknown capability',
      `${owner}.capabilities`,
      ['explian'],
      ['roles.owner.capabilities: there is no capability "explian"; did you mean "explain"?'],
    ],
    [
      'a capability twice',
      `${owner}.capabilities`,
      ['sql', 'sql'],
      ['roles.owner.capabilities: "sql" stands there twice; leave one'],
    ],
    [
      'a grant on an unknown table',
      `${owner}.tables.0.table`,
      'units',
      ['roles.owner.tables[0]: there is no table "units"; did you mean "unit"?'],
    ],
    [
      'a grant that grants nothing',
      `${owner}.tables.0.read`,
      false,
      ['roles.owner.tables.unit: grants nothing; leave it out'],
    ],
    [
      'a filter on an unknown column',
      `${owner}.tables.0.rowFilter.column`,
      'ownr',
      ['roles.owner.tables.unit.rowFilter: there is no column "ownr"; did you mean "owner"?'],
    ],
    [
      'a filter on no claim',
      `${owner}.tables.0.rowFilter.claim`,
      '',
      ['roles.owner.tables.unit.rowFilter.claim: must name a claim of the token'],
    ],
    [
      'a filter that seems to bound writing',
      `${owner}.tables.0.write`,
      true,
      [
        'roles.owner.tables.unit.rowFilter: bounds what is read, never what is written; give the writing to a role of its own',
      ],
    ],
    [
      'limits that there are not, or of which there is none',
      `${owner}.limits`,
      { requestPerSecond: 3, ticksPerSecond: 0, burst: 5, together: { exportsKept: 1 } },
      [
        'roles.owner.limits.requestPerSecond: there is no such member; did you mean "requestsPerSecond"?',
        'roles.owner.limits.together.exportsKept: there is no such member; known: "requestsPerSecond", "burst", "bytesPerSecond", "ticksPerSecond", "rowsReadPerMinute", "subscriptions", "exportsPerHour"',
        'roles.owner.limits.ticksPerSecond: must be an integer from 1 to 1000000',
        'roles.owner.limits.burst: goes with "requestsPerSecond"',
      ],
    ],
    [
      'an unknown view',
      `${owner}.views`,
      ['total'],
      ['roles.owner.views: there is no view "total"; did you mean "totals"?'],
    ],
  ])('%s', (_, path, value, problems) => {
    expect(problemsWith(path, value)).toEqual(problems);
  });

  test('and so is every other one in the same manifest', () => {
    const manifest = changed(`${unit}.key`, ['sessionId', 'ident']);
    manifest.title = 'sandbox';
    (manifest.roles as Draft[])[0] = { ...(manifest.roles as Draft[])[0], views: ['none'] };
    expect(problemsOf(() => validateManifest(manifest))).toHaveLength(3);
    expect(() => validateManifest(manifest)).toThrow(/^the manifest has 3 problems:\n- title: /);
  });

  test('even when it is no manifest at all', () => {
    for (const value of [null, undefined, 1, 'manifest', [], true]) {
      expect(problemsOf(() => validateManifest(value))[0]).toMatch(/^manifest: must be an object/);
    }
  });

  test('and a hundred at most are told', () => {
    const columns = Array.from({ length: 300 }, (_, i) => column(`bad_${i}`, 'u32'));
    const manifest = changed(`${orders}.columns`, columns);
    expect(problemsOf(() => validateManifest(manifest))).toHaveLength(100);
    expect(() => validateManifest(manifest)).toThrow(/and \d+ more$/);
  });
});

describe('a format', () => {
  test('that is newer is refused, and nothing else is said of the manifest', () => {
    expect(problemsOf(() => validateManifest({ format: 2, everything: 'else' }))).toEqual([
      'format: is 2, of a newer version of Tickloom; this one reads format 1: upgrade it',
    ]);
  });

  test('that is none is refused', () => {
    expect(problemsOf(() => validateManifest({ ...small, format: '1' }))).toEqual([
      'format: must be 1',
    ]);
    expect(problemsWith('format', undefined)).toEqual(['manifest.format: is missing']);
  });
});

describe('bounds', () => {
  const columnsOf = (count: number) =>
    Array.from({ length: count }, (_, i) => column(`c${i}`, 'u32'));
  const ownTable = (columns: unknown) => ({
    ...draft(),
    tables: [
      ...(draft().tables as unknown[]),
      { name: 'big', kind: 'event', columns, key: [], indexes: [] },
    ],
  });

  test('as many columns as there may be are accepted, and one more is not', () => {
    expect(problemsOf(() => validateManifest(ownTable(columnsOf(limits.tableColumnsMax))))).toEqual(
      [],
    );
    expect(
      problemsOf(() => validateManifest(ownTable(columnsOf(limits.tableColumnsMax + 1)))),
    ).toEqual([`tables.big.columns: may have ${limits.tableColumnsMax} entries at most`]);
  });

  const numbered = <Entry>(count: number, entry: (i: number) => Entry) =>
    Array.from({ length: count }, (_, i) => entry(i));
  const eventTable = (i: number) => ({
    name: `t${i}`,
    kind: 'event',
    columns: columnsOf(1),
    key: [],
    indexes: [],
  });
  const indexedTable = (count: number) => ({
    name: 'wide',
    kind: 'state',
    columns: [column('sessionId', 'string'), ...columnsOf(count)],
    key: ['sessionId'],
    indexes: numbered(count, (i) => ({ name: `i${i}`, columns: [`c${i}`] })),
  });

  test.each<[place: string, most: number, manifestOf: (count: number) => Draft]>([
    [
      'tables',
      limits.manifestTablesMax,
      (count) => changed('tables', [...small.tables, ...numbered(count - 2, eventTable)]),
    ],
    [
      'views',
      limits.manifestViewsMax,
      (count) => {
        const more = numbered(count - 2, (i) => ({ ...small.views[0], name: `v${i}` }));
        return changed('views', [...small.views, ...more]);
      },
    ],
    [
      'roles',
      limits.manifestRolesMax,
      (count) =>
        changed(
          'roles',
          numbered(count, (i) => ({ ...small.roles[0], name: `r${i}` })),
        ),
    ],
    [
      'tables.wide.indexes',
      limits.tableIndexesMax,
      (count) => changed('tables', [...small.tables, indexedTable(count)]),
    ],
  ])('as many %s as there may be are accepted, and one more is not', (place, most, manifestOf) => {
    expect(problemsOf(() => validateManifest(manifestOf(most)))).toEqual([]);
    expect(problemsOf(() => validateManifest(manifestOf(most + 1)))).toEqual([
      `${place}: may have ${most} entries at most`,
    ]);
  });

  test('as many rows of a top view as there may be are accepted, and one more is not', () => {
    expect(problemsWith(`${busiest}.limit`, limits.topViewRowsMax)).toEqual([]);
    expect(problemsWith(`${busiest}.limit`, limits.topViewRowsMax + 1)).toHaveLength(1);
  });

  test('as many enum values as ordinals of 16 bits can tell are accepted, and one more is not', () => {
    const values = Array.from({ length: limits.enumValuesMax }, (_, i) => `V${i}`);
    const withValues = (list: readonly string[]) =>
      ownTable([column('kind', 'enum', { values: list })]);
    expect(problemsOf(() => validateManifest(withValues(values)))).toEqual([]);
    expect(problemsOf(() => validateManifest(withValues([...values, 'ONE_MORE'])))).toEqual([
      `tables.big.columns.kind.values: may have ${limits.enumValuesMax} entries at most`,
    ]);
  });

  test('a name of 64 characters is accepted, and a longer one is not', () => {
    expect(problemsWith(`${unit}.indexes.0.name`, 'a'.repeat(64))).toEqual([]);
    expect(problemsWith(`${unit}.indexes.0.name`, 'a'.repeat(65))).toEqual([
      'tables.unit.indexes[0]: a name has 64 characters at most',
    ]);
  });
});

describe('a personal column', () => {
  const own = { personal: { subject: null } };
  const of = (subject: string) => ({ personal: { subject } });

  /** The problems of a title whose table of orders has these columns beside its own. */
  function problemsWith(...columns: readonly Draft[]): string[] {
    const title = draft();
    const [orders] = title.tables as { columns: Draft[] }[];
    orders?.columns.push(...columns);
    return problemsOf(() => validateManifest(title));
  }

  test('is a string, whose row names the person, or whose value does', () => {
    expect(problemsWith(column('account', 'string', own))).toEqual([]);
    expect(problemsWith(column('words', 'string', of('player')))).toEqual([]);
    const mail = column('mail', 'string', { ...of('account'), optional: true });
    expect(problemsWith(column('account', 'string', own), mail)).toEqual([]);
  });

  test.each<[string, Draft[], RegExp]>([
    ['a number', [column('a', 'u32', own)], /only a string can be personal, and "a" is u32/],
    ['json', [column('a', 'json', own)], /only a string can be personal, and "a" is json/],
    [
      'a list',
      [column('a', 'string', { ...own, list: true })],
      /only a string can be personal, and "a" is a list of string/,
    ],
    ['of nobody', [column('a', 'string', of('playr'))], /there is no column "playr".*player/],
    ['of itself', [column('a', 'string', of('a'))], /has no subject; drop it/],
    ['of an enum', [column('a', 'string', of('kind'))], /"kind" cannot name a person/],
    [
      'of an optional column',
      [column('b', 'u32', { optional: true }), column('a', 'string', of('b'))],
      /"b" is optional, and every value is of somebody/,
    ],
    [
      'of one that is of another',
      [column('b', 'string', of('player')), column('a', 'string', of('b'))],
      /"b" has a subject of its own/,
    ],
    ['of what is no rule', [column('a', 'string', { personal: true })], /personal/],
  ])('is not %s', (_, columns, problem) => {
    expect(problemsWith(...columns)).toContainEqual(expect.stringMatching(problem));
  });

  test('is of a key column in a state table, and has no subject in the key', () => {
    const title = draft();
    const unit = (title.tables as { columns: Draft[]; key: string[] }[])[1];
    unit?.columns.push(column('name', 'string', of('owner')));
    expect(problemsOf(() => validateManifest(title))).toContainEqual(
      expect.stringMatching(/"owner" is not of the key/),
    );
    unit?.columns.pop();
    unit?.columns.push(column('name', 'string', of('id')));
    expect(problemsOf(() => validateManifest(title))).toEqual([]);
    unit?.key.push('name');
    expect(problemsOf(() => validateManifest(title))).toContainEqual(
      expect.stringMatching(/a column of the key names a row by itself; drop the subject/),
    );
  });

  test.each<[string, Draft, RegExp]>([
    ['min', { op: 'min', column: 'account' }, /"account" is personal, and what stands for its/],
    [
      'a value in a condition',
      { op: 'count', where: { not: { account: { eq: 'ann' } } } },
      /"account" is personal, and a manifest keeps no value of a person/,
    ],
    ['an order', { op: 'count', where: { account: { gt: 'a' } } }, /a personal column has no "gt"/],
  ])('gives views no %s', (_, aggregate, problem) => {
    const title = draft();
    const [orders] = title.tables as { columns: Draft[] }[];
    orders?.columns.push(column('account', 'string', own));
    const [totals] = title.views as { columns: Draft[] }[];
    totals?.columns.push({ name: 'more', aggregate });
    expect(problemsOf(() => validateManifest(title))).toContainEqual(
      expect.stringMatching(problem),
    );
  });

  test('is compared with claims by roles, and with no value', () => {
    const problems = (rowFilter: Draft) => {
      const title = draft();
      const [orders] = title.tables as { columns: Draft[] }[];
      orders?.columns.push(column('account', 'string', own));
      const table = { table: 'orders', read: true, aggregate: false, write: false, rowFilter };
      const role = { name: 'fan', class: 'OPERATOR', capabilities: [], tables: [table], views: [] };
      (title.roles as Draft[]).push(role);
      return problemsOf(() => validateManifest(title));
    };
    expect(problems({ account: { eq: { claim: 'sub' } } })).toEqual([]);
    expect(problems({ column: 'account', claim: 'sub' })).toEqual([]);
    expect(problems({ account: { in: ['ann', 'bob'] } })).toContainEqual(
      expect.stringMatching(/a manifest keeps no value of a person; compare with a claim/),
    );
  });

  test('is counted, grouped by and asked for presence by views', () => {
    const title = draft();
    const [orders] = title.tables as { columns: Draft[] }[];
    orders?.columns.push(column('account', 'string', { ...own, optional: true }));
    const [totals] = title.views as { groupBy: string[]; columns: Draft[] }[];
    totals?.columns.push(
      { name: 'accounts', aggregate: { op: 'countDistinct', column: 'account' } },
      { name: 'signed', aggregate: { op: 'count', where: { account: { isNull: false } } } },
    );
    expect(problemsOf(() => validateManifest(title))).toEqual([]);
  });
});
