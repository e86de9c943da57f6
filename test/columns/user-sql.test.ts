import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenColumnStore } from '../../engine/columns/open-column-store.ts';
import { Ticket } from '../../engine/govern/ticket.ts';
import { asLsn } from '../../engine/model/position.ts';
import { testTicket } from '../ticket.ts';
import { programOf } from './child-hosts.ts';
import { fabricate, manyActions } from './fabricate.ts';
import { bounds, countOf, openEmbedded, ship, temporaryDirectory } from './stores.ts';

const directory = temporaryDirectory();
const secretFile = join(directory.path, 'secret.txt');
const writtenFile = join(directory.path, 'written.csv');
let store: OpenColumnStore;
beforeAll(async () => {
  writeFileSync(secretFile, 'the secret\n');
  store = await openEmbedded(directory.path);
  await ship(store, [
    manyActions(1, 1_000),
    manyActions(2, 1_000),
    fabricate({
      lsn: 3,
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
});
afterAll(async () => {
  await store.close();
  directory.remove();
});

const sql = (query: string, parameters = {}, first = 100) =>
  store.sql(testTicket, query, parameters, first, bounds, 'whole');

describe('SQL of a user', () => {
  it('reads the tables by their manifest names, with exact 64-bit integers', async () => {
    const result = await sql(
      `SELECT kind, count() AS n, sum(toUInt64(9007199254740993)) AS wide
       FROM orders WHERE playerId = {player:UInt32} GROUP BY kind ORDER BY kind`,
      { player: 2 },
    );
    expect(result.columns.map((column) => column.name)).toEqual(['kind', 'n', 'wide']);
    expect(result.rows[0]).toEqual(['MOVE', '334', String(334n * 9007199254740993n)]);
    expect(result.truncated).toBe(false);
    expect(result.coveredLsn).toBe(3);
  });

  it('refuses a parameter that the text does not name', async () => {
    await expect(sql('SELECT {a:UInt8}', { a: 1, b: 2 })).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: 'SQL: the text names no parameter "b"',
      details: { path: 'parameters.b' },
    });
  });

  it('takes text, lists and nulls as parameters without reading them as SQL', async () => {
    const hostile = "'; DROP TABLE orders; --";
    const result = await sql(
      'SELECT {text:String} AS t, {list:Array(Int64)} AS l, {none:Nullable(String)} AS n, {big:UInt64} AS b',
      { text: hostile, list: [1, -2], none: null, big: 2n ** 64n - 1n },
    );
    expect(result.rows).toEqual([[hostile, ['1', '-2'], null, '18446744073709551615']]);
  });

  it('is cut after the first rows, and says so', async () => {
    const result = await sql('SELECT seq FROM orders ORDER BY tick, seq', {}, 10);
    expect(result.rows.map((row) => row[0])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(result.truncated).toBe(true);
  });

  it('sees positions, current rows and the history of rows', async () => {
    expect((await sql('SELECT DISTINCT position FROM orders ORDER BY position')).rows).toEqual([
      ['0:1'],
      ['0:2'],
    ]);
    expect((await sql('SELECT unitId, version, position FROM units')).rows).toEqual([
      [1, 1, '0:3'],
    ]);
    expect((await sql('SELECT count() FROM units_history')).rows).toEqual([['1']]);
  });

  it.each([
    'WITH recent AS (SELECT * FROM orders WHERE tick > 1) SELECT count() FROM recent',
    'SELECT a.seq FROM orders a JOIN orders b ON a.seq = b.seq AND a.tick = b.tick LIMIT 1',
    'SELECT number FROM numbers(3) UNION ALL SELECT 7',
    'SELECT (SELECT max(tick) FROM orders) AS top',
    "SELECT formatDateTime(committedAt, '%Y'), arrayJoin(unitIds) FROM orders LIMIT 2 -- comment",
    'SELECT quantile(0.9)(x) OVER (PARTITION BY playerId) FROM orders LIMIT 1;',
    'SELECT 1 AS `system`, 2 AS "file"',
    'select KIND_OF.kind, COUNT(*) from orders as KIND_OF group by KIND_OF.kind order by 2 desc limit 3',
    'SELECT arrayMap(x -> x + 1, unitIds), arraySum(unitIds), unitIds[1], length(unitIds) FROM orders LIMIT 1',
    'SELECT arraySort((a, b) -> -b, unitIds, unitIds) FROM orders LIMIT 1',
    'SELECT arrayMap(negate, [1, 2])',
    'SELECT u FROM orders ARRAY JOIN unitIds AS u LIMIT 1',
    'SELECT toStartOfInterval(committedAt, INTERVAL 5 MINUTE) AS t, count() FROM orders GROUP BY t ORDER BY t WITH FILL STEP INTERVAL 5 MINUTE LIMIT 3',
    "SELECT countIf(kind = 'MOVE'), sumIf(tick, x > 0), uniqExactIf(playerId, accepted), avgOrNull(x), quantiles(0.5, 0.99)(tick), argMax(kind, tick), topK(3)(kind), groupArray(2)(tick) FROM orders",
    'SELECT playerId, row_number() OVER (PARTITION BY playerId ORDER BY tick, seq) AS n, sum(seq) OVER w, lagInFrame(tick, 1) OVER w FROM orders WINDOW w AS (PARTITION BY playerId ORDER BY tick ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) QUALIFY n = 1',
    'WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r',
    "WITH 'MOVE' AS wanted, (SELECT max(tick) FROM orders) AS last SELECT count() FROM orders WHERE kind = wanted AND tick = last",
    'SELECT * EXCEPT (payload) REPLACE (toString(x) AS x) FROM orders LIMIT 1',
    "SELECT COLUMNS('^t') APPLY(max) FROM orders",
    'SELECT DISTINCT ON (kind) kind, tick FROM orders ORDER BY tick',
    'SELECT tick FROM orders ORDER BY tick LIMIT 1 BY kind',
    'SELECT kind, playerId, count() FROM orders GROUP BY GROUPING SETS ((kind), (playerId)) LIMIT 1',
    'SELECT kind, count() FROM orders GROUP BY kind WITH TOTALS HAVING count() > 1',
    'SELECT kind, count() FROM orders GROUP BY ROLLUP(kind) ORDER BY ALL',
    'FROM orders SELECT tick LIMIT 1',
    '(SELECT 1) UNION DISTINCT (SELECT 1 INTERSECT SELECT 1)',
    'SELECT tick FROM orders WHERE (tick, seq) IN (SELECT tick, seq FROM orders) AND tick NOT IN (7, 8) AND tick BETWEEN 1 AND 2 LIMIT 1',
    "SELECT kind FROM orders WHERE kind LIKE 'M%' AND actionId NOT ILIKE '%\\_z' AND match(actionId, '^\\d|\\w') LIMIT 1",
    "SELECT JSONExtractInt(payload, 'a'), JSONExtract(payload, 'a', 'Nullable(Float64)') FROM orders LIMIT 1",
    "SELECT CAST(1 AS Nullable(UInt8)), '1'::Int64, toDecimal64(1, 2), CAST((1, 'a') AS Tuple(n UInt8, s String)).s, CAST('x' AS Enum8('x' = 1))",
    "SELECT CASE WHEN x > 1 THEN 'high' ELSE 'low' END, if(x IS NULL, 1, 2), x > 1 ? 1 : 2, -x, x * 1.5e3 / 0x1F FROM orders LIMIT 1",
    "SELECT date_trunc('hour', committedAt), dateDiff('second', committedAt, now()), EXTRACT(YEAR FROM committedAt), DATE '2026-01-01' + INTERVAL 1 DAY, toDate('2026-01-01') FROM orders LIMIT 1",
    "SELECT substring('abc' FROM 1 FOR 2), trim(BOTH ' ' FROM ' a '), position('b' IN 'abc'), concat('a', 'b') || 'c'",
    'SELECT o.tick, h.version FROM orders AS o LEFT JOIN units_history AS h ON h.unitId = o.seq ORDER BY 1 LIMIT 1',
    'SELECT o.tick FROM orders o ASOF JOIN orders p ON o.playerId = p.playerId AND o.tick >= p.tick LIMIT 1',
    'SELECT tick FROM tickloom_test_title.orders WHERE tickloom_test_title.orders.tick > 0 LIMIT 1',
    "SELECT t.1, t.2.1, (1, 2).1, map('a', 1)['a'] FROM (SELECT (1, (2, 3)) AS t)",
    "SELECT 'größe   🎮' AS `größe in %`, 'it''s', '\\x41\\n\\t\\\\' /* what */ ; ;",
    'SELECT count() FILTER (WHERE x > 1), first_value(x) IGNORE NULLS FROM orders',
    "SELECT * FROM values('a UInt8, b String', (1, 'x'))",
    'SELECT max(day) FROM (SELECT toDayOfWeek(committedAt) AS day, 1 AS first, 2 AS user FROM orders)',
  ])('may be %s', async (query) => {
    expect((await sql(query)).rows.length).toBeGreaterThan(0);
  });

  it.each([
    // files
    `SELECT * FROM file('${secretFile}', 'LineAsString')`,
    `SELECT file('${secretFile}')`,
    `SELECT arrayMap(x -> file(x), ['${secretFile}'])`,
    `SELECT * FROM orders WHERE actionId IN file('${secretFile}', 'LineAsString')`,
    `SELECT * FROM filesystem('${directory.path}')`,
    `SELECT 1 INTO OUTFILE '${writtenFile}'`,
    `SELECT 1 INTO OUTFILE '${writtenFile}' FORMAT CSV`,
    `INSERT INTO FUNCTION file('${writtenFile}', 'CSV') SELECT 1`,
    // the network and other servers
    "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
    "SELECT * FROM s3('http://127.0.0.1:1/x', 'CSV')",
    "SELECT * FROM remote('127.0.0.1:1', 'system.one')",
    "SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
    "SELECT * FROM executable('id', 'TSV', 'a String')",
    "SELECT * FROM eval('SELECT 1')",
    // the server itself
    'SELECT * FROM system.processes',
    'SELECT * FROM "system"."tables"',
    'SELECT * FROM `SYSTEM`.`tables`',
    'SELECT name FROM information_schema.tables',
    'SELECT name FROM INFORMATION_SCHEMA.TABLES',
    "SELECT * FROM merge('system', '.*')",
    'SELECT * FROM loop(system.settings) LIMIT 1',
    'SELECT 1 WHERE 1 IN system.one',
    'SELECT * FROM (SELECT * FROM (SELECT query FROM system.processes))',
    "SELECT getSetting('max_threads')",
    'SELECT hostName()',
    'SELECT sleep(1)',
    "SELECT * FROM viewExplain('EXPLAIN', '', (SELECT 1))",
    'SELECT * FROM {t:Identifier}.processes',
    // anything but one SELECT
    'DROP TABLE orders',
    'ALTER TABLE orders DELETE WHERE 1',
    'INSERT INTO orders (tick) VALUES (1)',
    'CREATE TABLE mine (a Int8) ENGINE = Memory',
    'CREATE TEMPORARY TABLE mine (a Int8)',
    'SET readonly = 0',
    'SELECT 1; DROP TABLE orders',
    'SELECT 1) ; DROP TABLE orders; SELECT (1',
    'SELECT 1 SETTINGS readonly = 0',
    'SELECT * FROM (SELECT 1 SETTINGS max_threads = 8)',
    'SELECT 1 FORMAT Null',
    'KILL QUERY WHERE 1',
    'SHOW TABLES',
    'SYSTEM SHUTDOWN',
    'EXPLAIN SELECT 1',
    'BACKUP TABLE orders TO Disk(1, 2)',
    'USE system',
    '',
    'nonsense',
  ])('may not be %s', async (query) => {
    await expect(sql(query, { t: 'system' })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    const request = { format: 'ARROW_STREAM', compression: 'NONE', sinceLsn: null } as const;
    const source = { kind: 'sql', query, parameters: { t: 'system' }, seen: 'whole' } as const;
    await expect(
      store.export(testTicket, { ...request, source, asOfLsn: asLsn(3) }),
    ).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
    });
  });

  it('has written and changed nothing by all that', async () => {
    expect(existsSync(writtenFile)).toBe(false);
    expect(await countOf(store, 'orders')).toBe(2_000);
  });

  it('is told what is wrong with it, without internals', async () => {
    const unknown = await sql('SELECT playr FROM orders').catch((error: Error) => error);
    expect(unknown).toMatchObject({ code: 'BAD_USER_INPUT' });
    expect((unknown as Error).message).toMatch(/playr/);
    expect((unknown as Error).message).not.toMatch(/tickloom_|DB::|version 2|Stack/);
    const missing = await sql('SELECT {absent:UInt8}').catch((error: Error) => error);
    expect((missing as Error).message).toMatch(/absent/);
  });
});

describe('bounds on a query', () => {
  const heavy = 'SELECT count() FROM numbers(200000000000) WHERE NOT ignore(sipHash64(number))';

  it('end it in time', async () => {
    const started = performance.now();
    const unbound = { ...bounds, rowsReadMax: 10 ** 15 };
    const running = store.sql(testTicket.within(200), heavy, {}, 1, unbound, 'whole');
    await expect(running).rejects.toMatchObject({ code: 'QUERY_TIMEOUT' });
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('end it when it takes too much memory', async () => {
    const narrow = { ...bounds, memoryBytesMax: 8 * 1024 * 1024 };
    const query = 'SELECT length(groupArray(number)) FROM numbers(50000000)';
    await expect(store.sql(testTicket, query, {}, 1, narrow, 'whole')).rejects.toMatchObject({
      code: 'QUERY_MEMORY',
    });
  });

  it('end it when it reads too many rows', async () => {
    const few = { ...bounds, rowsReadMax: 100 };
    const query = 'SELECT sum(seq) FROM orders';
    await expect(store.sql(testTicket, query, {}, 1, few, 'whole')).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
    });
  });

  it('leave the memory of a long query to be seen', async () => {
    const query = 'SELECT uniqExact(number) FROM numbers(6000000)';
    const { statistics } = await sql(query);
    expect(statistics.rowsRead).toBe(6_000_000);
    expect(statistics.memoryPeakBytes ?? 0).toBeGreaterThan(1_000_000);
  });

  it('let it be listed while it runs, and killed', async () => {
    const running = store.sql(
      testTicket,
      heavy,
      {},
      1,
      { ...bounds, rowsReadMax: 10 ** 15 },
      'whole',
    );
    const failed = expect(running).rejects.toMatchObject({ code: 'QUERY_KILLED' });
    const found = await untilListed(heavy.slice(0, 30));
    expect(found.elapsedMs).toBeGreaterThanOrEqual(0);
    expect(await store.kill(testTicket, found.queryId)).toBe(true);
    await failed;
    expect(await store.kill(testTicket, found.queryId)).toBe(false);
    expect(await store.kill(testTicket, 'no such query')).toBe(false);
    await untilIdle();
  });

  it('let its caller give it up', async () => {
    const caller = new AbortController();
    const unbound = { ...bounds, rowsReadMax: 10 ** 15 };
    const ticket = Ticket.internal('a caller', { signal: caller.signal });
    const running = store.sql(ticket, heavy, {}, 1, unbound, 'whole');
    const failed = expect(running).rejects.toMatchObject({ code: 'QUERY_KILLED' });
    await untilListed(heavy.slice(0, 30));
    caller.abort();
    await failed;
    await untilIdle();
  });
});

async function untilListed(text: string) {
  const find = async () =>
    (await store.running(testTicket)).find((query) => query.query.includes(text));
  await expect
    .poll(async () => (await find())?.memoryBytes, { timeout: 10_000 })
    .toBeTypeOf('number');
  return (await find()) as NonNullable<Awaited<ReturnType<typeof find>>>;
}

/** ClickHouse itself no longer works on anything: the child uses next to no time. */
async function untilIdle(): Promise<void> {
  await expect.poll(() => ticksUsedIn(50), { timeout: 10_000 }).toBeLessThan(5);
}

async function ticksUsedIn(ms: number): Promise<number> {
  const used = () => {
    const fields = readFileSync(`/proc/${programOf(store.childPid as number)}/stat`, 'utf8').split(
      ' ',
    );
    return Number(fields[13]) + Number(fields[14]);
  };
  const before = used();
  await new Promise((resolve) => setTimeout(resolve, ms));
  return used() - before;
}
