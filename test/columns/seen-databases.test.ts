import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { ColumnMasks } from '../../engine/access/column-mask.ts';
import type { SeenColumn, SeenTable } from '../../engine/access/seen-tables.ts';
import type { OpenColumnStore } from '../../engine/columns/open-column-store.ts';
import { limits } from '../../engine/model/limits.ts';
import { testTicket } from '../ticket.ts';
import { catalog, fabricate } from './fabricate.ts';
import { bounds, openEmbedded, ship, temporaryDirectory } from './stores.ts';

const directory = temporaryDirectory();
const maskKey = new Uint8Array(32).map((_, i) => i * 7);
const masks = new ColumnMasks(() => maskKey);
let store: OpenColumnStore;
/** Enough text for a part whose columns ClickHouse reads one by one: there it computes what is cheap first. */
const rows = 20_000;

beforeAll(async () => {
  store = await openEmbedded(directory.path, { masks });
  const facts = Array.from({ length: rows }, (_, i) => ({
    flag: true,
    small: i % 2,
    large: BigInt(i),
    huge: null,
    ratio: null,
    single: i % 2,
    name: `${i % 2 === 0 ? 'eu' : 'us'} ${String(i).repeat(100)}`,
    mood: i % 2 === 0 ? 'CALM' : 'ANGRY',
    token: null,
    at: null,
    blob: null,
    maybe: null,
    tags: i % 2 === 0 ? [] : ['secret'],
  }));
  const unit = (unitId: number, ownerId: number) => ({
    sessionId: 's1',
    unitId,
    ownerId,
    health: unitId,
  });
  await ship(store, [
    fabricate({ lsn: 1, events: { facts } }),
    fabricate({
      lsn: 2,
      states: {
        units: [
          { change: 'inserted', version: 1, row: unit(1, 1) },
          { change: 'inserted', version: 1, row: unit(2, 2) },
          { change: 'inserted', version: 1, row: unit(3, 2) },
        ],
      },
    }),
    fabricate({
      lsn: 3,
      states: {
        units: [
          { change: 'updated', version: 2, row: unit(1, 2) },
          { change: 'updated', version: 2, row: unit(2, 1) },
          { change: 'deleted', version: 2, row: unit(3, 2) },
        ],
      },
    }),
  ]);
}, 60_000);
afterAll(async () => {
  await store.close();
  directory.remove();
});

function columnsOf(name: string, as: Partial<Record<string, SeenColumn['shown'] | 'hidden'>> = {}) {
  const names = [...catalog.columnsOf(catalog.table(name)).keys()];
  return names.flatMap((column): SeenColumn[] => {
    const shown = as[column] ?? 'plain';
    return shown === 'hidden' ? [] : [{ column, shown }];
  });
}

const europe: SeenTable = {
  table: 'facts',
  condition: { kind: 'compare', column: 'name', op: 'like', value: 'eu %' },
  columns: columnsOf('facts', { token: 'hidden', maybe: 'null', ratio: 'null' }),
};
const ownUnits = (ownerId: number): SeenTable => ({
  table: 'units',
  condition: { kind: 'compare', column: 'ownerId', op: 'eq', value: ownerId },
  columns: columnsOf('units', { health: 'null' }),
});

const asked = (query: string, seen: readonly SeenTable[] = [europe, ownUnits(1)]) =>
  store.sql(testTicket, query, {}, 1_000, bounds, seen);
const first = async (query: string, seen?: readonly SeenTable[]) =>
  (await asked(query, seen)).rows[0];

