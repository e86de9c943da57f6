import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ColumnsHost, SideTable } from '../../engine/index.ts';
import { parseWhere } from '../../engine/query/parse-where.ts';
import { auditColumns, auditConditions } from '../../resolvers/audit-columns.ts';
import { AuditLog } from '../../src/audit/audit-log.ts';
import type { AuditRecord } from '../../src/audit/audit-record.ts';
import { AuditShipper, type ShippedTable } from '../../src/audit/audit-shipper.ts';
import type { AuditRetention } from '../../src/config/setting-types.ts';
import { servingLimits } from '../../src/serving-limits.ts';
import { bounds, temporaryDirectory } from '../columns/stores.ts';
import { testTicket } from '../ticket.ts';
import { recordOf, ToldLogger } from './recorded.ts';

const directory = temporaryDirectory();
const { logger } = new ToldLogger();
const { auditShipRecordsMax } = servingLimits;
const waitMs = 20_000;
const dayMs = 24 * 60 * 60_000;
let host: ColumnsHost;
let titles = 0;
const ends: (() => Promise<void>)[] = [];

beforeAll(async () => {
  host = await ColumnsHost.open({ target: 'embedded', directory: join(directory.path, 'columns') });
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
afterAll(async () => {
  await host.close();
  directory.remove();
});

interface Shipping {
  readonly title: string;
  readonly audit: AuditLog;
  readonly shipper: AuditShipper;
}

interface ShippingOptions {
  readonly title?: string;
  readonly retention?: AuditRetention;
  readonly nowMs?: () => number;
  readonly segmentBytesMax?: number;
  readonly wrap?: (table: ShippedTable) => ShippedTable;
}

/** A title's audit log and what ships it, in a database of its own unless the title is named. */
async function ship(options: ShippingOptions = {}): Promise<Shipping> {
  titles += 1;
  const { title = `title-${titles}`, retention = { kind: 'all' } as const, wrap } = options;
  const audit = await AuditLog.open({
    directory: join(directory.path, 'titles', title, 'audit'),
    logger,
    segmentBytesMax: options.segmentBytesMax ?? 1_000_000,
  });
  const keepDays = retention.kind === 'days' ? retention.days : null;
  const shipper = new AuditShipper({
    audit,
    openTable: async () => {
      const table = await openTable(title, keepDays);
      return wrap?.(table) ?? table;
    },
    retention,
    logger,
    ...(options.nowMs === undefined ? {} : { nowMs: options.nowMs }),
  });
  ends.push(
    () => audit.close(),
    () => shipper.close(),
  );
  return { title, audit, shipper };
}

function openTable(title: string, keepDays: number | null): Promise<SideTable> {
  return SideTable.open(host, title, { name: 'audit', columns: auditColumns }, keepDays);
}

async function endAll(): Promise<void> {
  for (const end of ends.splice(0).reverse()) await end();
}

async function page(
  shipper: AuditShipper,
  { where = {}, first = 100, after = null as string | null } = {},
) {
  const table = await shipper.caughtUp(waitMs);
  return table.list(testTicket, {
    where: parseWhere(auditConditions, where, 'where'),
    first,
    after,
    bounds,
  });
}

async function sequences(shipper: AuditShipper, where = {}): Promise<number[]> {
  return (await page(shipper, { where })).rows.map(({ sequence }) => Number(sequence));
}

describe('what was recorded', () => {
  test('can be read at once, the newest first, with every field as it was', async () => {
    const { audit, shipper } = await ship();
    const record: AuditRecord = {
      atMs: 1_700_000_000_123,
      action: 'query.sql',
      outcome: 'failed',
      code: 'QUERY_TIMEOUT',
      subject: 'o\'brien \\ "x"\n',
      role: 'analyst',
      address: '2001:db8::1',
      client: 'tickloom-sdk/0.1.0',
      requestId: 'r-1',
      queryClass: 'ARCHIVAL',
      operation: 'Find',
      fingerprint: '0011223344556677',
      table: 'actionLog',
      columns: ['x', 'y'],
      lsn: 7,
      rowsRead: 2 ** 40,
      bytesRead: 12,
      rowsWritten: 1,
      elapsedMs: 1.25,
      times: 2,
      details: { sql: 'SELECT 1' },
    };
    audit.record(recordOf(1));
    audit.record(record);
    const { rows } = await page(shipper);
    expect(rows.map(({ sequence }) => sequence)).toEqual([2n, 1n]);
    const { queryClass, atMs, details, ...same } = record;
    expect(rows[0]).toEqual({
      ...same,
      sequence: 2n,
      at: atMs,
      class: queryClass,
      lsn: 7n,
      rowsRead: 2n ** 40n,
      bytesRead: 12n,
      rowsWritten: 1n,
      details: JSON.stringify(details),
      source: 'audit',
      session: null,
      tick: null,
      tables: ['actionLog'],
      accepted: null,
      rejected: null,
    });
    expect(rows[1]).toMatchObject({ code: null, table: null, columns: [], times: 1, class: null });
  });

  test('is found by conditions on its fields', async () => {
    const { audit, shipper } = await ship();
    audit.record(recordOf(1, { subject: 'ann', table: 'unitState', atMs: 1_000 }));
    audit.record(recordOf(2, { subject: 'bob', action: 'query.sql', atMs: 2_000 }));
    audit.record(
      recordOf(3, { subject: 'ann', outcome: 'failed', code: 'UNAVAILABLE', atMs: 3_000 }),
    );
    const found = (where: object) => sequences(shipper, where);
    expect(await found({ subject: { eq: 'ann' } })).toEqual([3, 1]);
    expect(await found({ table: { eq: 'unitState' } })).toEqual([1]);
    expect(await found({ action: { like: 'query.%' } })).toEqual([2]);
    expect(await found({ outcome: { ne: 'done' } })).toEqual([3]);
    expect(await found({ code: { isNull: true } })).toEqual([2, 1]);
    expect(await found({ requestId: { in: ['request-1', 'request-2'] } })).toEqual([2, 1]);
    const between = ['1970-01-01T00:00:01.500Z', '1970-01-01T00:00:03.000Z'];
    expect(await found({ at: { between } })).toEqual([3, 2]);
    expect(await found({ not: { subject: { eq: 'ann' } } })).toEqual([2]);
  });

  test('is one Arrow table when it is exported, the oldest first', async () => {
    const { audit, shipper } = await ship();
    for (let number = 1; number <= 50; number++) audit.record(recordOf(number));
    const table = await shipper.caughtUp(waitMs);
    audit.record(recordOf(51));
    await shipper.caughtUp(waitMs);
    const chunks: Uint8Array[] = [];
    const stream = await table.export(testTicket, {
      where: null,
      upToKey: 50n,
      format: 'ARROW_STREAM',
      compression: 'NONE',
    });
    for await (const chunk of stream) chunks.push(chunk);
    const arrow = tableFromIPC(Buffer.concat(chunks));
    expect(arrow.schema.fields.map(({ name }) => name)).toEqual(
      auditColumns.map(({ name }) => name),
    );
    expect(Array.from(arrow.getChild('sequence') ?? [], Number)).toEqual(
      Array.from({ length: 50 }, (_, i) => i + 1),
    );
    expect(arrow.getChild('action')?.get(0)).toBe('session.open');
  });
});

describe('each record is in the table once', () => {
  test('though inserts fail, before or after they are done', async () => {
    let inserts = 0;
    const wrap = (table: ShippedTable): ShippedTable => ({
      lastKey: () => table.lastKey(),
      deleteAfter: (key) => table.deleteAfter(key),
      deleteBefore: (key) => table.deleteBefore(key),
      list: (ticket, request) => table.list(ticket, request),
      export: (ticket, request) => table.export(ticket, request),
      close: () => table.close(),
      insert: async (rows) => {
        inserts += 1;
        if (inserts % 3 === 1) throw new Error('before');
        await table.insert(rows);
        if (inserts % 3 === 2) throw new Error('after');
      },
    });
    const { audit, shipper } = await ship({ wrap });
    for (let number = 1; number <= 30; number++) {
      audit.record(recordOf(number));
      if (number % 10 === 0) await shipper.caughtUp(waitMs);
    }
    expect(inserts).toBeGreaterThan(3);
    expect(await sequences(shipper)).toEqual(Array.from({ length: 30 }, (_, i) => 30 - i));
  });

  test('so many go in one insert at most (auditShipRecordsMax)', async () => {
    const inserts: number[] = [];
    let last = 0n;
    const { audit, shipper } = await ship({
      wrap: (table) => ({
        lastKey: async () => last,
        deleteAfter: async () => {},
        deleteBefore: async () => {},
        list: (ticket, request) => table.list(ticket, request),
        export: (ticket, request) => table.export(ticket, request),
        close: () => table.close(),
        insert: async (rows) => {
          inserts.push(rows.length);
          last = BigInt(String(rows.at(-1)?.sequence));
        },
      }),
    });
    const count = auditShipRecordsMax + 100;
    for (let number = 1; number <= count; number++) audit.record(recordOf(number));
    await shipper.caughtUp(waitMs);
    expect(inserts.reduce((sum, rows) => sum + rows, 0)).toBe(count);
    expect(Math.max(...inserts)).toBeLessThanOrEqual(auditShipRecordsMax);
    expect(inserts.length).toBeGreaterThan(1);
  });

  test('over a restart it goes on behind the last that is there, and rebuilds a table that was lost', async () => {
    const { title, audit, shipper } = await ship();
    for (let number = 1; number <= 5; number++) audit.record(recordOf(number));
    await shipper.caughtUp(waitMs);
    await endAll();
    const second = await ship({ title });
    for (let number = 6; number <= 8; number++) second.audit.record(recordOf(number));
    expect(await sequences(second.shipper)).toEqual([8, 7, 6, 5, 4, 3, 2, 1]);
    await endAll();
    await host.dropDatabase(title);
    const third = await ship({ title });
    expect(await sequences(third.shipper)).toEqual([8, 7, 6, 5, 4, 3, 2, 1]);
  });

  test('rows that the log does not have are removed before their numbers are given again', async () => {
    const { title, audit, shipper } = await ship();
    audit.record(recordOf(1));
    await shipper.caughtUp(waitMs);
    await endAll();
    const table = await openTable(title, null);
    const { auditRow } = await import('../../src/audit/audit-row.ts');
    await table.insert([auditRow(2, recordOf(2, { subject: 'of another log' }))]);
    await table.close();
    const second = await ship({ title });
    expect(await sequences(second.shipper)).toEqual([1]);
    second.audit.record(recordOf(2));
    const { rows } = await page(second.shipper);
    expect(rows.map(({ subject }) => subject)).toEqual(['simulator-1', 'simulator-1']);
  });
});

test('a walk over the pages sees every record that was there once, whatever is recorded meanwhile', async () => {
  const { audit, shipper } = await ship();
  let recorded = 0;
  const record = (count: number) => {
    for (let i = 0; i < count; i++) audit.record(recordOf(++recorded));
  };
  record(15);
  const walks = fc.asyncProperty(
    fc.integer({ min: 3, max: 9 }),
    fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 6 }),
    async (first, appends) => {
      const table = await shipper.caughtUp(waitMs);
      const before = recorded;
      const seen: number[] = [];
      let after: string | null = null;
      for (let step = 0; ; step++) {
        const request = { where: null, first, after, bounds };
        const { rows, hasNextPage, endCursor } = await table.list(testTicket, request);
        seen.push(...rows.map(({ sequence }) => Number(sequence)));
        if (!hasNextPage) break;
        after = endCursor;
        record(appends[step % appends.length] ?? 0);
      }
      expect(seen).toEqual(Array.from({ length: before }, (_, i) => before - i));
    },
  );
  await fc.assert(walks, { numRuns: 6 });
});

