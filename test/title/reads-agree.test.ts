import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { finish } from '../../engine/govern/work.ts';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import type { EffectInput } from '../../engine/intake/rows/row-input.ts';
import { actionTable, defineTitle, stateTable, t } from '../../engine/manifest/index.ts';
import type { Row } from '../../engine/model/types.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import type { Condition } from '../../engine/query/condition.ts';
import { parseWhere } from '../../engine/query/parse-where.ts';
import type { OrderBy, RowPage } from '../../engine/state/state-reader.ts';
import { openEngine } from '../../engine/title/open-engine.ts';
import { withinTime } from '../property/within-time.ts';
import { tickHeader } from '../tick/tick-header.ts';
import { testTicket } from '../ticket.ts';

/** A state table of every kind that rows can be asked by. */
const manifest = defineTitle({
  title: 'agree',
  version: 1,
  tables: {
    orders: actionTable({ playerId: t.u32() }),
    things: stateTable(
      {
        thingId: t.u32(),
        ownerId: t.u32(),
        label: t.string().optional(),
        weight: t.f32().optional(),
        total: t.i64(),
        mood: t.enum('CALM', 'ANGRY').optional(),
        token: t.uuid().optional(),
        seenAt: t.timestamp().optional(),
        isUp: t.bool(),
        place: t.vec3().optional(),
        note: t.json().optional(),
        blob: t.bytes().optional(),
      },
      { key: ['sessionId', 'thingId'], indexes: { byOwner: ['sessionId', 'ownerId'] } },
    ),
  },
});

const bounds = { memoryBytesMax: 1024 ** 3, rowsReadMax: 1_000_000_000, threadsMax: 2 };
const idsMax = 40;
const labels = ['', 'a', "o'brien", 'ümläut', '\u{1F600}', '100%_', 'B'];
const tokens = [0, 1, 2].map((i) => `123e4567-e89b-12d3-a456-42661417400${i}`);

let directory: string;
let engine: Engine;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tickloom-agree-'));
  const durability = { mode: 'none' } as const;
  let clock = 1_700_000_000_000;
  const now = () => clock++;
  engine = await openEngine({ manifest, directory, durability, columns: 'embedded', now });
  for (const sessionId of ['s0', 's1']) await engine.openSession(testTicket, sessionId, false);
});
afterAll(async () => {
  await engine?.close();
  await rm(directory, { recursive: true, force: true });
});

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null, freq: 3 });
const id = fc.nat({ max: idsMax });
const owner = fc.nat({ max: 3 });
const weight = fc.integer({ min: -8, max: 8 }).map((n) => n / 4);
const total = fc.constantFrom(0n, 1n, -1n, 2n ** 53n + 1n, -(2n ** 63n), 2n ** 63n - 1n);
const moment = fc.integer({ min: 0, max: 4 }).map((n) => 1_700_000_000_000 + n);
const values = fc.record({
  ownerId: owner,
  label: maybe(fc.constantFrom(...labels)),
  weight: maybe(weight),
  total,
  mood: maybe(fc.constantFrom('CALM', 'ANGRY')),
  token: maybe(fc.constantFrom(...tokens)),
  seenAt: maybe(moment),
  isUp: fc.boolean(),
  place: maybe(fc.record({ x: weight, y: weight, z: weight })),
  note: maybe(fc.constantFrom('{"a":1}', '{"deep":["ü",null]}')),
  blob: maybe(fc.constantFrom(Uint8Array.of(), Uint8Array.of(0, 255))),
});
/** A row that is deleted is written first: who deletes one that is not there aborts the tick. */
const effect: fc.Arbitrary<EffectInput[]> = fc
  .tuple(id, values, fc.integer({ min: 0, max: 4 }))
  .map(([thingId, set, chance]) => {
    const write = upsert(thingId, set);
    return chance === 0 ? [write, remove(thingId)] : [write];
  });
const tick = fc.record({
  sessionId: fc.constantFrom('s0', 's1'),
  effects: fc.array(effect, { maxLength: 12 }).map((all) => all.flat()),
});
type Tick = typeof tick extends fc.Arbitrary<infer T> ? T : never;

function upsert(thingId: number, set: object): EffectInput {
  return { op: 'upsert', table: 'things', key: { thingId }, set: set as Row, require: null };
}

function remove(thingId: number): EffectInput {
  const key = { thingId };
  return { op: 'delete', table: 'things', key, expectedVersion: null, require: null };
}

const ticks = new Map<string, number>();
async function commit({ sessionId, effects }: Tick): Promise<void> {
  const number = (ticks.get(sessionId) ?? 0) + 1;
  ticks.set(sessionId, number);
  const header = { ...tickHeader(number), sessionId };
  const batch = buildTickBatch(engine.catalog, { header, actions: [], effects });
  await engine.commit(testTicket, batch);
}

const comparison = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof(
    fc
      .tuple(fc.constantFrom('eq', 'ne', 'lt', 'lte', 'gt', 'gte'), value)
      .map(([op, one]) => ({ [op]: one })),
    fc.array(value, { maxLength: 3 }).map((some) => ({ in: some })),
    fc.tuple(value, value).map((both) => ({ between: both })),
  );