describe('a rule for rows', () => {
  test('is no barrier as a condition of a subquery: what a query asks may be computed first', async () => {
    const query =
      "SELECT count() FROM (SELECT * FROM facts WHERE name LIKE 'eu %') WHERE throwIf(small = 1) = 0";
    await expect(store.sql(testTicket, query, {}, 1, bounds, 'whole')).rejects.toThrow(/throwIf/);
  });

  // Each would fail, or tell another number, if it met one row of the other half.
  it.each([
    ['throwIf', 'SELECT count() FROM facts WHERE throwIf(small = 1) = 0'],
    [
      'a condition beside it',
      'SELECT count() FROM facts WHERE small = 0 AND throwIf(small = 1) = 0',
    ],
    ['division by zero', 'SELECT count() FROM facts WHERE intDiv(1, 1 - small) = 1'],
    ['modulo zero', 'SELECT count() FROM facts WHERE modulo(1, 1 - small) = 0'],
    ['a number of a text', "SELECT count() FROM facts WHERE toUInt8(if(small = 1, 'x', '1')) = 1"],
    ['a cast', "SELECT count() FROM facts WHERE CAST(if(small = 1, 'x', '1') AS UInt8) = 1"],
    [
      'a date',
      "SELECT count() FROM facts WHERE toDate(if(small = 1, 'x', '2020-01-01')) > '2019-01-01'",
    ],
    ['an exact cast', "SELECT count() FROM facts WHERE accurateCast(0 - small, 'UInt8') = 0"],
    [
      'an element of an array',
      'SELECT count() FROM facts WHERE arrayElement([1], toInt32(1) - 2 * small + throwIf(small = 1)) = 1',
    ],
    [
      'a list that is too long',
      'SELECT count() FROM facts WHERE length(range(toUInt64(small) * 1000000000000)) = 0',
    ],
    [
      'a text that is too long',
      "SELECT count() FROM facts WHERE length(repeat('x', toUInt64(small) * 1000000000000)) = 0",
    ],
    ['a pattern', "SELECT count() FROM facts WHERE match('a', if(small = 1, '(', 'a'))"],
    ['an aggregate', 'SELECT countIf(throwIf(small = 1) = 0) FROM facts'],
    ['a sum', 'SELECT sum(intDiv(1, 1 - small)) FROM facts'],
    [
      'a group',
      'SELECT sum(n) FROM (SELECT count() AS n FROM facts GROUP BY intDiv(large, 1 - small))',
    ],
    [
      'HAVING',
      'SELECT sum(n) FROM (SELECT large, count() AS n FROM facts GROUP BY large, small HAVING throwIf(small = 1) = 0)',
    ],
    [
      'an order',
      'SELECT count() FROM (SELECT large FROM facts ORDER BY intDiv(large, 1 - small) LIMIT 100000)',
    ],
    [
      'the first of an order',
      'SELECT 10000 * count() FROM (SELECT large FROM facts ORDER BY small DESC, large LIMIT 1) WHERE large = 0',
    ],
    ['DISTINCT', 'SELECT 10000 * count() FROM (SELECT DISTINCT intDiv(1, 1 - small) FROM facts)'],
    [
      'LIMIT BY',
      'SELECT 10000 * count() FROM (SELECT small FROM facts LIMIT 1 BY intDiv(1, 1 - small))',
    ],
    [
      'a join',
      'SELECT count() FROM facts AS a JOIN facts AS b ON a.large = b.large AND intDiv(1, 1 - a.small) = intDiv(1, 1 - b.small)',
    ],
    [
      'a join of numbers',
      'SELECT count() FROM facts AS a JOIN numbers(100000) AS n ON toInt64(n.number) = intDiv(a.large, 1 - a.small)',
    ],
    [
      'a join by ASOF',
      'SELECT count() FROM facts AS a ASOF JOIN facts AS b ON a.flag = b.flag AND a.large >= b.large WHERE throwIf(a.small + b.small > 0) = 0',
    ],
    [
      'a subquery',
      'SELECT count() FROM facts WHERE large IN (SELECT large FROM facts WHERE throwIf(small = 1) = 0)',
    ],
    [
      'a subquery of each row',
      'SELECT sum(n) FROM (SELECT (SELECT count() FROM facts AS b WHERE b.large = a.large AND throwIf(b.small = 1) = 0) AS n FROM facts AS a)',
    ],
    [
      'EXISTS',
      'SELECT count() FROM facts AS a WHERE EXISTS (SELECT 1 FROM facts AS b WHERE b.large = a.large AND intDiv(1, 1 - b.small) = 1)',
    ],
    ['WITH', 'WITH throwIf(small = 1) AS t SELECT count() FROM facts WHERE t = 0'],
    [
      'a name that hides a column',
      'SELECT count() FROM (SELECT throwIf(small = 1) AS name, large FROM facts) WHERE name = 0',
    ],
    [
      'UNION',
      'SELECT sum(n) FROM (SELECT count() AS n FROM facts WHERE throwIf(small = 1) = 0 UNION ALL SELECT 0)',
    ],
    [
      'INTERSECT',
      'SELECT count() FROM (SELECT large FROM facts WHERE throwIf(small = 1) = 0 INTERSECT SELECT large FROM facts)',
    ],
    [
      'a window',
      'SELECT count() FROM (SELECT row_number() OVER (PARTITION BY intDiv(1, 1 - small) ORDER BY large) AS n FROM facts)',
    ],
    [
      'QUALIFY',
      'SELECT count() FROM (SELECT large FROM facts QUALIFY throwIf(count() OVER (PARTITION BY small) != 10000) = 0)',
    ],
    ['arrayJoin', 'SELECT count() FROM (SELECT arrayJoin([intDiv(1, 1 - small)]) FROM facts)'],
    ['ARRAY JOIN', 'SELECT count() FROM facts ARRAY JOIN [throwIf(small = 1)] AS t'],
    ['a lambda', 'SELECT count() FROM facts WHERE arrayMap(x -> intDiv(x, 1 - small), [1]) = [1]'],
    ['APPLY', 'SELECT count() FROM (SELECT COLUMNS(small) APPLY (x -> throwIf(x = 1)) FROM facts)'],
    [
      'columns by a pattern',
      "SELECT count() FROM (SELECT COLUMNS('^(small|single)$') APPLY (x -> throwIf(x = 1)) FROM facts)",
    ],
    [
      'replaced columns',
      'SELECT count() FROM (SELECT * REPLACE (throwIf(small = 1) AS small) FROM facts)',
    ],
    ['a count', 'SELECT count() FROM facts'],
    ['a count of a column', 'SELECT count(small) FROM facts'],
    ['different values', 'SELECT uniqExact(large) FROM facts'],
    ['the largest', 'SELECT toUInt64(max(large) + 2) - 10000 FROM facts'],
    ['the smallest enum', "SELECT countIf(mood = 'CALM') FROM facts"],
    ['all texts', "SELECT countIf(startsWith(name, 'eu ')) FROM facts"],
    ['all lists', 'SELECT countIf(empty(tags)) FROM facts'],
    ['WITH TIES', 'SELECT count() FROM (SELECT small FROM facts ORDER BY small LIMIT 1 WITH TIES)'],
    [
      'a recursive WITH',
      'WITH RECURSIVE r AS (SELECT large, small FROM facts UNION ALL SELECT large, small FROM r WHERE throwIf(small = 1) = 1) SELECT count() FROM r',
    ],
    ['rows by number', 'SELECT max(n) + 1 FROM (SELECT rowNumberInAllBlocks() AS n FROM facts)'],
  ])('holds for %s', async (_what, query) => {
    expect(Number((await first(query))?.[0])).toBe(rows / 2);
  });

  it.each([
    ['the block that a row lies in', 'SELECT rowNumberInBlock() FROM facts', /rowNumberInBlock/],
    ['the row before', 'SELECT neighbor(large, 1) FROM facts', /neighbor/],
    ['a running difference', 'SELECT runningDifference(large) FROM facts', /runningDifference/],
    ['where a row is stored', 'SELECT _part FROM facts', /no column "_part"/],
    ['the table behind it', 'SELECT _table, _database FROM facts', /no column "_table"/],
    [
      'a table by its own database',
      'SELECT 1 FROM tickloom_test_title.facts',
      /no "tickloom_test_title"/,
    ],
    ['another database', 'SELECT 1 FROM system.tables', /no "system"/],
    ['tables by a pattern', "SELECT 1 FROM merge('.*')", /merge cannot be used/],
    ['a dictionary', "SELECT dictGet('d', 'a', 1)", /dictGet cannot be used/],
    ['a plan', 'EXPLAIN SELECT 1 FROM facts', /only one SELECT/],
    ['sleep', 'SELECT sleepEachRow(1) FROM facts', /sleepEachRow cannot be used/],
    ['a setting', "SELECT getSetting('format_regexp')", /getSetting cannot be used/],
    [
      'a setting of the query',
      'SELECT 1 FROM facts SETTINGS max_threads = 1',
      /SETTINGS cannot be given/,
    ],
    ['a table that it does not see', 'SELECT 1 FROM profiles', /no "profiles"/],
    [
      'versions of a table that it does not see',
      'SELECT 1 FROM profiles_history',
      /no "profiles_history"/,
    ],
    ['what was shipped', 'SELECT 1 FROM _shipped', /no "_shipped"/],
    ['a hidden column', 'SELECT token FROM facts', /token/],
    ['a hidden column of a table', 'SELECT f.token FROM facts AS f', /token/],
    ['PREWHERE', 'SELECT 1 FROM facts PREWHERE throwIf(small = 1) = 0', /PREWHERE/],
  ])('leaves no way to %s', async (_what, query, message) => {
    await expect(asked(query)).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringMatching(message),
    });
  });

  it('is of each version of a row, and no deletion tells of a row that was another’s', async () => {
    const current = await asked('SELECT unitId, ownerId FROM units ORDER BY unitId');
    expect(current.rows).toEqual([[2, 1]]);
    const history =
      'SELECT unitId, ownerId, version, _deleted FROM units_history ORDER BY unitId, version';
    expect((await asked(history)).rows).toEqual([
      [1, 1, 1, 0],
      [2, 1, 2, 0],
    ]);
    const others: SeenTable = {
      ...ownUnits(1),
      condition: { kind: 'not', inner: { kind: 'compare', column: 'ownerId', op: 'eq', value: 2 } },
    };
    expect((await asked(history, [others])).rows).toEqual([
      [1, 1, 1, 0],
      [2, 1, 2, 0],
    ]);
  });

  it('has its values in no database, and needs none of its own for each', async () => {
    const owners = await Promise.all(
      [1, 2, 1].map((owner) => first('SELECT any(unitId), count() FROM units', [ownUnits(owner)])),
    );
    expect(owners).toEqual([
      [2, '1'],
      [1, '1'],
      [2, '1'],
    ]);
    const seen = await store.sql(testTicket, 'SELECT 1', {}, 1, bounds, []);
    expect(seen.rows).toEqual([[1]]);
  });

  it('of any form holds: trees, lists, ranges, nulls', async () => {
    const condition: SeenTable['condition'] = {
      kind: 'and',
      all: [
        { kind: 'in', column: 'large', values: [1n, 2n, 3n, 5n] },
        {
          kind: 'or',
          any: [
            { kind: 'between', column: 'small', low: 1, high: 2 },
            { kind: 'compare', column: 'mood', op: 'eq', value: 'CALM' },
          ],
        },
        { kind: 'not', inner: { kind: 'compare', column: 'large', op: 'gte', value: 5n } },
        { kind: 'isNull', column: 'huge', isNull: true },
        { kind: 'compare', column: 'name', op: 'ne', value: "o'clock \\ \n \u{1F600}" },
      ],
    };
    expect(
      await first('SELECT groupArray(large) FROM (SELECT large FROM facts ORDER BY large)', [
        { ...europe, condition },
      ]),
    ).toEqual([['1', '2', '3']]);
    const nobody = { ...europe, condition: { kind: 'or', any: [] } as const };
    expect(await first('SELECT count() FROM facts', [nobody])).toEqual(['0']);
  });
});