describe('what is old', () => {
  test('goes from the log in whole segments once it is shipped, and is not shipped again', async () => {
    // ClickHouse looks at the clock of the machine.
    const today = Date.now();
    let nowMs = today - 29 * dayMs;
    const retention = { kind: 'days', days: 10 } as const;
    const options = { retention, nowMs: () => nowMs, segmentBytesMax: 2_000 };
    const { title, audit, shipper } = await ship(options);
    for (let number = 1; number <= 30; number++) {
      audit.record(recordOf(number, { atMs: today - (30 - number) * dayMs + 60_000 }));
      await audit.settled();
    }
    await shipper.caughtUp(waitMs);
    await shipper.dropOld();
    expect(audit.firstLsn).toBe(1);
    nowMs = today;
    await shipper.dropOld();
    expect(audit.firstLsn).toBeGreaterThan(1);
    // Record 20 is not ten days old.
    expect(audit.firstLsn).toBeLessThanOrEqual(20);
    await endAll();
    await host.dropDatabase(title);
    const second = await ship({ ...options, title });
    expect((await sequences(second.shipper)).at(-1)).toBe(20);
  });

  test('goes from the table, too, where a size is kept', async () => {
    const retention = { kind: 'bytes', bytes: 4_000 } as const;
    const { audit, shipper } = await ship({ retention, segmentBytesMax: 2_000 });
    for (let number = 1; number <= 60; number++) {
      audit.record(recordOf(number));
      await audit.settled();
    }
    await shipper.caughtUp(waitMs);
    await shipper.dropOld();
    expect(audit.firstLsn).toBeGreaterThan(1);
    expect((await sequences(shipper)).at(-1)).toBe(audit.firstLsn);
  });
});
