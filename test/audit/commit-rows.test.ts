import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commitTable } from '../../engine/columns/commit-rows.ts';
import { createStatements, databaseName } from '../../engine/columns/schema-sql.ts';
import { ColumnsHost, SideTable } from '../../engine/index.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import { parseWhere } from '../../engine/query/parse-where.ts';
import { auditColumns, auditConditions } from '../../resolvers/audit-columns.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { bounds, temporaryDirectory } from '../columns/stores.ts';
import { testTicket } from '../ticket.ts';

const directory = temporaryDirectory();
const commits = 400_000;
let host: ColumnsHost;
let table: SideTable;

beforeAll(async () => {
  host = await ColumnsHost.open({ target: 'embedded', directory: join(directory.path, 'columns') });
  const client = host.connect();
  for (const statement of createStatements(new Catalog(ashfall))) await client.command(statement);
  const name = `${databaseName('ashfall')}.${commitTable}`;
  await client.command(`INSERT INTO ${name}
    (_lsn, committedAt, sessionId, tick, outcome, subject, tableNames, columnNames, rowsWritten, accepted, rejected)
    SELECT number + 1, fromUnixTimestamp64Milli(toInt64(1700000000000 + intDiv(number, 7)), 'UTC'), 'match', number, 'done',
      if(number % 50000 = 0, 'ann', 'sim'), 'actionLog', '', 1, 1, 0 FROM numbers(${commits})`);
  await host.leave(client);
  const definition = { name: 'audit', columns: auditColumns, withCommits: true } as const;
  table = await SideTable.open(host, 'ashfall', definition, null);
});
afterAll(async () => {
  await table.close();
  await host.close();
  directory.remove();
});

const page = (after: string | null, where = {}, first = 50) =>
  table.list(testTicket, {
    where: parseWhere(auditConditions, where, 'where'),
    first,
    after,
    bounds,
  });

describe('commits among what was done', () => {
  test('a page reads what is near its place, not all there is', async () => {
    const newest = await page(null);
    expect(newest.rows.map(({ sequence }) => Number(sequence))).toEqual(
      Array.from({ length: 50 }, (_, i) => commits - i),
    );
    const second = await page(newest.endCursor);
    expect(Number(second.rows[0]?.sequence)).toBe(commits - 50);
    expect(newest.statistics.rowsRead).toBeLessThan(commits / 4);
    expect(second.statistics.rowsRead).toBeLessThan(commits / 4);
  });

  test('are found by who made them', async () => {
    const { rows } = await page(null, { subject: { eq: 'ann' }, action: { eq: 'tick.commit' } });
    expect(rows.map(({ tick }) => tick)).toEqual([7, 6, 5, 4, 3, 2, 1, 0].map((n) => n * 50_000));
    expect(rows[0]).toMatchObject({ source: 'log', table: 'actionLog', role: null, times: 1 });
  });
});