describe('a rule for columns', () => {
  it('leaves hidden columns out of *, patterns and suggestions', async () => {
    const { columns } = await asked('SELECT * FROM facts LIMIT 1');
    expect(columns.map(({ name }) => name)).not.toContain('token');
    expect((await asked("SELECT COLUMNS('k') FROM facts LIMIT 1")).columns).toEqual([
      { name: 'tick', type: 'UInt32' },
    ]);
    const error = await asked('SELECT tokem FROM facts').catch((reason: Error) => reason.message);
    expect(error).not.toMatch(/token|tickloom_|profiles/);
  });

  it('shows nulls in the place of values, of the type of the column', async () => {
    expect((await asked('SELECT maybe, ratio FROM facts LIMIT 1')).columns).toEqual([
      { name: 'maybe', type: 'Nullable(Bool)' },
      { name: 'ratio', type: 'Nullable(Float64)' },
    ]);
    expect(await first('SELECT count(health), count() FROM units')).toEqual(['0', '1']);
  });

  it('shows the pseudonyms that every answer has, which can be grouped and joined by', async () => {
    const masked: SeenTable = {
      table: 'facts',
      condition: null,
      columns: columnsOf('facts', { name: 'hash' }),
    };
    const name = `eu ${'0'.repeat(100)}`;
    const expected = masks.shown(name, 'facts', 'name', 'hash');
    expect(
      await first('SELECT name, count() FROM facts WHERE large = 0 GROUP BY name', [masked]),
    ).toEqual([expected, '1']);
    expect(
      await first("SELECT countIf(name LIKE 'eu %'), uniqExact(name) FROM facts", [masked]),
    ).toEqual(['0', String(rows)]);
  });

  it('tells its key in no error, whatever fails beside it', async () => {
    const masked: SeenTable = { ...europe, columns: columnsOf('facts', { name: 'hash' }) };
    const { inner, outer } = masks.pads;
    for (const query of [
      'SELECT throwIf(name != 0) FROM facts',
      'SELECT CAST(name AS UUID) FROM facts',
      "SELECT accurateCast(name, 'Date') FROM facts",
      'SELECT nam FROM facts',
      'SELECT arrayMap((x, y) -> x, [name], [name, name]) FROM facts',
      'SELECT repeat(name, 1000000000) FROM facts',
    ]) {
      const error = await asked(query, [masked]).then(
        () => null,
        (reason: Error) => reason,
      );
      const told = `${error?.message} ${error?.stack} ${JSON.stringify(error)} ${String((error?.cause as Error | undefined)?.message)}`;
      expect(error, query).not.toBe(null);
      expect(told).not.toMatch(/SHA256|getSetting|format_regexp/);
      expect(told).not.toContain(inner.slice(0, 20));
      expect(told).not.toContain(outer.slice(0, 20));
    }
  });
});

test('so many databases are kept, those used the longest ago make room (sqlDatabasesMax)', async () => {
  const count = async () => {
    // What a form of a rule needs is made when it is asked of.
    const seen = [{ ...ownUnits(1), condition: null }];
    return (await asked('SELECT count() FROM units', seen)).rows;
  };
  expect(await count()).toEqual([['2']]);
  const forms = Array.from(
    { length: limits.sqlDatabasesMax + 3 },
    (_, i): SeenTable => ({
      ...ownUnits(1),
      condition: {
        kind: 'and',
        all: Array.from(
          { length: i + 1 },
          () => ({ kind: 'compare', column: 'ownerId', op: 'eq', value: 1 }) as const,
        ),
      },
    }),
  );
  for (const form of forms) {
    expect((await asked('SELECT count() FROM units', [form])).rows).toEqual([['1']]);
  }
  expect(await count()).toEqual([['2']]);
}, 60_000);
