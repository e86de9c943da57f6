import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import type { EffectInput } from '../../engine/intake/rows/row-input.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import { limits } from '../../engine/model/limits.ts';
import { newSession } from '../../engine/state/session.ts';
import type { TickHeader } from '../../engine/tick/tick-batch.ts';
import { TickQueue } from '../../engine/tick/tick-queue.ts';
import { type EngineOptions, openEngine } from '../../engine/title/open-engine.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { MetricRegistry } from '../../src/telemetry/metric-registry.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { FakeColumnStore } from '../resolvers/fake-column-store.ts';
import { tickHeader } from '../tick/tick-header.ts';
import { testTicket } from '../ticket.ts';

const catalog = new Catalog(ashfall);

async function openTitle(observer: EngineOptions['observer'] = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'tickloom-contention-'));
  const open = () =>
    openEngine({
      manifest: ashfall,
      directory,
      durability: { mode: 'none' },
      columns: new FakeColumnStore(),
      observer,
    });
  let engine = await open();
  onTestFinished(async () => {
    await engine.close();
    await rm(directory, { recursive: true });
  });
  await engine.openSession(testTicket, 's', false);
  return {
    get engine() {
      return engine;
    },
    async restart() {
      await engine.close();
      engine = await open();
    },
    /** A tick whose actions have one effect each. */
    commit(tick: number | null, effects: readonly EffectInput[], more: Partial<TickHeader> = {}) {
      const header = tickHeader(tick, more);
      const actions = effects.map((effect, i) => ({
        actionId: `a${i}`,
        row: { playerId: 1, kind: 'MOVE', unitIds: [] },
        effects: [effect],
      }));
      const input =
        tick === null ? { header, actions: [], effects } : { header, actions, effects: [] };
      return engine.commit(testTicket, buildTickBatch(catalog, input));
    },
  };
}

const insert = (unitId: number): EffectInput => {
  return { op: 'insert', table: 'unitState', row: { unitId, ownerId: 1 } };
};

it('counts the conflicts of a tick once, however often it is sent', async () => {
  const title = await openTitle();
  await title.commit(1, [insert(1)]);
  const again = () => title.commit(2, [insert(1), insert(2), insert(1)]);
  expect(await again()).toMatchObject({ accepted: 1, rejected: 2 });
  expect(await again()).toMatchObject({ duplicate: true, rejected: 2 });
  const row = { conflicts: 2, byCode: { ROW_EXISTS: 2 }, lastLsn: 3 };
  expect(title.engine.contention(testTicket, null).rows).toMatchObject([
    { kind: 'SESSION', sessionId: 's', commits: 2, actions: 4, shareOfActions: 1, ...row },
    { kind: 'KEY', sessionId: 's', table: 'unitState', key: { sessionId: 's', unitId: 1 }, ...row },
  ]);
});

it('counts aborted ticks and direct writes that did not match', async () => {
  const title = await openTitle();
  await title.commit(1, [insert(1)]);
  await title.commit(2, [insert(1), insert(2)], { onConflict: 'ABORT_TICK' });
  const swap: EffectInput = {
    op: 'compareAndSet',
    table: 'unitState',
    key: { unitId: 1 },
    expectedVersion: 9,
    set: { ownerId: 2 },
    require: null,
  };
  expect(await title.commit(null, [swap])).toMatchObject({ aborted: true });
  const [, key] = title.engine.contention(testTicket, 's').rows;
  expect(key).toMatchObject({ kind: 'KEY', byCode: { ROW_EXISTS: 1, VERSION_MISMATCH: 1 } });
});

it('counts ticks that came early and how long they waited, and tells the observer', async () => {
  const waits: number[] = [];
  const title = await openTitle({ onWaited: (seconds) => waits.push(seconds) });
  await title.commit(1, []);
  const third = title.commit(3, [], { afterTick: 2 });
  const second = title.commit(2, [], { afterTick: 1 });
  await Promise.all([second, third]);
  const [session] = title.engine.contention(testTicket, 's').rows;
  expect(waits).toHaveLength(1);
  expect(session).toMatchObject({ commits: 3, waits: 1, waitSeconds: waits[0] });
  expect(waits[0]).toBeGreaterThan(0);
});

it('shows waits in the metrics', async () => {
  const metrics = new Metrics(new MetricRegistry(), 'rules');
  const title = await openTitle(metrics.engineObserver);
  await title.commit(1, []);
  await Promise.all([title.commit(3, [], { afterTick: 2 }), title.commit(2, [], { afterTick: 1 })]);
  expect(await metrics.registry.metrics()).toContain(
    'tickloom_queue_wait_seconds_count{title="rules",class="GAMEPLAY"} 1\n',
  );
  const fifth = title.commit(5, [insert(1)], { afterTick: 4 });
  expect(await metrics.registry.metrics()).toMatch(
    /^tickloom_ticks_waiting_bytes\{title="rules"\} [1-9]/m,
  );
  await Promise.all([title.commit(4, [], { afterTick: 3 }), fifth]);
  expect(await metrics.registry.metrics()).toMatch(
    /^tickloom_ticks_waiting_bytes\{title="rules"\} 0$/m,
  );
});

it('counts the wait of a tick whose predecessor never came', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const waits: [string, number][] = [];
  const refused: string[] = [];
  const queue = new TickQueue({ onWaited: (...wait) => waits.push(wait) });
  queue.enter(newSession('s', 1), {
    ticket: testTicket,
    tick: 3,
    afterTick: 2,
    heldBytes: () => 0,
    start: () => true,
    refuse: (error) => refused.push(error.code),
    answerEarly: () => false,
  });
  vi.advanceTimersByTime(limits.tickWaitMs - 1);
  expect(waits).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(waits).toEqual([['s', limits.tickWaitMs / 1000]]);
  expect(refused).toEqual(['TICK_OUT_OF_ORDER']);
});

it('names a session that two simulators write', async () => {
  const title = await openTitle();
  await title.commit(1, [], { fence: 1 });
  await title.engine.openSession(testTicket, 's', true);
  for (let tick = 2; tick < 5; tick++) {
    await expect(title.commit(tick, [], { fence: 1 })).rejects.toMatchObject({ code: 'FENCED' });
  }
  const [session] = title.engine.contention(testTicket, null).rows;
  expect(session).toMatchObject({ sessionId: 's', refusals: { FENCED: 3 }, hot: true, commits: 1 });
});

it('is forgotten by a restart, which replays the log without counting', async () => {
  const title = await openTitle();
  await title.commit(1, [insert(1), insert(1)]);
  expect(title.engine.contention(testTicket, null).rows).toHaveLength(2);
  const { stateHash } = title.engine.session(testTicket, 's') ?? {};
  await title.restart();
  expect(title.engine.contention(testTicket, null).rows).toEqual([]);
  expect(title.engine.session(testTicket, 's')?.stateHash).toBe(stateHash);
});

it('is read by nothing that decides what becomes of a tick', async () => {
  let read = 0;
  for (const room of ['tick', 'state', 'log', 'recover', 'views']) {
    const folder = new URL(`../../engine/${room}/`, import.meta.url);
    for (const name of await readdir(folder)) {
      if (!name.endsWith('.ts')) continue;
      expect(await readFile(new URL(name, folder), 'utf8'), name).not.toContain('/contention');
      read++;
    }
  }
  expect(read).toBeGreaterThan(50);
});
