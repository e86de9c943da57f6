import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GroupAggregate } from '../../engine/columns/column-queries.ts';
import type { OpenColumnStore } from '../../engine/columns/open-column-store.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import type { Row, ScalarKind } from '../../engine/model/types.ts';
import { testTicket } from '../ticket.ts';
import { fabricate, manifest } from './fabricate.ts';
import { SeededRandom } from './random.ts';
import { bounds, openEmbedded, ship, temporaryDirectory } from './stores.ts';

const seed = Number(process.env.TICKLOOM_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
const random = new SeededRandom(seed);

const max = Number.MAX_VALUE;
const maxSingle = Math.fround(3.4028234663852886e38);

/** Whole numbers of each kind, the ends of its range among them. */
const values: Readonly<Partial<Record<ScalarKind, readonly (number | bigint)[]>>> = {
  i8: [-128, -1, 0, 127],
  i16: [-32_768, 0, 7, 32_767],
  i32: [-(2 ** 31), -1, 0, 2 ** 31 - 1],
  i64: [-(2n ** 63n), -1n, 0n, 1_796_038_000_000_000_000n, 2n ** 63n - 1n],
  u8: [0, 1, 255],
  u16: [0, 1, 65_535],
  u32: [0, 1, 2 ** 32 - 1],
  u64: [0n, 1n, 2n ** 63n, 2n ** 64n - 1n],
  f32: [-maxSingle, -1, 0, 3, maxSingle],
  f64: [-max, -1.5e308, -1, 0, 3, 1.5e308, max],
};
const kinds = Object.keys(values) as (keyof typeof values & ScalarKind)[];

const catalog = new Catalog({
  ...manifest,
  tables: manifest.tables.map((table) =>
    table.name === 'facts'
      ? {
          ...table,
          columns: kinds.flatMap((kind) => [
            { name: kind, kind, optional: false, list: false, values: [] },
            { name: `${kind}Maybe`, kind, optional: true, list: false, values: [] },
          ]),
        }
      : table,
  ),
});

const directory = temporaryDirectory();
let store: OpenColumnStore;
const groups = Array.from({ length: 80 }, (_, group) =>
  Array.from({ length: 1 + random.below(7) }, (): Row => {
    const entries = kinds.flatMap((kind) => {
      // Groups of one value many times, and groups of any.
      const of = values[kind] ?? [];
      const value = group % 2 === 0 ? of[group % of.length] : random.pick(of);
      return [
        [kind, value],
        [`${kind}Maybe`, random.below(3) === 0 ? null : value],
      ];
    });
    return Object.fromEntries(entries);
  }),
);

beforeAll(async () => {
  store = await openEmbedded(directory.path, { catalog });
  await ship(
    store,
    groups.map((facts, i) =>
      fabricate({ lsn: i + 1, sessionId: `s${i}`, events: { facts } }, catalog),
    ),
  );
});
afterAll(async () => {
  await store.close();
  directory.remove();
});

async function aggregated(aggregate: GroupAggregate) {
  const result = await store.groups(testTicket, {
    table: 'facts',
    where: null,
    by: ['sessionId'],
    tickBucket: null,
    aggregates: [aggregate],
    orderBy: [],
    first: 1_000,
    bounds,
  });
  return new Map(result.groups.map(({ key, values: [value] }) => [key.sessionId, value]));
}

const printed = (value: number) => Math.min(Math.max(value, -max), max);

/** Within what adding so many doubles in any order rounds away, as it is printed: see `WideFloat`. */
function expectNear(actual: unknown, expected: number, magnitude: number, what: string): void {
  expect(typeof actual, what).toBe('number');
  const error = Math.abs(printed(actual as number) - printed(expected));
  expect(error, what).toBeLessThanOrEqual(magnitude * 1e-13);
}

describe(`aggregates of numbers at the ends of their range (seed ${seed})`, () => {
  const columns = kinds.flatMap((kind) => [kind, `${kind}Maybe`]);

  it.each(columns)('are those of exact arithmetic: %s', async (column) => {
    const sums = await aggregated({ op: 'sum', column });
    const means = await aggregated({ op: 'avg', column });
    const medians = await aggregated({ op: 'quantile', column, q: 0.5 });
    const least = await aggregated({ op: 'min', column });
    const greatest = await aggregated({ op: 'max', column });
    for (const [i, rows] of groups.entries()) {
      const group = `s${i}`;
      const present = rows.map((row) => row[column]).filter((value) => value !== null) as (
        | number
        | bigint
      )[];
      const what = `${column} of ${present.join(', ')}`;
      if (present.length === 0) {
        for (const found of [sums, means, medians, least, greatest]) {
          expect(found.get(group), what).toBeNull();
        }
        continue;
      }
      const sorted = present.map(BigInt).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
      const total = sorted.reduce((sum, value) => sum + value, 0n);
      const size = present.reduce((most: number, v) => Math.max(most, Math.abs(Number(v))), 1);
      if (column.startsWith('f')) {
        const magnitude = Math.min(size * present.length, max);
        expectNear(sums.get(group), Number(total), magnitude, `sum of ${what}`);
      } else expect(sums.get(group), `sum of ${what}`).toBe(total);
      const count = BigInt(present.length);
      expectNear(means.get(group), Number(total / count), size + 1e13, `mean of ${what}`);
      const [low, high] = [(count - 1n) / 2n, count / 2n].map((at) => sorted[Number(at)] as bigint);
      const middle = Number(((low as bigint) + (high as bigint)) / 2n);
      expectNear(medians.get(group), middle, size + 1e13, `median of ${what}`);
      expect(BigInt(least.get(group) as number), `least of ${what}`).toBe(sorted[0]);
      expect(BigInt(greatest.get(group) as number), `greatest of ${what}`).toBe(sorted.at(-1));
    }
  });
});
