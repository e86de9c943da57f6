import { afterEach, expect, it } from 'vitest';
import type { OpenColumnStore } from '../../engine/columns/open-column-store.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import type { ColumnDefinition, TitleManifest } from '../../engine/model/types.ts';
import { testTicket } from '../ticket.ts';
import { fabricate, manifest, manyActions } from './fabricate.ts';
import { bounds, countOf, openEmbedded, ship, temporaryDirectory } from './stores.ts';

const directory = temporaryDirectory();
let store: OpenColumnStore | null = null;
afterEach(async () => {
  await store?.close();
  store = null;
});

/** The manifest with the columns of one table changed. */
function changed(
  table: string,
  change: (columns: readonly ColumnDefinition[]) => readonly ColumnDefinition[],
  from: TitleManifest = manifest,
): TitleManifest {
  return {
    ...from,
    tables: from.tables.map((definition) =>
      definition.name === table
        ? { ...definition, columns: change(definition.columns) }
        : definition,
    ),
  };
}

const speed: ColumnDefinition = {
  name: 'speed',
  kind: 'u32',
  optional: true,
  list: false,
  values: [],
};
const page = { where: null, orderBy: [], first: 1, after: null, bounds };

it('adds new columns and enum values to tables that hold rows', async () => {
  store = await openEmbedded(directory.path);
  await ship(store, [
    manyActions(1, 3),
    fabricate({
      lsn: 2,
      states: {
        units: [
          {
            change: 'inserted',
            version: 1,
            row: { sessionId: 's1', unitId: 1, ownerId: 2, health: null },
          },
        ],
      },
    }),
  ]);
  await store.close();

  const wider = changed(
    'orders',
    (columns) => [
      ...columns.map((column) =>
        column.name === 'kind' ? { ...column, values: [...column.values, 'GUARD'] } : column,
      ),
      speed,
    ],
    changed('units', (columns) => [...columns, speed]),
  );
  const catalog = new Catalog(wider);
  store = await openEmbedded(directory.path, { catalog });
  const row = {
    actionId: 'new',
    playerId: 1,
    kind: 'GUARD',
    unitIds: [],
    x: null,
    payload: null,
    speed: 7,
  };
  await ship(store, [fabricate({ lsn: 3, actions: [row] }, catalog)]);
  const old = await store.list(testTicket, { ...page, table: 'orders' });
  expect(old.rows[0]).toMatchObject({ actionId: '1-0', kind: 'MOVE', speed: null });
  const orderBy = [{ column: 'tick', direction: 'DESC' }] as const;
  const latest = await store.list(testTicket, { ...page, table: 'orders', orderBy });
  expect(latest.rows[0]).toMatchObject({ actionId: 'new', kind: 'GUARD', speed: 7 });
  expect((await store.list(testTicket, { ...page, table: 'units' })).rows[0]).toMatchObject({
    speed: null,
  });
  const viewed = await store.sql(testTicket, 'SELECT speed FROM units', {}, 1, bounds, 'whole');
  expect(viewed.rows).toEqual([[null]]);
});

it('refuses to read a column as another type than it holds', async () => {
  const other = changed('orders', (columns) =>
    columns.map((column) => (column.name === 'playerId' ? { ...column, kind: 'string' } : column)),
  );
  await expect(openEmbedded(directory.path, { catalog: new Catalog(other) })).rejects.toMatchObject(
    {
      code: 'SCHEMA_MISMATCH',
      message: expect.stringContaining('orders.playerId'),
    },
  );
});

it('keeps two titles apart in one place', async () => {
  const catalog = new Catalog({ ...manifest, title: 'other' });
  store = await openEmbedded(directory.path, { catalog });
  expect(await countOf(store, 'orders')).toBe(0);
  await expect(
    store.sql(testTicket, 'SELECT count() FROM tickloom_test_title.orders', {}, 1, bounds, 'whole'),
  ).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  await store.close();
  store = null;
  directory.remove();
});
