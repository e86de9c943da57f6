import { type Table, tableFromIPC } from 'apache-arrow';
import pl from 'nodejs-polars';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExportRequest, ExportSource } from '../../engine/columns/column-queries.ts';
import type { OpenColumnStore } from '../../engine/columns/open-column-store.ts';
import { asLsn } from '../../engine/model/position.ts';
import type { Row } from '../../engine/model/types.ts';
import { parseWhere } from '../../engine/query/parse-where.ts';
import { testTicket } from '../ticket.ts';
import { catalog, fabricate, manyActions, type StateChange } from './fabricate.ts';
import { openEmbedded, ship, temporaryDirectory } from './stores.ts';

const directory = temporaryDirectory();
let store: OpenColumnStore;
const ticks = 30;
const actionsPerTick = 8_000;

const facts: Row[] = [
  {
    flag: true,
    small: -128,
    large: -(2n ** 63n),
    huge: 2n ** 64n - 1n,
    ratio: 0.1,
    single: Math.fround(0.1),
    name: 'ümläut \u{1F600}',
    mood: 'ANGRY',
    token: '123e4567-e89b-12d3-a456-426614174000',
    at: 1_700_000_000_123,
    blob: Uint8Array.of(0, 255, 10),
    maybe: false,
    tags: ['a', '', 'ö'],
  },
  {
    flag: false,
    small: 127,
    large: 2n ** 63n - 1n,
    huge: null,
    ratio: null,
    single: 0,
    name: null,
    mood: null,
    token: null,
    at: null,
    blob: null,
    maybe: null,
    tags: [],
  },
];

beforeAll(async () => {
  store = await openEmbedded(directory.path);
  const changes = [];
  for (let lsn = 1; lsn <= ticks; lsn++) changes.push(manyActions(lsn, actionsPerTick));
  changes.push(
    fabricate({ lsn: 31, events: { facts }, states: { units: unit('inserted', 1, 5) } }),
  );
  changes.push(fabricate({ lsn: 32, states: { units: unit('updated', 2, 6) } }));
  changes.push(fabricate({ lsn: 33, states: { units: unit('deleted', 3, 6) } }));
  await ship(store, changes);
});
afterAll(async () => {
  await store.close();
  directory.remove();
});

function unit(change: StateChange['change'], version: number, health: number): StateChange[] {
  return [{ change, version, row: { sessionId: 's1', unitId: 9, ownerId: 1, health } }];
}

