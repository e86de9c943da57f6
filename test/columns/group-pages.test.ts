import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Group, GroupAggregate, GroupsRequest } from '../../engine/columns/column-queries.ts';
import type { OpenColumnStore } from '../../engine/columns/open-column-store.ts';
import { aggregateName } from '../../engine/columns/queries/aggregate-name.ts';
import type { ColumnDefinition, Row } from '../../engine/model/types.ts';
import { parseWhere } from '../../engine/query/parse-where.ts';
import { testTicket } from '../ticket.ts';
import { fabricate } from './fabricate.ts';
import { SeededRandom } from './random.ts';
import { bounds, openEmbedded, ship, temporaryDirectory } from './stores.ts';

const random = new SeededRandom(Number(process.env.TICKLOOM_TEST_SEED ?? 20261130));
const directory = temporaryDirectory();
let store: OpenColumnStore;
let lsn = 0;

/** What other tests do not vary. */
const rest = { huge: null, blob: null, maybe: null, tags: [], single: 0, token: null, at: null };

function randomFact(): Row {
  return {
    ...rest,
    flag: random.below(2) === 0,
    small: random.below(256) - 128,
    large: random.pick([0n, 2n ** 62n, -(2n ** 62n), BigInt(random.below(9))]),
    ratio: random.below(4) === 0 ? null : random.below(40) / 8 - 2,
    name: random.pick([null, '', 'a', 'b', 'ü']),
    mood: random.pick([null, 'CALM', 'ANGRY']),
  };
}

async function commitSome(ticks: number): Promise<void> {
  const changes = [];
  for (let tick = 0; tick < ticks; tick++) {
    lsn += 1;
    const facts = Array.from({ length: 6 }, randomFact);
    changes.push(fabricate({ lsn, sessionId: `s${lsn % 3}`, events: { facts } }));
  }
  await ship(store, changes);
}

beforeAll(async () => {
  store = await openEmbedded(directory.path);
  await commitSome(60);
});
afterAll(async () => {
  await store.close();
  directory.remove();
});

const ratio = (op: Exclude<GroupAggregate['op'], 'quantile'>): GroupAggregate => {
  return { op, column: 'ratio' };
};
const median: GroupAggregate = { op: 'quantile', column: 'small', q: 0.5 };
const orders: [string, GroupAggregate | null][] = [
  ['their size', null],
  ['sum', { op: 'sum', column: 'large' }],
  ['avg', ratio('avg')],
  ['stddev', ratio('stddev')],
  ['min', ratio('min')],
  ['max', { op: 'max', column: 'name' }],
  ['first', { op: 'first', column: 'mood' }],
  ['last', { op: 'last', column: 'flag' }],
  ['countDistinct', { op: 'countDistinct', column: 'name' }],
  ['quantile', median],
];

function request(parts: Partial<GroupsRequest> = {}): GroupsRequest {
  const base = { table: 'facts', where: null, by: ['name', 'small'], tickBucket: null };
  return { ...base, aggregates: [], orderBy: [], first: 10_000, bounds, ...parts };
}

describe('pages of groups', () => {
  it.each(orders)(
    'by %s go on without losing or repeating one, while rows arrive',
    async (_, aggregate) => {
      const column = aggregate === null ? 'count' : aggregateName(aggregate);
      for (const direction of ['ASC', 'DESC'] as const) {
        const compared = aggregate === null ? [] : [aggregate];
        const asked = request({ compared, aggregates: compared, orderBy: [{ column, direction }] });
        const whole = await store.groups(testTicket, { ...asked, isPaged: true });
        const found: Group[] = [];
        let after: string | null = null;
        for (;;) {
          const page: Awaited<ReturnType<typeof store.groups>> = await store.groups(testTicket, {
            ...asked,
            first: 97,
            after,
            isPaged: true,
          });
          expect(page.coveredLsn).toBe(whole.coveredLsn);
          found.push(...page.groups);
          if (!page.truncated) break;
          after = page.cursorAt(page.groups.length - 1);
          await commitSome(1);
        }
        expect(found).toEqual(whole.groups);
      }
    },
  );

  it('go on as of an earlier moment, and of no other', async () => {
    const asOf = store.coveredLsn;
    const first = await store.groups(testTicket, request({ asOf, first: 5, isPaged: true }));
    await commitSome(1);
    const after = first.cursorAt(4);
    const next = await store.groups(testTicket, request({ after, first: 5 }));
    expect(next.coveredLsn).toBe(asOf);
    const other = request({ after, asOf: store.coveredLsn });
    await expect(store.groups(testTicket, other)).rejects.toThrow(/another moment/);
  });

  it('take no cursor of other groups', async () => {
    const page = await store.groups(testTicket, request({ first: 5, isPaged: true }));
    const after = page.cursorAt(4);
    const foreign = [
      request({ after, by: ['name'] }),
      request({ after, tickBucket: 5 }),
      request({ after, timeBucketMs: 1_000 }),
      request({ after, where: { kind: 'isNull', column: 'name', isNull: true } }),
      request({ after, having: { kind: 'compare', column: 'count', op: 'gt', value: 1n } }),
    ];
    for (const one of foreign) {
      await expect(store.groups(testTicket, one)).rejects.toThrow(/cursor is not of this list/);
    }
  });
});

