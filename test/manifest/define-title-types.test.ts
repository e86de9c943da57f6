import { describe, expect, expectTypeOf, test } from 'vitest';
import {
  actionTable,
  count,
  countDistinct,
  defineTitle,
  eventTable,
  type KeyOf,
  max,
  min,
  type NewRowOf,
  type RoleNameOf,
  type RowOf,
  stateTable,
  sum,
  sumLength,
  type TableNameOf,
  t,
  type ViewNameOf,
} from '../../engine/manifest/index.ts';
import type { SystemColumnSpecs } from '../../engine/manifest/table-spec.ts';
import { viewColumns } from '../../engine/manifest/view-columns.ts';
import { systemColumns } from '../../engine/model/system-columns.ts';
import type { TableDefinition, TableKind, TitleManifest } from '../../engine/model/types.ts';
import type { ashfall } from '../../src/sandbox/ashfall.ts';
import { problemsOf } from './problems-of.ts';

type Ashfall = typeof ashfall;

const tables = {
  orders: actionTable({
    player: t.u32(),
    note: t.string().optional(),
    units: t.list(t.u32()),
    paid: t.i16(),
    weight: t.f32().optional(),
  }),
  ledger: eventTable({ amount: t.f64(), id: t.u64() }),
  unit: stateTable(
    { unitId: t.u32(), owner: t.u32(), speed: t.f32().optional() },
    { key: ['sessionId', 'unitId'], indexes: { byOwner: ['sessionId', 'owner'] } },
  ),
  profile: stateTable({ player: t.uuid(), rating: t.f64() }, { key: ['player'] }),
};

function titleOf(definition: Omit<Parameters<typeof defineTitle>[0], 'title' | 'version'>) {
  return defineTitle({ title: 'sample', version: 1, ...definition });
}