const equality = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof(
    value.map((eq) => ({ eq })),
    fc.array(value, { maxLength: 3 }).map((some) => ({ in: some })),
    fc.boolean().map((isNull) => ({ isNull })),
  );
const leaf: fc.Arbitrary<object> = fc.oneof(
  fc.record({ sessionId: equality(fc.constantFrom('s0', 's1')) }),
  fc.record({ thingId: comparison(id) }),
  fc.record({ ownerId: comparison(owner) }),
  fc.record({
    label: fc.oneof(
      comparison(fc.constantFrom(...labels)),
      fc.constantFrom({ like: '%a%' }, { like: '_' }, { isNull: true }),
    ),
  }),
  fc.record({ weight: comparison(weight) }),
  fc.record({ total: comparison(total) }),
  fc.record({ mood: equality(fc.constantFrom('CALM', 'ANGRY')) }),
  fc.record({ token: equality(fc.constantFrom(...tokens)) }),
  fc.record({ seenAt: comparison(moment) }),
  fc.record({ isUp: fc.boolean().map((eq) => ({ eq })) }),
  fc.record({
    place: fc.oneof(
      fc.boolean().map((isNull) => ({ isNull })),
      comparison(weight).map((x) => ({ x })),
    ),
  }),
  fc.record({ version: comparison(fc.integer({ min: 1, max: 5 })) }),
  fc.record({ note: fc.boolean().map((isNull) => ({ isNull })) }),
);
const served = fc
  .tuple(
    fc.constantFrom('s0', 's1'),
    fc.oneof(
      fc.record({ ownerId: equality(owner) }),
      fc.record({ thingId: fc.array(id, { maxLength: 8 }).map((some) => ({ in: some })) }),
    ),
  )
  .map(([sessionId, rest]) => ({ sessionId: { eq: sessionId }, ...rest }));
const condition: fc.Arbitrary<object> = fc.oneof(
  leaf,
  served,
  fc.tuple(served, leaf).map((and) => ({ and })),
  fc.array(leaf, { maxLength: 3 }).map((or) => ({ or })),
  leaf.map((not) => ({ not })),
);
const orderColumns = [
  'sessionId',
  'thingId',
  'ownerId',
  'label',
  'weight',
  'total',
  'mood',
  'token',
  'seenAt',
  'isUp',
  'place.x',
  'version',
  'position',
  'committedAt',
];
const orderBy: fc.Arbitrary<OrderBy[]> = fc
  .uniqueArray(fc.constantFrom(...orderColumns), { maxLength: 3 })
  .chain((columns) =>
    fc.tuple(
      ...columns.map((column) =>
        fc
          .constantFrom('ASC' as const, 'DESC' as const)
          .map((direction) => ({ column, direction })),
      ),
    ),
  );

/** All rows, page by page, of whoever answers a page. */
async function pagesOf(read: (after: string | null) => RowPage | Promise<RowPage>): Promise<Row[]> {
  const rows: Row[] = [];
  for (let after: string | null = null; ; ) {
    const page: RowPage = await read(after);
    rows.push(...page.rows);
    if (!page.hasNextPage) return rows;
    after = page.endCursor;
  }
}

/** As `pagesOf`, without a turn of the event loop between pages: all of them of one position. */
function livePages(where: Condition | null, order: OrderBy[], first: number): Row[] {
  const rows: Row[] = [];
  for (let after: string | null = null; ; ) {
    const request = { where, orderBy: order, first, after };
    const page: RowPage = finish(engine.state.list(testTicket, 'things', request));
    rows.push(...page.rows);
    if (!page.hasNextPage) return rows;
    after = page.endCursor;
  }
}

test('rows by key or index, by a look at all, and from the column store are the same as of one position', async () => {
  const columns = engine.catalog.columnsOf(engine.catalog.table('things'));
  const read = async (asked: object, order: OrderBy[], first: number): Promise<void> => {
    const where = parseWhere(columns, asked, 'where');
    // No key or index is seen through a double negation.
    const hidden: Condition = { kind: 'not', inner: { kind: 'not', inner: where } };
    const asOf = engine.appliedLsn;
    const live = livePages(where, order, first);
    const scanned = livePages(hidden, order, first);
    const request = { table: 'things', where, orderBy: order, first, asOf, bounds };
    const stored = await pagesOf(async (after) => {
      const page = await engine.columns.list(testTicket, { ...request, after });
      expect(page.coveredLsn).toBe(asOf);
      return page;
    });
    expect(scanned).toEqual(live);
    expect(stored).toEqual(live);
  };
  await fc.assert(
    fc.asyncProperty(
      fc.array(tick, { minLength: 1, maxLength: 6 }),
      fc.array(fc.tuple(condition, orderBy, fc.integer({ min: 1, max: 30 })), {
        minLength: 1,
        maxLength: 3,
      }),
      fc.array(tick, { maxLength: 6 }),
      async (before, asked, meanwhile) => {
        for (const one of before) await commit(one);
        const reads = asked.map(([where, order, first]) => read(where, order, first));
        for (const one of meanwhile) await commit(one);
        await Promise.all(reads);
      },
    ),
    withinTime({ runs: 200, runsMin: 20 }),
  );
}, 60_000);
