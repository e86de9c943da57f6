import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GroupAggregate, GroupsRequest } from '../../engine/columns/column-queries.ts';
import type { OpenColumnStore } from '../../engine/columns/open-column-store.ts';
import type { Row, Value } from '../../engine/model/types.ts';
import type { Condition } from '../../engine/query/condition.ts';
import { parseWhere } from '../../engine/query/parse-where.ts';
import { rowPredicate } from '../../engine/query/row-predicate.ts';
import { testTicket } from '../ticket.ts';
import { catalog, fabricate } from './fabricate.ts';
import { naiveGroups, naiveList } from './naive-queries.ts';
import { SeededRandom } from './random.ts';
import { bounds, openEmbedded, ship, temporaryDirectory } from './stores.ts';

const seed = Number(process.env.TICKLOOM_TEST_SEED ?? 20261123);
const random = new SeededRandom(seed);
const directory = temporaryDirectory();
let store: OpenColumnStore;
/** What the tables hold, in no order. */
const rows: Record<string, Row[]> = { orders: [], facts: [], units: [] };

const names = [null, '', 'a', "o'brien", 'tab\tline\nend', '100%_\\', 'ümläut', '\u{1F600}', 'B'];
const wideNumbers = [0n, 1n, -1n, 2n ** 53n + 1n, -(2n ** 63n), 2n ** 63n - 1n];

function randomFact(): Row {
  const maybe = <T>(value: T) => (random.below(3) === 0 ? null : value);
  return {
    flag: random.below(2) === 0,
    small: random.below(256) - 128,
    large: random.pick(wideNumbers),
    huge: maybe(random.pick([0n, 2n ** 64n - 1n, 2n ** 63n])),
    ratio: maybe(random.below(40) / 8 - 2),
    single: Math.fround(random.below(50) / 10),
    name: random.pick(names),
    mood: maybe(random.pick(['CALM', 'ANGRY'])),
    token: maybe(`123e4567-e89b-12d3-a456-42661417400${random.below(10)}`),
    at: maybe(1_700_000_000_000 + random.below(5)),
    blob: maybe(Uint8Array.of(0, 255, random.below(3))),
    maybe: maybe(random.below(2) === 0),
    tags: Array.from({ length: random.below(3) }, () => random.pick(['x', 'y', ''])),
  };
}

beforeAll(async () => {
  store = await openEmbedded(directory.path);
  const changes = [];
  for (let lsn = 1; lsn <= 60; lsn++) {
    const sessionId = `s${lsn % 3}`;
    const facts = Array.from({ length: 5 }, randomFact);
    const unitId = random.below(12);
    const unit: Row = {
      sessionId,
      unitId,
      ownerId: random.below(4),
      health: random.below(3) === 0 ? null : random.below(20) / 2,
    };
    const existing = (rows.units ?? []).findIndex(
      (row) => row.sessionId === sessionId && row.unitId === unitId,
    );
    const version = existing < 0 ? 1 : Number(rows.units?.[existing]?.version) + 1;
    const deletes = existing >= 0 && random.below(4) === 0;
    const change = existing < 0 ? 'inserted' : deletes ? 'deleted' : 'updated';
    changes.push(
      fabricate({
        lsn,
        sessionId,
        events: { facts },
        states: { units: [{ change, version, row: unit }] },
      }),
    );
    const system = { position: `0:${lsn}`, committedAt: 1_700_000_000_000 + lsn };
    facts.forEach((fact, seq) => {
      rows.facts?.push({ sessionId, tick: lsn, seq, ...system, ...fact });
    });
    if (existing >= 0) rows.units?.splice(existing, 1);
    if (!deletes) rows.units?.push({ ...unit, version, ...system });
  }
  await ship(store, changes);
});
afterAll(async () => {
  await store.close();
  directory.remove();
});

function where(table: string, input: unknown): Condition {
  return parseWhere(catalog.columnsOf(catalog.table(table)), input, 'where');
}

async function listed(
  table: string,
  filter: Condition | null,
  orderBy: GroupsRequest['orderBy'],
  first: number,
) {
  const found: Row[] = [];
  for (let after: string | null = null, pages = 0; pages < 400; pages++) {
    const page: Awaited<ReturnType<OpenColumnStore['list']>> = await store.list(testTicket, {
      table,
      where: filter,
      orderBy,
      first,
      after,
      bounds,
    });
    found.push(...page.rows);
    if (!page.hasNextPage) return found;
    after = page.endCursor;
  }
  throw new Error('the pages do not end');
}

