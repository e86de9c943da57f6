import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { finish } from '../../engine/govern/work.ts';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import type { ActionInput, EffectInput } from '../../engine/intake/rows/row-input.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import { limits } from '../../engine/model/limits.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import { LiveState } from '../../engine/state/live-state.ts';
import { TitleState } from '../../engine/state/title-state.ts';
import { checkRowMemory } from '../../engine/tick/row-memory.ts';
import type { TickBatch } from '../../engine/tick/tick-batch.ts';
import { openEngine } from '../../engine/title/open-engine.ts';
import { createViewEngine } from '../../engine/views/open-views.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { FakeColumnStore } from '../resolvers/fake-column-store.ts';
import { tickHeader } from '../tick/tick-header.ts';
import { testTicket } from '../ticket.ts';

/** With an open session "s". */
async function openWith(rowMemoryBytesMax: number): Promise<Engine> {
  const directory = await mkdtemp(join(tmpdir(), 'tickloom-memory-'));
  const engine = await openEngine({
    manifest: ashfall,
    directory,
    durability: { mode: 'none' },
    columns: new FakeColumnStore(),
    rowMemoryBytesMax,
  });
  onTestFinished(async () => {
    await engine.close();
    await rm(directory, { recursive: true });
  });
  await engine.openSession(testTicket, 's', false);
  return engine;
}

it('refuses ticks that may create rows once rows fill their memory, and lets others go on', async () => {
  const engine = await openWith(6 * 1024 * 1024);
  const catalog = new Catalog(ashfall);
  let last = 0;
  const commit = (effects: readonly EffectInput[]) => {
    const header = tickHeader(++last);
    return engine.commit(testTicket, buildTickBatch(catalog, { header, actions: [], effects }));
  };
  const insert = (unitId: number): EffectInput => {
    return { op: 'insert', table: 'unitState', row: { unitId, ownerId: 1 } };
  };
  let inserted = 0;
  let lastTaken: readonly EffectInput[] = [];
  const fill = async () => {
    while (inserted < 500_000) {
      const effects = Array.from({ length: 5_000 }, () => insert(inserted++));
      await commit(effects);
      lastTaken = effects;
    }
  };
  await expect(fill()).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED', retryable: true });
  // The one that filled it is in: whoever did not get its answer asks again.
  last -= 2;
  expect(await commit(lastTaken)).toMatchObject({ duplicate: true });
  last++;
  const rows = engine.state.rowCount('unitState');
  expect(rows).toBeGreaterThan(5_000);
  const key = { unitId: 1 };
  const outcome = await commit([
    { op: 'delete', table: 'unitState', key, expectedVersion: null, require: null },
  ]);
  expect(outcome.aborted).toBe(false);
  expect(engine.state.rowCount('unitState')).toBe(rows - 1);
});

it('refuses rows from the very byte that fills their memory on, and not from the one before', () => {
  const catalog = new Catalog(ashfall);
  const state = new TitleState(catalog);
  const effects = [{ op: 'insert', table: 'unitState', row: { unitId: 1, ownerId: 1 } }] as const;
  const batch = buildTickBatch(catalog, { header: tickHeader(1), actions: [], effects });
  expect(state.memoryBytes).toBeGreaterThan(0);
  const noViews = { memoryBytes: 0, mayGrow: () => false };
  checkRowMemory(state, noViews, batch, state.memoryBytes + 1);
  expect(() => checkRowMemory(state, noViews, batch, state.memoryBytes)).toThrow(
    expect.objectContaining({ code: 'QUOTA_EXCEEDED', retryAfterMs: 1000 }),
  );
  // Views take of the same budget.
  const views = { memoryBytes: 1, mayGrow: () => false };
  expect(() => checkRowMemory(state, views, batch, state.memoryBytes + 1)).toThrow(
    expect.objectContaining({ code: 'QUOTA_EXCEEDED' }),
  );
  checkRowMemory(state, views, batch, state.memoryBytes + 2);
});

it('refuses what views group from the very byte of their overdraft on, and not from the one before', () => {
  const catalog = new Catalog(ashfall);
  const views = createViewEngine({ catalog, state: new LiveState(new TitleState(catalog)) });
  const bytesMax = 8_000_000;
  const check = (batch: TickBatch, viewBytes: number) =>
    checkRowMemory(
      { memoryBytes: bytesMax },
      { memoryBytes: viewBytes, mayGrow: (one) => views.mayGrow(one) },
      batch,
      bytesMax,
    );
  const header = tickHeader(1);
  const batchOf = (effects: readonly EffectInput[], actions: readonly ActionInput[] = []) =>
    buildTickBatch(catalog, { header, actions, effects });
  const row = { playerId: 1, resource: 'MASS', amount: 1, reason: null };
  const event = batchOf([{ op: 'append', table: 'resourceLedger', row }]);
  const order = { playerId: 1, kind: 'MOVE', unitIds: [1] };
  const action = batchOf([], [{ actionId: 'a', row: order, effects: [] }]);
  const deletion = batchOf([
    {
      op: 'delete',
      table: 'unitState',
      key: { unitId: 1 },
      expectedVersion: null,
      require: null,
    },
  ]);
  const overdraft = bytesMax * limits.viewOverdraftShare;
  for (const batch of [event, action]) {
    check(batch, overdraft - 1);
    expect(() => check(batch, overdraft)).toThrow(
      expect.objectContaining({ code: 'QUOTA_EXCEEDED', retryAfterMs: 1000 }),
    );
  }
  check(deletion, 10 * bytesMax);
  views.close();
});

it('stops views that would grow without end, and lets rows be deleted on', async () => {
  const engine = await openWith(4 * 1024 * 1024);
  const catalog = new Catalog(ashfall);
  let last = 0;
  const commit = (actions: readonly ActionInput[], effects: readonly EffectInput[] = []) =>
    engine.commit(
      testTicket,
      buildTickBatch(catalog, { header: tickHeader(++last), actions, effects }),
    );
  await commit([], [{ op: 'insert', table: 'unitState', row: { unitId: 1, ownerId: 1 } }]);
  const players = 2_000;
  const tick = (first: number) =>
    Array.from({ length: players }, (_, i): ActionInput => {
      const row = { playerId: first + i, kind: 'MOVE', unitIds: [1] };
      return { actionId: `${first}.${i}`, row, effects: [] };
    });
  let taken = 0;
  const fill = async () => {
    for (; taken < 200; taken++) await commit(tick(taken * players));
  };
  await expect(fill()).rejects.toMatchObject({
    code: 'QUOTA_EXCEEDED',
    message: expect.stringContaining('views'),
  });
  const { rowBytes, viewBytes } = engine.memory;
  expect(viewBytes).toBeGreaterThan(rowBytes);
  expect(finish(engine.views.read(testTicket, 'playerTotals', null)).rows).toHaveLength(
    taken * players,
  );
  last--;
  const key = { unitId: 1 };
  const deletion = {
    op: 'delete',
    table: 'unitState',
    key,
    expectedVersion: null,
    require: null,
  } as const;
  expect(await commit([], [deletion])).toMatchObject({ aborted: false });
  expect(engine.state.rowCount('unitState')).toBe(0);
});