async function exported(
  source: ExportSource | string,
  request: Partial<ExportRequest> = {},
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  const bytes = await store.export(testTicket, {
    source:
      typeof source === 'string'
        ? { kind: 'table', table: source, where: null, columns: null }
        : source,
    format: 'ARROW_STREAM',
    compression: 'NONE',
    sinceLsn: null,
    asOfLsn: asLsn(33),
    ...request,
  });
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const typesOf = (table: Table) =>
  table.schema.fields.map((field) => `${field.name}: ${field.type}${field.nullable ? '?' : ''}`);

const orderTypes = [
  'sessionId: Utf8',
  'tick: Uint32',
  'seq: Uint32',
  'position: Utf8',
  'committedAt: Timestamp<MILLISECOND, UTC>',
  'actionId: Utf8',
  'accepted: Bool',
  'conflict: Utf8?',
  'playerId: Uint32',
  'kind: Utf8',
  'unitIds: List<Uint32>',
  'x: Float32?',
  'payload: Utf8?',
];

describe('an export of many batches', () => {
  it.each(['ARROW_STREAM', 'ARROW_FILE'] as const)(
    'as %s has every row and the types of the manifest, for two readers',
    async (format) => {
      const bytes = await exported('orders', { format });
      const table = tableFromIPC(bytes);
      expect(table.numRows).toBe(ticks * actionsPerTick);
      expect(table.batches.length, 'several batches, or this proves nothing').toBeGreaterThan(2);
      expect(typesOf(table)).toEqual(orderTypes);
      let checked = 0;
      for (const batch of table.batches) {
        const tick = batch.getChild('tick')?.toArray() as Uint32Array;
        const seq = batch.getChild('seq')?.toArray() as Uint32Array;
        const actionId = batch.getChild('actionId');
        const x = batch.getChild('x');
        const position = batch.getChild('position');
        for (let i = 0; i < batch.numRows; i += 97) {
          expect(actionId?.get(i)).toBe(`${tick[i]}-${seq[i]}`);
          expect(position?.get(i)).toBe(`0:${tick[i]}`);
          expect(x?.get(i)).toBe((seq[i] as number) % 2 === 0 ? (seq[i] as number) / 2 : null);
          checked += 1;
        }
      }
      expect(checked).toBeGreaterThan(2_000);

      const frame = format === 'ARROW_FILE' ? pl.readIPC(bytes) : pl.readIPCStream(bytes);
      expect(frame.height).toBe(ticks * actionsPerTick);
      expect(frame.columns).toEqual(orderTypes.map((type) => type.split(':')[0]));
      const distinct = frame.select(pl.col('actionId').nUnique(), pl.col('seq').sum());
      expect(distinct.row(0)).toEqual([
        ticks * actionsPerTick,
        (ticks * actionsPerTick * (actionsPerTick - 1)) / 2,
      ]);
    },
  );

  it('as PARQUET has every row', async () => {
    const frame = pl.readParquet(
      await exported('orders', { format: 'PARQUET', compression: 'ZSTD' }),
    );
    expect(frame.height).toBe(ticks * actionsPerTick);
    expect(frame.select(pl.col('actionId').nUnique()).row(0)).toEqual([ticks * actionsPerTick]);
  });

  it.each(['LZ4', 'ZSTD'] as const)(
    'is smaller with %s, and means the same',
    async (compression) => {
      const plain = await exported('orders');
      const packed = await exported('orders', { compression });
      expect(packed.byteLength).toBeLessThan(plain.byteLength / 2);
      expect(pl.readIPCStream(packed).height).toBe(ticks * actionsPerTick);
    },
  );

  it('stops in ClickHouse when its reader goes away', async () => {
    const bytes = await store.export(testTicket, {
      source: {
        kind: 'sql',
        query: 'SELECT number FROM numbers(1000000000000)',
        parameters: {},
        seen: 'whole',
      },
      format: 'ARROW_STREAM',
      compression: 'NONE',
      sinceLsn: null,
      asOfLsn: asLsn(33),
    });
    for await (const chunk of bytes) {
      expect(chunk.byteLength).toBeGreaterThan(0);
      break;
    }
    await expect
      .poll(async () => (await store.running(testTicket)).length, { timeout: 10_000 })
      .toBe(0);
  });

  it('fails aloud when its query fails on its way', async () => {
    const query = "SELECT throwIf(number = 3000000, 'boom') AS x, number FROM numbers(10000000)";
    for (const format of ['ARROW_STREAM', 'PARQUET'] as const) {
      const failing = exported({ kind: 'sql', query, parameters: {}, seen: 'whole' }, { format });
      await expect(failing).rejects.toMatchObject({
        code: 'BAD_USER_INPUT',
        message: expect.stringContaining('boom'),
      });
    }
  });

  it('ends when it is killed', async () => {
    const query = 'SELECT number FROM numbers(1000000000000)';
    const endless = exported({ kind: 'sql', query, parameters: {}, seen: 'whole' });
    const failed = expect(endless).rejects.toMatchObject({ code: 'QUERY_KILLED' });
    const found = async () =>
      (await store.running(testTicket)).find((running) => running.query.startsWith(query));
    await expect.poll(found).toBeDefined();
    expect(await store.kill(testTicket, (await found())?.queryId ?? '')).toBe(true);
    await failed;
  });
});

describe('an export', () => {
  it('carries every kind of column exactly', async () => {
    const table = tableFromIPC(await exported('facts'));
    expect(typesOf(table).slice(5)).toEqual([
      'flag: Bool',
      'small: Int8',
      'large: Int64',
      'huge: Uint64?',
      'ratio: Float64?',
      'single: Float32',
      'name: Utf8?',
      'mood: Utf8?',
      'token: Utf8?',
      'at: Timestamp<MILLISECOND, UTC>?',
      'blob: Binary?',
      'maybe: Bool?',
      'tags: List<Utf8>',
    ]);
    const rows = table.toArray().map((row) => {
      const { tags, ...rest } = row.toJSON();
      return { ...rest, tags: [...tags] };
    });
    for (const fact of facts) {
      expect(rows).toContainEqual(expect.objectContaining(fact));
    }
  });

  it('has the rows as of a position, however much came later', async () => {
    const upTo5 = tableFromIPC(await exported('orders', { asOfLsn: asLsn(5) }));
    expect(upTo5.numRows).toBe(5 * actionsPerTick);
    const from4 = tableFromIPC(await exported('orders', { sinceLsn: asLsn(3), asOfLsn: asLsn(5) }));
    expect(from4.numRows).toBe(2 * actionsPerTick);
  });

  it.each([
    [30, []],
    [31, [5]],
    [32, [6]],
    [33, []],
  ])('has live rows as they were at position %i', async (lsn, health) => {
    const table = tableFromIPC(await exported('units', { asOfLsn: asLsn(lsn) }));
    expect([...(table.getChild('health') ?? [])]).toEqual(health);
    expect(typesOf(table)).toEqual([
      'sessionId: Utf8',
      'unitId: Uint32',
      'ownerId: Uint32',
      'health: Float32?',
      'version: Uint32',
      'position: Utf8',
      'committedAt: Timestamp<MILLISECOND, UTC>',
    ]);
  });

  it('has the columns asked for, of the rows asked for', async () => {
    const where = parseWhere(
      catalog.columnsOf(catalog.table('orders')),
      { tick: { eq: 7 }, kind: { eq: 'ATTACK' }, position: { eq: '0:7' } },
      'where',
    );
    const columns = ['kind', 'position', 'seq'];
    const table = tableFromIPC(await exported({ kind: 'table', table: 'orders', where, columns }));
    expect(typesOf(table)).toEqual(['kind: Utf8', 'position: Utf8', 'seq: Uint32']);
    expect(table.numRows).toBe(Math.ceil((actionsPerTick - 1) / 3));
    expect(new Set(table.getChild('kind'))).toEqual(new Set(['ATTACK']));
  });

  it('of no rows is a valid file with the schema', async () => {
    for (const format of ['ARROW_STREAM', 'ARROW_FILE'] as const) {
      const table = tableFromIPC(await exported('orders', { format, asOfLsn: asLsn(0) }));
      expect(table.numRows).toBe(0);
      expect(typesOf(table)).toEqual(orderTypes);
    }
  });

  it('of SQL is one stream of all its rows', async () => {
    const query =
      'SELECT tick, {text:String} AS label, number FROM orders, numbers(2) AS twice WHERE seq < {n:UInt32}';
    const source = {
      kind: 'sql',
      query,
      parameters: { text: 'ö', n: 5000 },
      seen: 'whole',
    } as const;
    const table = tableFromIPC(await exported(source));
    expect(table.numRows).toBe(ticks * 5000 * 2);
    expect(table.getChild('label')?.get(0)).toBe('ö');
    expect(pl.readIPC(await exported(source, { format: 'ARROW_FILE' })).height).toBe(
      ticks * 10_000,
    );
  });

  it('refuses a table or column that does not exist', async () => {
    await expect(exported('nowhere')).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    const source = { kind: 'table', table: 'orders', where: null, columns: ['nothing'] } as const;
    await expect(exported(source)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  });
});