const filters: readonly [string, unknown][] = [
  ['facts', {}],
  ['facts', { name: { eq: "o'brien" } }],
  ['facts', { name: { eq: 'tab\tline\nend' } }],
  ['facts', { name: { ne: 'a' } }],
  ['facts', { not: { name: { eq: 'a' } } }],
  ['facts', { name: { in: ['', 'ümläut', '\u{1F600}'] } }],
  ['facts', { name: { like: '100\\%\\_%' } }],
  ['facts', { name: { like: '%line%' } }],
  ['facts', { name: { gt: 'a' } }],
  ['facts', { name: { isNull: true } }],
  ['facts', { large: { lt: '0' } }],
  ['facts', { large: { eq: '9007199254740993' } }],
  ['facts', { huge: { in: ['18446744073709551615', '0'] } }],
  ['facts', { ratio: { between: [-0.5, 1.25] } }],
  ['facts', { single: { eq: 0.1 } }],
  ['facts', { single: { gte: 2.3 } }],
  ['facts', { mood: { eq: 'ANGRY' } }],
  ['facts', { mood: { in: ['CALM'] } }],
  ['facts', { not: { mood: { eq: 'ANGRY' } } }],
  ['facts', { token: { eq: '123E4567-e89b-12d3-a456-426614174003' } }],
  ['facts', { at: { gt: 1_700_000_000_002 } }],
  ['facts', { blob: { eq: Uint8Array.of(0, 255, 1) } }],
  ['facts', { maybe: { eq: false } }],
  ['facts', { maybe: { in: [false, true] } }],
  ['facts', { ratio: { in: [0.5, -1.125, 2] } }],
  ['facts', { at: { in: [1_700_000_000_001, 1_700_000_000_003] } }],
  ['facts', { token: { in: ['123e4567-e89b-12d3-a456-426614174001'] } }],
  ['facts', { blob: { in: [Uint8Array.of(0, 255, 1), Uint8Array.of(1)] } }],
  ['facts', { small: { in: [-1, 5, 7, 100] } }],
  ['facts', { not: { maybe: { eq: false } } }],
  ['facts', { flag: { eq: true }, small: { lt: 0 } }],
  ['facts', { or: [{ sessionId: { eq: 's1' } }, { tick: { lte: 5 } }] }],
  ['facts', { position: { eq: '0:7' } }],
  ['facts', { position: { in: ['0:7', '0:8'] } }],
  ['facts', { committedAt: { gt: 1_700_000_000_050 } }],
  ['facts', { not: { or: [{ flag: { eq: true } }, { ratio: { isNull: true } }] } }],
  ['units', { sessionId: { eq: 's1' }, health: { gt: 3 } }],
  ['units', { or: [{ unitId: { lt: 4 } }, { ownerId: { eq: 2 } }] }],
  ['units', { health: { isNull: true } }],
];

