import { tableFromIPC } from 'apache-arrow';
import pl from 'nodejs-polars';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExportRequest } from '../../engine/columns/column-queries.ts';
import type { OpenColumnStore } from '../../engine/columns/open-column-store.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import { asLsn } from '../../engine/model/position.ts';
import type { Row, TitleManifest } from '../../engine/model/types.ts';
import { parseWhere } from '../../engine/query/parse-where.ts';
import { testTicket } from '../ticket.ts';
import { fabricate } from './fabricate.ts';
import { bounds, openEmbedded, ship, temporaryDirectory } from './stores.ts';

const plain = { optional: false, list: false, values: [] };
const session = { ...plain, name: 'sessionId', kind: 'string' } as const;
const unitId = { ...plain, name: 'unitId', kind: 'u32' } as const;
const at = { ...plain, name: 'at', kind: 'vec3' } as const;
const aim = { ...at, name: 'aim', optional: true };
const manifest: TitleManifest = {
  format: 1,
  title: 'vectors',
  version: 1,
  tables: [
    { name: 'orders', kind: 'action', columns: [aim], key: [], indexes: [] },
    { name: 'shots', kind: 'event', columns: [unitId, at, aim], key: [], indexes: [] },
    {
      name: 'units',
      kind: 'state',
      columns: [session, unitId, at, aim],
      key: ['sessionId', 'unitId'],
      indexes: [],
    },
  ],
  views: [],
  roles: [],
};
const catalog = new Catalog(manifest);

const shots: Row[] = [
  { unitId: 1, at: { x: 1, y: 2, z: 3 }, aim: null },
  { unitId: 2, at: { x: 3.5, y: -0.25, z: Math.fround(0.1) }, aim: { x: 0, y: 0, z: 0 } },
  { unitId: 3, at: { x: 4, y: 0, z: -1 }, aim: { x: -5, y: 0.5, z: Math.fround(3e38) } },
];

const directory = temporaryDirectory();
let store: OpenColumnStore;
beforeAll(async () => {
  store = await openEmbedded(directory.path, { catalog });
  const unit = (x: number) => ({ sessionId: 's1', unitId: 9, at: { x, y: 0, z: 0 }, aim: null });
  const changes = [
    fabricate(
      {
        lsn: 1,
        actions: [{ actionId: 'a', aim: { x: 7, y: 8, z: 9 } }],
        events: { shots },
        states: { units: [{ change: 'inserted', version: 1, row: unit(1) }] },
      },
      catalog,
    ),
    fabricate(
      { lsn: 2, states: { units: [{ change: 'updated', version: 2, row: unit(2) }] } },
      catalog,
    ),
  ];
  await ship(store, changes);
});
afterAll(async () => {
  await store.close();
  directory.remove();
});

async function found(where: unknown): Promise<unknown[]> {
  const { rows } = await store.list(testTicket, {
    table: 'shots',
    where: parseWhere(catalog.columnsOf(catalog.table('shots')), where, 'where'),
    orderBy: [],
    first: 10,
    after: null,
    bounds,
  });
  return rows.map((row) => row.unitId);
}

async function exported(table: string, more: Partial<ExportRequest> = {}): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  const bytes = await store.export(testTicket, {
    source: { kind: 'table', table, where: null, columns: null },
    format: 'ARROW_STREAM',
    compression: 'NONE',
    sinceLsn: null,
    asOfLsn: asLsn(2),
    ...more,
  });
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('vectors in ClickHouse', () => {
  it('are tuples whose parts SQL names', async () => {
    const { rows } = await store.sql(
      testTicket,
      'SELECT unitId, at.x, aim.z FROM shots WHERE at.x > 3 ORDER BY at.z',
      {},
      10,
      bounds,
      'whole',
    );
    expect(rows).toEqual([
      [3, 4, 3e38],
      [2, 3.5, 0],
    ]);
    const types = await store.sql(
      testTicket,
      'SELECT toTypeName(at.y), toTypeName(aim.y), at.z FROM shots WHERE unitId = 1',
      {},
      1,
      bounds,
      'whole',
    );
    expect(types.rows).toEqual([['Float32', 'Nullable(Float32)', 3]]);
  });

  it('are read back as they were shipped, nulls as nulls', async () => {
    const { rows } = await store.list(testTicket, {
      table: 'shots',
      where: null,
      orderBy: [],
      first: 10,
      after: null,
      bounds,
    });
    expect(rows.map(({ unitId, at, aim }) => ({ unitId, at, aim }))).toEqual(shots);
  });

  it.each([
    [[{ column: 'at.y', direction: 'ASC' } as const], [2, 3, 1]],
    [[{ column: 'at.x', direction: 'DESC' } as const], [3, 2, 1]],
    [[{ column: 'aim.x', direction: 'ASC' } as const], [3, 2, 1]],
    [[{ column: 'aim.z', direction: 'DESC' } as const], [3, 2, 1]],
  ])('are ordered by %j, page by page, nulls last', async (orderBy, ids) => {
    const read: unknown[] = [];
    for (let after: string | null = null, more = true; more; ) {
      const page = await store.list(testTicket, {
        table: 'shots',
        where: null,
        orderBy,
        first: 1,
        after,
        bounds,
      });
      read.push(...page.rows.map(({ unitId }) => unitId));
      after = page.endCursor;
      more = page.hasNextPage;
    }
    expect(read).toEqual(ids);
  });

  it.each([
    [{ at: { x: { gt: 3 } } }, [2, 3]],
    [{ at: { x: { gt: 3 }, z: { eq: 0.1 } } }, [2]],
    [{ at: { y: { between: [-1, 0] } } }, [2, 3]],
    [{ aim: { isNull: true } }, [1]],
    [{ aim: { isNull: false, x: { lt: 0 } } }, [3]],
    [{ not: { aim: { x: { eq: 0 } } } }, [1, 3]],
    [{ aim: { x: { ne: 0 } } }, [3]],
  ])('are found by %j', async (where, ids) => {
    expect(await found(where)).toEqual(ids);
  });

  it('are as they were at a position', async () => {
    const then = tableFromIPC(await exported('units', { asOfLsn: asLsn(1) }));
    const now = tableFromIPC(await exported('units'));
    expect(then.getChild('at')?.get(0)?.toJSON()).toEqual({ x: 1, y: 0, z: 0 });
    expect(now.getChild('at')?.get(0)?.toJSON()).toEqual({ x: 2, y: 0, z: 0 });
  });

  it.each(['ARROW_STREAM', 'ARROW_FILE'] as const)(
    'are structs of an export as %s',
    async (format) => {
      const table = tableFromIPC(await exported('shots', { format }));
      const field = table.schema.fields.find(({ name }) => name === 'at');
      expect(`${field?.type}`).toBe('Struct<{x:Float32, y:Float32, z:Float32}>');
      expect(table.getChild('at')?.get(1)?.toJSON()).toEqual(shots[1]?.at);
      expect(table.getChild('aim')?.get(0)?.toJSON()).toEqual({ x: null, y: null, z: null });
    },
  );

  it('are structs of an export as Parquet', async () => {
    const frame = pl.readParquet(await exported('shots', { format: 'PARQUET' }));
    expect(frame.getColumn('at').toArray()[1]).toEqual(shots[1]?.at);
  });
});