describe('the types of a title', () => {
  test('are a manifest, so that whatever takes a manifest takes a title', () => {
    expectTypeOf<Ashfall>().toExtend<TitleManifest>();
  });

  test('know the names of tables, views and roles', () => {
    expectTypeOf<TableNameOf<Ashfall>>().toEqualTypeOf<
      | 'actionLog'
      | 'unitState'
      | 'playerWallet'
      | 'playerProfile'
      | 'resourceLedger'
      | 'stateSnapshot'
      | 'matchMetrics'
    >();
    expectTypeOf<ViewNameOf<Ashfall>>().toEqualTypeOf<
      | 'matchPulse'
      | 'playerActivity'
      | 'orderMix'
      | 'resourceBalance'
      | 'playerTotals'
      | 'busiestPlayers'
    >();
    expectTypeOf<RoleNameOf<Ashfall>>().toEqualTypeOf<
      'game-server' | 'liveops' | 'analyst' | 'player' | 'admin'
    >();
  });

  test('give the row of a state table, its system columns included', () => {
    expectTypeOf<RowOf<Ashfall, 'unitState'>>().toEqualTypeOf<{
      readonly sessionId: string;
      readonly unitId: number;
      readonly ownerId: number;
      readonly blueprint: string | null;
      readonly orderKind: string | null;
      readonly x: number | null;
      readonly y: number | null;
      readonly targetUnitId: number | null;
      readonly health: number | null;
      readonly version: number;
      readonly position: string;
      readonly committedAt: number;
    }>();
  });

  test('give the row of an event table, enums as their values', () => {
    expectTypeOf<RowOf<Ashfall, 'resourceLedger'>>().toEqualTypeOf<{
      readonly sessionId: string;
      readonly tick: number;
      readonly seq: number;
      readonly position: string;
      readonly committedAt: number;
      readonly playerId: number;
      readonly resource: 'MASS' | 'ENERGY';
      readonly amount: number;
      readonly reason: string | null;
    }>();
  });

  test('give the verdict and the lists of the action table', () => {
    type ActionRow = RowOf<Ashfall, 'actionLog'>;
    expectTypeOf<ActionRow['accepted']>().toEqualTypeOf<boolean>();
    expectTypeOf<ActionRow['unitIds']>().toEqualTypeOf<readonly number[]>();
    expectTypeOf<'BUILD_SILO_TACTICAL' | 'CALLBACK'>().toExtend<ActionRow['kind']>();
    expectTypeOf<'JUMP'>().not.toExtend<ActionRow['kind']>();
    expectTypeOf<'VERSION_MISMATCH' | null>().toExtend<ActionRow['conflict']>();
  });

  test('give what a client writes: declared columns, optional ones optionally', () => {
    expectTypeOf<NewRowOf<Ashfall, 'resourceLedger'>>().branded.toEqualTypeOf<{
      readonly playerId: number;
      readonly resource: 'MASS' | 'ENERGY';
      readonly amount: number;
      readonly reason?: string | null;
    }>();
  });

  test('give keys of tables and of views', () => {
    expectTypeOf<KeyOf<Ashfall, 'playerWallet'>>().toEqualTypeOf<{
      readonly sessionId: string;
      readonly playerId: number;
      readonly resource: 'MASS' | 'ENERGY';
    }>();
    expectTypeOf<KeyOf<Ashfall, 'playerActivity'>>().toEqualTypeOf<{
      readonly sessionId: string;
      readonly playerId: number;
      readonly tickWindow: number;
    }>();
    expectTypeOf<KeyOf<Ashfall, 'busiestPlayers'>>().toEqualTypeOf<{
      readonly sessionId: string;
      readonly playerId: number;
    }>();
  });

  test('give rows of views: keys, 64-bit counts, sums as wide as there is', () => {
    expectTypeOf<RowOf<Ashfall, 'matchPulse'>>().toEqualTypeOf<{
      readonly sessionId: string;
      readonly actions: bigint;
      readonly accepted: bigint;
      readonly rejected: bigint;
      readonly lastTick: number;
      readonly players: bigint;
    }>();
    expectTypeOf<RowOf<Ashfall, 'resourceBalance'>['balance']>().toEqualTypeOf<number>();
    expectTypeOf<RowOf<Ashfall, 'busiestPlayers'>>().toEqualTypeOf<
      RowOf<Ashfall, 'playerTotals'>
    >();
  });

  test('say the same of system columns as the code does', () => {
    expectTypeOf<keyof SystemColumnSpecs['action']>().toEqualTypeOf<
      | 'sessionId'
      | 'tick'
      | 'seq'
      | 'position'
      | 'committedAt'
      | 'actionId'
      | 'accepted'
      | 'conflict'
    >();
    const namesOf = (kind: TableKind) =>
      systemColumns({ kind } as TableDefinition).map((column) => column.name);
    expect(namesOf('action')).toEqual([
      'sessionId',
      'tick',
      'seq',
      'position',
      'committedAt',
      'actionId',
      'accepted',
      'conflict',
    ] satisfies (keyof SystemColumnSpecs['action'])[]);
    expect(namesOf('event')).toEqual([
      'sessionId',
      'tick',
      'seq',
      'position',
      'committedAt',
    ] satisfies (keyof SystemColumnSpecs['event'])[]);
    expect(namesOf('state')).toEqual([
      'version',
      'position',
      'committedAt',
    ] satisfies (keyof SystemColumnSpecs['state'])[]);
  });

  test('say the same of a view’s columns as viewColumns does', () => {
    const title = defineTitle({
      title: 'sample',
      version: 1,
      tables,
      views: {
        totals: {
          kind: 'group',
          from: 'orders',
          groupBy: ['sessionId', 'conflict'],
          tickWindow: 10,
          columns: {
            rows: count(),
            players: countDistinct('player'),
            paid: sum('paid'),
            weight: sum('weight'),
            units: sumLength('units'),
            leastPaid: min('paid'),
            mostPaidIfAny: max('paid', { where: { note: { isNull: false } } }),
            lightest: min('weight'),
          },
        },
      },
    });
    type Totals = RowOf<typeof title, 'totals'>;
    expectTypeOf<Omit<Totals, 'conflict'>>().toEqualTypeOf<{
      readonly sessionId: string;
      readonly tickWindow: number;
      readonly rows: bigint;
      readonly players: bigint;
      readonly paid: bigint;
      readonly weight: number;
      readonly units: bigint;
      readonly leastPaid: number;
      readonly mostPaidIfAny: number | null;
      readonly lightest: number | null;
    }>();
    const [view] = title.views;
    if (!view) throw new Error('the title has a view');
    const { key, values } = viewColumns(title, view);
    const kinds = [...key, ...values].map(
      ({ name, kind, optional }) => `${name} ${kind}${optional ? '?' : ''}`,
    );
    expect(kinds).toEqual([
      'sessionId string',
      'conflict enum?',
      'tickWindow u32',
      'rows u64',
      'players u64',
      'paid i64',
      'weight f64',
      'units u64',
      'leastPaid i16',
      'mostPaidIfAny i16?',
      'lightest f32?',
    ]);
  });
});