describe('conditions on groups', () => {
  const number = (name: string, kind: ColumnDefinition['kind']): [string, ColumnDefinition] => {
    return [name, { name, kind, optional: true, list: false, values: [] }];
  };
  const aggregates: GroupAggregate[] = [
    { op: 'sum', column: 'small' },
    ratio('avg'),
    ratio('stddev'),
    { op: 'max', column: 'name' },
    median,
  ];
  const kinds = ['i64', 'f64', 'f64', 'string', 'f64'] as const;
  const values = new Map([
    number('count', 'i64'),
    ...aggregates.map((one, i) => number(aggregateName(one), kinds[i] ?? 'f64')),
  ]);
  const [sum, avg, stddev, max, half] = aggregates.map(aggregateName) as [
    string,
    string,
    string,
    string,
    string,
  ];

  it.each([
    { count: { gte: 2 } },
    { [sum]: { between: [-50, 50] } },
    { [avg]: { gt: 0.5 }, [stddev]: { lt: 2 } },
    { not: { [avg]: { gt: 0.5 } } },
    { or: [{ [max]: { isNull: true } }, { [max]: { in: ['ü', 'b'] } }] },
    { [half]: { lte: -10 }, count: { ne: 1 } },
    { [stddev]: { isNull: true } },
  ])('hold as on their values: %j', async (input) => {
    const asOf = store.coveredLsn;
    const by = ['small'];
    const all = await store.groups(testTicket, request({ by, aggregates, asOf }));
    const having = parseWhere(values, input, 'having');
    const some = await store.groups(testTicket, request({ by, aggregates, having, asOf }));
    const holds = (group: Group) => {
      const row: Record<string, unknown> = { count: group.count };
      aggregates.forEach((one, i) => {
        row[aggregateName(one)] = group.values[i];
      });
      return isTrue(input, row);
    };
    const keysOf = (groups: readonly Group[]) => groups.map(({ key }) => key);
    expect(keysOf(some.groups)).toEqual(keysOf(all.groups.filter(holds)));
    expect(some.groups.length).toBeLessThan(all.groups.length);
    expect(some.groups.length).toBeGreaterThan(0);
  });

  /** As a reader understands it: a comparison with no value does not hold. */
  function isTrue(input: object, row: Record<string, unknown>): boolean {
    return Object.entries(input).every(([name, asked]) => {
      if (name === 'not') return !isTrue(asked, row);
      if (name === 'or') return (asked as object[]).some((one) => isTrue(one, row));
      const value = row[name];
      const [[op, operand]] = Object.entries(asked as Record<string, number>) as [[string, number]];
      if (op === 'isNull') return (value === null) === Boolean(operand);
      if (value === null) return false;
      if (op === 'in') return (operand as unknown as unknown[]).includes(value);
      const x = Number(value);
      const [low, high] = op === 'between' ? (operand as unknown as [number, number]) : [0, 0];
      switch (op) {
        case 'gte':
          return x >= operand;
        case 'gt':
          return x > operand;
        case 'lt':
          return x < operand;
        case 'lte':
          return x <= operand;
        case 'ne':
          return x !== operand;
        default:
          return x >= low && x <= high;
      }
    });
  }
});

it('groups by buckets of time', async () => {
  const asked = request({ by: [], timeBucketMs: 10, where: null, asOf: store.coveredLsn });
  const { groups } = await store.groups(testTicket, asked);
  const begins = groups.map(({ key }) => Number(key.timeBucket));
  expect(begins[0]).toBe(1_700_000_000_000);
  expect(begins.every((ms, i) => ms === 1_700_000_000_000 + 10 * i)).toBe(true);
  expect(groups[1]?.count).toBe(60n);
});

it('an earlier moment is found by its time, and by its tick', async () => {
  expect(await store.positionAt(testTicket, 1_700_000_000_000 + 41)).toBe(41);
  expect(await store.positionAt(testTicket, 1_699_999_999_999)).toBe(0);
  expect(await store.positionAt(testTicket, 1_800_000_000_000)).toBe(store.coveredLsn);
  expect(await store.positionOfTick(testTicket, 's1', 40)).toBe(40);
  expect(await store.positionOfTick(testTicket, 's1', 41)).toBeNull();
});
