import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { finish } from '../../engine/govern/work.ts';
import { viewColumns } from '../../engine/manifest/view-columns.ts';
import { allColumns } from '../../engine/model/system-columns.ts';
import type { ColumnDefinition, Row } from '../../engine/model/types.ts';
import { parseWhere } from '../../engine/query/parse-where.ts';
import { rowPredicate } from '../../engine/query/row-predicate.ts';
import { createViewEngine, type OwnedViewEngine } from '../../engine/views/open-views.ts';
import { withinTime } from '../property/within-time.ts';
import { Follower } from './follower.ts';
import { BusyClock, ManualClock, settled } from './manual-clock.ts';
import { catalog, type TickPlan, tickPlan, World } from './world.ts';

/** How much work is done before it may be interrupted, and so how many rows a frame made at once has. */
const steps = vi.hoisted(() => ({ units: 1_024 }));
vi.mock('../../engine/govern/work.ts', async (original) => ({
  ...(await original<object>()),
  get stepUnits() {
    return steps.units;
  },
}));

const session = { sessionId: { eq: 'match-1' } };

/** Feeds and what clients may ask of them. */
const subscriptions: readonly (readonly [source: string, where: object | null])[] = [
  ['pulse', null],
  ['pulse', session],
  ['pulse', { sessionId: { ne: 'match-1' } }],
  ['balance', { or: [session, { playerId: { lt: 2 } }] }],
  ['unit', { not: session }],
  ['unit', { ownerId: { eq: 1 } }],
  ['unit', { ...session, ownerId: { eq: 1 }, alive: { eq: true } }],
  ['pulse', { actions: { between: [2, 6] } }],
  ['mix', { kind: { ne: 'STOP' }, count: { lt: 3 } }],
  ['activity', { tickWindow: { gte: 4 } }],
  ['ids', { note: { isNull: false } }],
  ['balance', null],
  ['balance', { ...session, delta: { gt: 0 } }],
  ['richest', null],
  ['richest', { ...session, resource: { isNull: true } }],
  ['poorest', null],
  ['poorest', { sessionId: { in: ['match-1'] } }],
  ['busiest', { actions: { lte: 4 } }],
  ['fleet', null],
  ['fleet', { ...session, units: { gte: 2n } }],
  ['alike', { name: { isNull: true } }],
  ['squads', null],
  ['squads', { count: { gt: 1n }, sessionId: { ne: 'match-0' } }],
  ['fastestFleets', null],
  ['fastestFleets', { ...session, units: { lt: 3n } }],
  ['best', null],
  ['best', { level: { isNull: false } }],
  ['unit', null],
  ['unit', { ...session, ownerId: { eq: 1 } }],
  ['unit', { or: [{ alive: { eq: true } }, { name: { like: '%a' } }] }],
  ['unit', { version: { lte: 2 }, ownerId: { lt: 2 } }],
  ['profile', null],
  ['profile', { rating: { gt: 2 } }],
];

interface Shape {
  readonly key: readonly string[];
  readonly columns: ReadonlyMap<string, ColumnDefinition>;
}

function shapeOf(source: string): Shape {
  const view = catalog.views.get(source);
  if (!view) {
    const table = catalog.table(source);
    return { key: table.key, columns: new Map(allColumns(table).map((c) => [c.name, c])) };
  }
  const { key, values } = viewColumns(catalog.manifest, view);
  return {
    key: key.map((column) => column.name),
    columns: new Map([...key, ...values].map((column) => [column.name, column])),
  };
}

const sources = [...new Set(subscriptions.map(([source]) => source))];

/** Every source's rows after each change set: what a frame's rows must be at its position. */
class History {
  #entries: { readonly lsn: number; readonly rows: ReadonlyMap<string, readonly Row[]> }[] = [];

  record(world: World, views: OwnedViewEngine): void {
    const rows = sources.map((source): [string, readonly Row[]] => [
      source,
      catalog.views.has(source)
        ? views.rows(source, null).rows
        : finish(world.state.select(source, null)),
    ]);
    this.#entries.push({ lsn: views.lsn, rows: new Map(rows) });
  }

  at(source: string, lsn: number): readonly Row[] {
    const entry = this.#entries.findLast((candidate) => candidate.lsn <= lsn);
    return entry?.rows.get(source) ?? [];
  }

  forgetAfter(lsn: number): void {
    this.#entries = this.#entries.filter((entry) => entry.lsn <= lsn);
  }
}

/** Checks a follower that got a frame since it was last checked. */
function expectFold(follower: Follower, history: History): void {
  const { last } = follower;
  if (!last || follower.checked === follower.frames.length) return;
  follower.checked = follower.frames.length;
  const matches = rowPredicate(follower.request.where);
  const expected = history.at(follower.source, last.lsn).filter(matches);
  expect(follower.rows).toEqual(new Map(expected.map((row) => [follower.keyOf(row), row])));
}

