import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Ticket } from '../../engine/govern/ticket.ts';
import { finish } from '../../engine/govern/work.ts';
import { EngineError } from '../../engine/model/errors.ts';
import { limits } from '../../engine/model/limits.ts';
import type { Lsn } from '../../engine/model/position.ts';
import type { Row } from '../../engine/model/types.ts';
import type { Condition } from '../../engine/query/condition.ts';
import { rowPredicate } from '../../engine/query/row-predicate.ts';
import type { FarRows } from '../../engine/views/feeds/far-rows.ts';
import { createViewEngine, type OwnedViewEngine } from '../../engine/views/open-views.ts';
import { testTicket } from '../ticket.ts';
import { Follower } from './follower.ts';
import { ManualClock } from './manual-clock.ts';
import { catalog, type TickPlan, World } from './world.ts';

const owned: Condition = { kind: 'compare', column: 'ownerId', op: 'eq', value: 1 };
const bounds = { rowsMax: 6, ticksMax: 6, bytesMax: 1_000_000 };

let clock: ManualClock;
let world: World;
let views: OwnedViewEngine;
let far: HeldRows;

/** Rows as of positions, told when a test says so. */
class HeldRows implements FarRows {
  readonly reads: { readonly lsn: Lsn; answer(): void }[] = [];
  readonly covered: Lsn[] = [];
  trouble: EngineError | null = null;

  admit(): void {}

  isFar(): boolean {
    return true;
  }

  async cover(_ticket: Ticket, lsn: Lsn): Promise<Lsn> {
    if (this.trouble) throw this.trouble;
    this.covered.push(lsn);
    return views.lsn;
  }

  read(ticket: Ticket, table: string, where: Condition | null, lsn: Lsn): Promise<readonly Row[]> {
    const rows = finish(world.state.select(table, null)).filter(rowPredicate(where));
    expect(ticket.deadline?.givenMs).toBe(limits.snapshotReadMs);
    return new Promise((resolve) => {
      this.reads.push({ lsn, answer: () => resolve(rows) });
    });
  }
}

function writeUnit(unitId: number, ownerId: number): void {
  const rest = { name: null, alive: true, seenAt: null, item: null, mass: null };
  const set = { ownerId, ...rest };
  const effect = { op: 'upsert', table: 'unit', key: { unitId }, set, require: null } as const;
  const plan: TickPlan = { session: 0, actions: [], effects: [effect] };
  world.commit(plan, (changes) => views.apply(changes));
}

function follow(where: Condition | null = owned): Follower {
  return new Follower(views, clock, 'unit', ['sessionId', 'unitId'], { where });
}

function rowsNow(where: Condition | null): Row[] {
  return finish(world.state.select('unit', null)).filter(rowPredicate(where));
}

/** Promises settle behind turns, and turns behind promises. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await clock.turn();
}

const byId = (rows: Iterable<Row>) => [...rows].sort((a, b) => Number(a.unitId) - Number(b.unitId));

beforeEach(() => {
  clock = new ManualClock();
  world = new World();
  views = createViewEngine({ catalog, state: world.state, clock, bounds });
  far = new HeldRows();
  views.readFarRowsBy(far);
});
afterEach(() => views.close());

describe('first rows that are read as of a position behind the newest tick', () => {
  test('are joined by what came since, without a gap', async () => {
    writeUnit(1, 1);
    writeUnit(2, 2);
    const follower = follow();
    follower.ask();
    await settle();
    writeUnit(1, 2);
    writeUnit(3, 1);
    far.reads[0]?.answer();
    await settle();
    const [first] = follower.frames;
    expect(first).toMatchObject({ kind: 'SNAPSHOT', lsn: far.reads[0]?.lsn });
    expect(first?.rows.map(({ unitId }) => unitId)).toEqual([1]);
    const frames = await follower.drain();
    expect(frames.map(({ kind, rows, removed }) => [kind, rows.length, removed.length])).toEqual([
      ['DELTA', 0, 1],
      ['DELTA', 1, 0],
    ]);
    expect(byId(follower.rows.values())).toEqual(byId(rowsNow(owned)));
  });

  test('are joined so whatever the where pins, for all that asked before they had their position', async () => {
    const all = follow(null);
    const some = [follow(), follow()];
    for (const follower of [all, ...some]) follower.ask();
    await settle();
    expect(far.reads).toHaveLength(2);
    for (let unitId = 1; unitId <= 4; unitId++) writeUnit(unitId, unitId % 2);
    for (const { answer } of far.reads) answer();
    await settle();
    for (const follower of [all, ...some]) {
      await follower.drain();
      expect(byId(follower.rows.values())).toEqual(byId(rowsNow(follower.request.where)));
    }
  });

  test('are read again for who asks behind a tick that they may lack', async () => {
    const first = follow();
    first.ask();
    await settle();
    writeUnit(1, 1);
    const second = follow();
    second.ask();
    await settle();
    expect(far.reads).toHaveLength(1);
    far.reads[0]?.answer();
    await settle();
    expect(first.frames[0]?.rows).toEqual([]);
    far.reads[1]?.answer();
    await settle();
    expect(second.frames[0]).toMatchObject({ kind: 'SNAPSHOT', lsn: views.lsn });
    expect(second.frames[0]?.rows).toHaveLength(1);
  });

  test('are read again where the feed has forgotten what came since, and not for ever', async () => {
    const follower = follow();
    follower.ask();
    await settle();
    for (let attempt = 1; attempt <= limits.snapshotAttemptsMax; attempt++) {
      expect(far.reads).toHaveLength(attempt);
      for (let tick = 0; tick <= bounds.ticksMax; tick++) writeUnit(tick % 3, 1);
      far.reads[attempt - 1]?.answer();
      await settle();
    }
    expect(follower.frames).toEqual([]);
    expect(follower.failure).toMatchObject({ code: 'OVERLOADED', retryAfterMs: 5_000 });
  });

  test('that cannot be read end the subscription with the reason', async () => {
    far.trouble = new EngineError('UNAVAILABLE', 'away', { retryAfterMs: 1_000 });
    const follower = follow();
    follower.ask();
    await settle();
    expect(follower.failure).toMatchObject({ code: 'UNAVAILABLE', retryAfterMs: 1_000 });
    expect(views.subscribers().get('unit')).toBe(0);
  });

  test('are read for nobody once all who waited have left', async () => {
    const follower = follow();
    follower.ask();
    await settle();
    await follower.stop();
    expect(follower.ended).toBe(true);
    far.reads[0]?.answer();
    await settle();
    expect(follower.frames).toEqual([]);
    expect(views.subscribers().get('unit')).toBe(0);
  });

  test('are asked for under the ticket, which refuses what its class may not', () => {
    far.admit = () => {
      throw new EngineError('SCAN_REFUSED', 'an index');
    };
    const request = { where: owned, cursor: null, maxRate: null, onLag: 'COALESCE' } as const;
    expect(() => views.subscribe(testTicket, 'unit', request)).toThrow('an index');
    expect(views.subscribers().get('unit')).toBe(0);
  });
});
