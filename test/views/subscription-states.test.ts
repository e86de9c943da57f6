import { afterEach, expect, test } from 'vitest';
import { limits } from '../../engine/model/limits.ts';
import type { Subscription } from '../../engine/views/feeds/subscription.ts';
import { createViewEngine, type OwnedViewEngine } from '../../engine/views/open-views.ts';
import type { SubscribeRequest } from '../../engine/views/view-engine.ts';
import { waysIn } from '../docs/state-table.ts';
import { testTicket } from '../ticket.ts';
import { BusyClock, settled } from './manual-clock.ts';
import { catalog, World } from './world.ts';

/** Time passes at each look, so that work of many rows takes several turns. */
const lookMs = 0.2;
/** Rows that are not read in one turn. */
const many = 3_000;

class WatchedClock extends BusyClock {
  override step(): boolean {
    const wasLeft = super.step();
    look();
    return wasLeft;
  }
}

let clock: WatchedClock;
let world: World;
let views: OwnedViewEngine;
let subscription: Subscription;
/** The ways that subscriptions have taken, as the table writes them. */
const ways = new Set<string>();
let state = '';

afterEach(() => views.close());

function begin(request: Partial<SubscribeRequest> = {}, units = 1): void {
  clock = new WatchedClock(lookMs);
  world = new World();
  const bounds = { rowsMax: 2 * many, ticksMax: 8, bytesMax: 2 ** 26 };
  views = createViewEngine({ catalog, state: world.state, clock, bounds });
  write(units);
  subscription = views.subscribe(testTicket, 'unit', {
    where: null,
    cursor: null,
    maxRate: null,
    onLag: 'COALESCE',
    ...request,
  }) as Subscription;
  state = subscription.state;
  expect(state).toBe('begun');
}

function look(): void {
  const now = subscription.state;
  if (now !== state) ways.add(`${state} → ${now}`);
  state = now;
}

function write(units: number): void {
  const set = { ownerId: 1, name: null, alive: true, seenAt: null, item: null, mass: null };
  const effects = Array.from(
    { length: units },
    (_, unitId) => ({ op: 'upsert', table: 'unit', key: { unitId }, set, require: null }) as const,
  );
  world.commit({ session: 0, actions: [], effects }, (changes) => views.apply(changes));
  if (subscription !== undefined) look();
}

function ask(): void {
  subscription.next().then(undefined, () => undefined);
  look();
}

/** Turns of the event loop until nothing is left to do. */
async function turns(): Promise<void> {
  while (clock.step()) {
    await settled();
    look();
  }
}

async function pass(ms: number): Promise<void> {
  await clock.pass(ms);
  look();
}

function leave(): void {
  subscription.end();
  look();
}

/** How a subscription that has just begun comes to stand so. */
const roads: Readonly<Record<string, () => Promise<void>>> = {
  begun: async () => begin(),
  making: async () => {
    begin({}, many);
    ask();
  },
  idle: async () => {
    begin();
    ask();
    await turns();
  },
  waiting: async () => {
    await roads.idle?.();
    ask();
  },
  paused: async () => {
    begin({ maxRate: 1 });
    ask();
    await turns();
    ask();
  },
  lagging: async () => {
    await roads.idle?.();
    lag();
  },
};

function lag(): void {
  for (let tick = 0; tick < 10; tick++) write(1);
}

test('a subscription goes the ways of its table, and no other', async () => {
  const after = async (from: string, ...steps: (() => unknown)[]): Promise<void> => {
    await roads[from]?.();
    expect(state).toBe(from);
    for (const step of steps) {
      await step();
      look();
    }
    views.close();
  };
  for (const from of Object.keys(roads)) await after(from, leave, turns);
  const writeMany = () => write(many);
  await after('making', turns);
  await after('idle', writeMany, ask, turns);
  await after('idle', () => write(1), ask, turns);
  await after('waiting', () => write(1), turns);
  await after('waiting', writeMany, turns);
  await after('waiting', () => pass(2 * limits.heartbeatMs));
  await after(
    'paused',
    () => write(1),
    () => pass(1_500),
  );
  await after('paused', () => pass(1_500));
  await after('paused', writeMany, () => pass(1_500), turns);
  await after('lagging', ask, turns);
  await after('lagging', writeMany, ask, turns);
  begin({ onLag: 'DISCONNECT' });
  ask();
  await turns();
  lag();
  ask();
  expect(state).toBe('ended');

  expect([...ways].sort()).toEqual(
    waysIn('engine/views/README.md', 'States of a subscription').sort(),
  );
});