describe(`rows and groups equal a naive reading (seed ${seed})`, () => {
  it.each(filters.map(([table, input]) => [table, JSON.stringify(input, show), input] as const))(
    'lists %s where %s',
    async (table, _, input) => {
      const filter = where(table, input);
      const expected = naiveList(
        catalog,
        table,
        (rows[table] ?? []).filter(rowPredicate(filter)),
        [],
      );
      expect(await listed(table, filter, [], 97)).toEqual(expected);
    },
  );

  it.each([
    ['facts', [{ column: 'name', direction: 'ASC' }]],
    ['facts', [{ column: 'name', direction: 'DESC' }]],
    [
      'facts',
      [
        { column: 'mood', direction: 'DESC' },
        { column: 'ratio', direction: 'ASC' },
      ],
    ],
    ['facts', [{ column: 'token', direction: 'ASC' }]],
    ['facts', [{ column: 'large', direction: 'DESC' }]],
    [
      'facts',
      [
        { column: 'blob', direction: 'ASC' },
        { column: 'single', direction: 'DESC' },
      ],
    ],
    [
      'facts',
      [
        { column: 'maybe', direction: 'DESC' },
        { column: 'at', direction: 'ASC' },
      ],
    ],
    ['units', [{ column: 'health', direction: 'DESC' }]],
  ] as const)('pages %s by %j without losing or repeating a row', async (table, orderBy) => {
    const expected = naiveList(catalog, table, rows[table] ?? [], orderBy);
    expect(await listed(table, null, orderBy, 7)).toEqual(expected);
  });

  const everyAggregate: GroupAggregate[] = [
    { op: 'countDistinct', column: 'name' },
    { op: 'sum', column: 'small' },
    { op: 'sum', column: 'large' },
    { op: 'sum', column: 'ratio' },
    { op: 'avg', column: 'ratio' },
    { op: 'min', column: 'large' },
    { op: 'max', column: 'huge' },
    { op: 'min', column: 'name' },
    { op: 'max', column: 'mood' },
    { op: 'min', column: 'at' },
    { op: 'max', column: 'token' },
    { op: 'quantile', column: 'ratio', q: 0.5 },
    { op: 'quantile', column: 'small', q: 0.9 },
    { op: 'stddev', column: 'ratio' },
    { op: 'stddev', column: 'small' },
    { op: 'first', column: 'name' },
    { op: 'last', column: 'mood' },
    { op: 'last', column: 'at' },
    { op: 'first', column: 'flag' },
    { op: 'last', column: 'token' },
  ];

  it.each([
    { table: 'facts', by: [] },
    { table: 'facts', by: ['sessionId'] },
    { table: 'facts', by: ['mood', 'flag'] },
    { table: 'facts', by: ['name'] },
    { table: 'facts', by: ['at', 'huge'] },
    { table: 'facts', by: [], tickBucket: 7 },
    { table: 'facts', by: ['sessionId'], tickBucket: 25 },
    { table: 'facts', by: ['token'], where: { flag: { eq: true } } },
    { table: 'facts', by: [], where: { name: { eq: 'nobody' } } },
  ])('groups %j', async ({ table, by, tickBucket = null, where: input = {} }) => {
    const request = {
      table,
      where: where(table, input),
      by,
      tickBucket,
      aggregates: everyAggregate,
      orderBy: [],
      first: 1_000,
      bounds,
    };
    const { groups } = await store.groups(testTicket, request);
    const expected = naiveGroups(
      catalog,
      (rows[table] ?? []).filter(rowPredicate(request.where)),
      request,
    );
    expect(rounded(groups)).toEqual(rounded(expected));
  });

  it('groups live rows as they are now', async () => {
    const request: GroupsRequest = {
      table: 'units',
      where: where('units', { sessionId: { in: ['s0', 's2'] } }),
      by: ['ownerId'],
      tickBucket: null,
      aggregates: [
        { op: 'avg', column: 'health' },
        { op: 'max', column: 'version' },
      ],
      orderBy: [{ column: 'count', direction: 'DESC' }],
      first: 100,
      bounds,
    };
    const { groups } = await store.groups(testTicket, request);
    const expected = naiveGroups(
      catalog,
      (rows.units ?? []).filter(rowPredicate(request.where)),
      request,
    );
    expect(rounded(groups)).toEqual(rounded(expected));
  });

  it('cuts groups after the first, in the order asked', async () => {
    const { groups } = await store.groups(testTicket, {
      table: 'facts',
      where: null,
      by: ['tick'],
      tickBucket: null,
      aggregates: [],
      orderBy: [{ column: 'tick', direction: 'DESC' }],
      first: 3,
      bounds,
    });
    expect(groups.map((group) => group.key.tick)).toEqual([60, 59, 58]);
  });

  it('tells what a query read', async () => {
    const { statistics } = await store.groups(testTicket, {
      table: 'facts',
      where: null,
      by: ['flag'],
      tickBucket: null,
      aggregates: [],
      orderBy: [],
      first: 10,
      bounds,
    });
    expect(statistics.rowsRead).toBe(300);
    expect(statistics.bytesRead).toBeGreaterThan(0);
  });
});

describe('requests that make no sense', () => {
  const page = { where: null, orderBy: [], first: 5, after: null, bounds };
  const group = { ...page, by: [], tickBucket: null, aggregates: [] };

  it('refuses a cursor of another order, another table, or none at all', async () => {
    const { endCursor } = await store.list(testTicket, { ...page, table: 'facts' });
    const other = [{ column: 'name', direction: 'ASC' }] as const;
    for (const [table, orderBy, after] of [
      ['facts', other, endCursor],
      ['orders', [], endCursor],
      ['facts', [], 'nonsense'],
      ['facts', [], Buffer.from('["x"]').toString('base64url')],
    ] as const) {
      const request = { ...page, table, orderBy, after };
      await expect(store.list(testTicket, request)).rejects.toMatchObject({
        code: 'BAD_USER_INPUT',
      });
    }
  });

  it.each([
    { table: 'nowhere' },
    { by: ['nothing'] },
    { aggregates: [{ op: 'sum', column: 'name' }] },
    { aggregates: [{ op: 'min', column: 'tags' }] },
    { aggregates: [{ op: 'quantile', column: 'ratio', q: 2 }] },
    { orderBy: [{ column: 'name', direction: 'ASC' }] },
    { tickBucket: 0 },
    { table: 'units', tickBucket: 5 },
  ] as const)('refuses groups of %j', async (wrong) => {
    const request = { ...group, table: 'facts', ...wrong } as GroupsRequest;
    await expect(store.groups(testTicket, request)).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
    });
  });
});

function show(_: string, value: unknown): unknown {
  return value instanceof Uint8Array ? [...value] : value;
}

/** Sums of floats depend on the order of adding in the last digits. */
function rounded(groups: readonly { key: Row; count: bigint; values: readonly Value[] }[]) {
  return groups.map(({ key, count, values }) => ({
    key,
    count,
    values: values.map((value) =>
      typeof value === 'number' ? Number(value.toPrecision(12)) : value,
    ),
  }));
}