type Step =
  | { readonly step: 'commit'; readonly plan: TickPlan }
  | {
      readonly step: 'subscribe';
      readonly to: number;
      readonly maxRate: number | null;
      readonly onLag: 'COALESCE' | 'DISCONNECT';
    }
  | { readonly step: 'pull' | 'ask' | 'reconnect' | 'stop'; readonly follower: number }
  | { readonly step: 'turn' }
  | { readonly step: 'pass'; readonly ms: number }
  | { readonly step: 'restart'; readonly lost: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ step: fc.constant('commit'), plan: tickPlan }) },
  {
    weight: 5,
    arbitrary: fc.record({
      step: fc.constant('subscribe'),
      to: fc.nat(subscriptions.length - 1),
      maxRate: fc.constantFrom(null, null, 1, 100),
      onLag: fc.constantFrom('COALESCE', 'COALESCE', 'DISCONNECT'),
    }),
  },
  { weight: 8, arbitrary: fc.record({ step: fc.constant('pull'), follower: fc.nat(9) }) },
  { weight: 12, arbitrary: fc.record({ step: fc.constant('ask'), follower: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ step: fc.constant('stop'), follower: fc.nat(9) }) },
  { weight: 16, arbitrary: fc.record({ step: fc.constant('turn') }) },
  { weight: 4, arbitrary: fc.record({ step: fc.constant('reconnect'), follower: fc.nat(9) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      step: fc.constant('pass'),
      ms: fc.constantFrom(5, 700, 1_500, 12_000, 40_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ step: fc.constant('restart'), lost: fc.nat(3) }) },
);

const bounds = { rowsMax: 14, ticksMax: 5, bytesMax: 6_000 };

interface Pace {
  readonly units: number;
  /** Null: all work is done in one turn. */
  readonly lookMs: number | null;
}

const pace: fc.Arbitrary<Pace> = fc.record({
  units: fc.constantFrom(1, 1, 40, 200, 1_024),
  lookMs: fc.constantFrom(null, 0.3, 1.1, 2.5),
});

async function run({ units, lookMs }: Pace, plan: readonly Step[]): Promise<void> {
  steps.units = units;
  const clock = lookMs === null ? new ManualClock() : new BusyClock(lookMs);
  const history = new History();
  const followers: Follower[] = [];
  let world = new World();
  let views = createViewEngine({ catalog, state: world.state, clock, bounds });

  const pull = async (follower: Follower): Promise<boolean> => {
    const frame = await follower.pull();
    if (follower.failure) {
      if (follower.failure.code !== 'OVERLOADED') throw follower.failure;
      await follower.reconnect(views);
      return true;
    }
    if (frame) expectFold(follower, history);
    return frame !== null;
  };

  for (const one of plan) {
    switch (one.step) {
      case 'commit':
        world.commit(one.plan, (changes) => {
          views.apply(changes);
          history.record(world, views);
        });
        break;
      case 'subscribe': {
        const [source, where] = subscriptions[one.to] as (typeof subscriptions)[number];
        const { key, columns } = shapeOf(source);
        followers.push(
          new Follower(views, clock, source, key, {
            where: where && parseWhere(columns, where, 'where'),
            maxRate: one.maxRate,
            onLag: one.onLag,
          }),
        );
        break;
      }
      case 'pull': {
        const follower = followers[one.follower % Math.max(followers.length, 1)];
        if (follower) await pull(follower);
        break;
      }
      case 'ask':
        followers[one.follower % Math.max(followers.length, 1)]?.ask();
        break;
      case 'turn':
        clock.step();
        await settled();
        for (const follower of followers) {
          if (follower.failure) await pull(follower);
          expectFold(follower, history);
        }
        break;
      case 'stop': {
        const [gone] = followers.splice(one.follower % Math.max(followers.length, 1), 1);
        await gone?.stop();
        break;
      }
      case 'reconnect':
        await followers[one.follower % Math.max(followers.length, 1)]?.reconnect(views);
        break;
      case 'pass':
        await clock.pass(one.ms);
        for (const follower of followers) expectFold(follower, history);
        break;
      case 'restart': {
        views.close();
        await clock.turn();
        for (const follower of followers) expectFold(follower, history);
        world = world.replay(world.log.length - one.lost, (fresh) => {
          views = createViewEngine({ catalog, state: fresh.state, clock, bounds });
          return (changes) => views.apply(changes);
        });
        history.forgetAfter(views.lsn);
        for (const follower of followers) await follower.reconnect(views);
        break;
      }
    }
  }

  // In the end everybody catches up: rates allow a frame again after a while, and one that was asked for
  // before may be that frame, behind which another is.
  for (const follower of followers) {
    for (let without = 0; without < 2; ) {
      await clock.pass(1_100);
      without = (await pull(follower)) ? 0 : without + 1;
    }
    const final = history
      .at(follower.source, views.lsn)
      .filter(rowPredicate(follower.request.where));
    expect(follower.rows).toEqual(new Map(final.map((row) => [follower.keyOf(row), row])));
  }
  for (const follower of followers) await follower.stop();
  expect([...views.subscribers().values()].every((subscribers) => subscribers === 0)).toBe(true);
  views.close();
  expect(clock.timers).toBe(0);
}

describe('the fold of frames', () => {
  test('equals the rows at the frame, whatever a client asks, misses, loses or resumes', async () => {
    await fc.assert(
      fc.asyncProperty(pace, fc.array(step, { minLength: 8, maxLength: 90, size: 'max' }), run),
      withinTime({ runs: 100, runsMin: 25 }),
    );
  });
});