describe('a name that is not there does not compile, and does not pass at run time either', () => {
  const refused = (define: () => unknown, message: RegExp) => expect(define).toThrow(message);

  test('in a key', () => {
    refused(
      () =>
        // @ts-expect-error the column is `unitId`
        titleOf({ tables: { ...tables, bad: stateTable({ unitId: t.u32() }, { key: ['unit'] }) } }),
      /there is no column "unit"; did you mean "unitId"/,
    );
  });

  test('in an index', () => {
    refused(
      () =>
        titleOf({
          tables: {
            ...tables,
            bad: stateTable(
              { id: t.u32(), owner: t.u32() },
              // @ts-expect-error the column is `owner`
              { key: ['id'], indexes: { byOwner: ['ownr'] } },
            ),
          },
        }),
      /tables\.bad\.indexes\.byOwner: there is no column "ownr"; did you mean "owner"/,
    );
  });

  test('in an index on the session of a table that belongs to the whole title', () => {
    refused(
      () =>
        titleOf({
          tables: {
            ...tables,
            bad: stateTable(
              { id: t.u32() },
              // @ts-expect-error the key has no `sessionId`
              { key: ['id'], indexes: { bySession: ['sessionId'] } },
            ),
          },
        }),
      /tables\.bad\.indexes\.bySession: there is no column "sessionId"/,
    );
  });

  test('in the source of a view', () => {
    refused(
      () =>
        defineTitle({
          title: 'sample',
          version: 1,
          tables,
          views: {
            // @ts-expect-error the table is `orders`
            bad: { kind: 'group', from: 'order', groupBy: ['sessionId'], columns: { n: count() } },
          },
        }),
      /views\.bad\.from: there is no table "order".*did you mean "orders"/,
    );
  });

  test('in a view of a state table that reads what the server writes', () => {
    refused(
      () =>
        defineTitle({
          title: 'sample',
          version: 1,
          tables,
          views: {
            // @ts-expect-error a row is taken back as it was, and its version was not kept
            bad: { kind: 'group', from: 'unit', groupBy: ['version'], columns: { n: count() } },
          },
        }),
      /views\.bad\.groupBy: "version" is written anew with every change/,
    );
    refused(
      () =>
        defineTitle({
          title: 'sample',
          version: 1,
          tables,
          views: {
            bad: {
              kind: 'group',
              from: 'unit',
              groupBy: ['owner'],
              // @ts-expect-error its rows are of no one tick
              tickWindow: 600,
              columns: { n: count() },
            },
          },
        }),
      /views\.bad\.tickWindow: "unit" is a state table/,
    );
  });

  test('in what a view groups by', () => {
    refused(
      () =>
        defineTitle({
          title: 'sample',
          version: 1,
          tables,
          views: {
            // @ts-expect-error the column is `sessionId`
            bad: { kind: 'group', from: 'orders', groupBy: ['session'], columns: { n: count() } },
          },
        }),
      /views\.bad\.groupBy: there is no column "session"/,
    );
  });

  test('in an aggregate', () => {
    refused(
      () =>
        defineTitle({
          title: 'sample',
          version: 1,
          tables,
          views: {
            bad: {
              kind: 'group',
              from: 'orders',
              groupBy: ['sessionId'],
              // @ts-expect-error the column is `player`
              columns: { n: countDistinct('playr') },
            },
          },
        }),
      /views\.bad\.columns\.n: there is no column "playr"; did you mean "player"/,
    );
  });

  test('in an aggregate over a column of the wrong type', () => {
    refused(
      () =>
        defineTitle({
          title: 'sample',
          version: 1,
          tables,
          views: {
            bad: {
              kind: 'group',
              from: 'orders',
              groupBy: ['sessionId'],
              // @ts-expect-error a string has no sum
              columns: { n: sum('note') },
            },
          },
        }),
      /views\.bad\.columns\.n: sum takes a number, and "note" is string/,
    );
  });

  test('in the condition of an aggregate, beside a column that is there', () => {
    refused(
      () =>
        defineTitle({
          title: 'sample',
          version: 1,
          tables,
          views: {
            bad: {
              kind: 'group',
              from: 'orders',
              groupBy: ['sessionId'],
              // @ts-expect-error the column is `accepted`
              columns: { n: count({ where: { player: { eq: 1 }, acepted: { eq: true } } }) },
            },
          },
        }),
      /views\.bad\.columns\.n\.where\.acepted: there is no column "acepted"/,
    );
  });

  test('in the source, partition and order of a top view', () => {
    const totals = {
      kind: 'group',
      from: 'orders',
      groupBy: ['sessionId', 'player'],
      columns: { n: count() },
    } as const;
    refused(
      () =>
        defineTitle({
          title: 'sample',
          version: 1,
          tables,
          views: {
            totals,
            // @ts-expect-error the view is `totals`
            bad: { kind: 'top', from: 'total', partitionBy: ['sessionId'], orderBy: 'n', limit: 3 },
          },
        }),
      /views\.bad\.from: there is no group view "total"; did you mean "totals"/,
    );
    refused(
      () =>
        defineTitle({
          title: 'sample',
          version: 1,
          tables,
          views: {
            totals,
            bad: {
              kind: 'top',
              from: 'totals',
              partitionBy: ['sessionId'],
              // @ts-expect-error `paid` is a column of the table, not of the view
              orderBy: 'paid',
              limit: 3,
            },
          },
        }),
      /views\.bad\.orderBy: there is no column "paid"/,
    );
    refused(
      () =>
        defineTitle({
          title: 'sample',
          version: 1,
          tables,
          views: {
            totals,
            // @ts-expect-error the view is not grouped by `tick`
            bad: { kind: 'top', from: 'totals', partitionBy: ['tick'], orderBy: 'n', limit: 3 },
          },
        }),
      /views\.bad\.partitionBy: there is no key column of "totals" "tick"/,
    );
  });

  test('in the tables, views, columns and capabilities of a role', () => {
    const views = {
      totals: { kind: 'group', from: 'orders', groupBy: ['sessionId'], columns: { n: count() } },
    } as const;
    refused(
      () =>
        defineTitle({
          title: 'sample',
          version: 1,
          tables,
          views,
          roles: {
            // @ts-expect-error the table is `orders`
            bad: { class: 'OPERATOR', tables: { order: ['read'] } },
          },
        }),
      /roles\.bad\.tables\[0\]: there is no table "order"; did you mean "orders"/,
    );
    refused(
      () =>
        defineTitle({
          title: 'sample',
          version: 1,
          tables,
          views,
          roles: {
            // @ts-expect-error the view is `totals`
            bad: { class: 'OPERATOR', views: ['total'] },
          },
        }),
      /roles\.bad\.views: there is no view "total"; did you mean "totals"/,
    );
    refused(
      () =>
        defineTitle({
          title: 'sample',
          version: 1,
          tables,
          roles: {
            bad: {
              class: 'OPERATOR',
              tables: {
                // @ts-expect-error the column is `owner`
                unit: { access: ['read'], onlyWhere: { column: 'ownr', claim: 'player_id' } },
              },
            },
          },
        }),
      /roles\.bad\.tables\.unit\.rowFilter: there is no column "ownr"; did you mean "owner"/,
    );
    refused(
      () =>
        defineTitle({
          title: 'sample',
          version: 1,
          tables,
          // @ts-expect-error the capability is `export`
          roles: { bad: { class: 'ARCHIVAL', capabilities: ['exports'] } },
        }),
      /roles\.bad\.capabilities: there is no capability "exports"; did you mean "export"/,
    );
  });
});

describe('a shape that no table may have does not compile', () => {
  test('a key that is optional, a float or json', () => {
    // @ts-expect-error a key has no nulls
    const optional = stateTable({ id: t.u32().optional() }, { key: ['id'] });
    // @ts-expect-error the equality of floats depends on rounding
    const rounded = stateTable({ id: t.f64() }, { key: ['id'] });
    // @ts-expect-error json has many spellings of one value
    const text = stateTable({ id: t.json() }, { key: ['id'] });
    const problems = problemsOf(() => titleOf({ tables: { ...tables, optional, rounded, text } }));
    expect(problems).toEqual([
      'tables.optional.key: "id" is optional, and a key has no nulls',
      'tables.rounded.key: "id" is a float, whose equality depends on rounding; use an integer',
      'tables.text.key: "id" is json, which has many spellings of one value; use a scalar',
    ]);
  });

  test('a list in a state table, a list of lists or of json, an optional list', () => {
    // @ts-expect-error live rows hold scalars
    stateTable({ id: t.u32(), tags: t.list(t.string()) }, { key: ['id'] });
    // @ts-expect-error lists hold scalars
    t.list(t.list(t.u32()));
    // @ts-expect-error one json value can hold the whole list
    t.list(t.json());
    // @ts-expect-error elements are never null
    t.list(t.u32().optional());
    expect('optional' in t.list(t.u32())).toBe(false);
  });
});
