import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import type { EffectInput } from '../../engine/intake/rows/row-input.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import { TitleState } from '../../engine/state/title-state.ts';
import { checkRowMemory } from '../../engine/tick/row-memory.ts';
import { openEngine } from '../../engine/title/open-engine.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { FakeColumnStore } from '../resolvers/fake-column-store.ts';
import { tickHeader } from '../tick/tick-header.ts';

it('refuses ticks that may create rows once rows fill their memory, and lets others go on', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tickloom-memory-'));
  const engine = await openEngine({
    manifest: ashfall,
    directory,
    durability: { mode: 'none' },
    columns: new FakeColumnStore(),
    rowMemoryBytesMax: 6 * 1024 * 1024,
  });
  onTestFinished(async () => {
    await engine.close();
    await rm(directory, { recursive: true });
  });
  await engine.openSession('s', false);
  const catalog = new Catalog(ashfall);
  let last = 0;
  const commit = (effects: readonly EffectInput[]) => {
    const header = tickHeader(++last);
    return engine.commit(buildTickBatch(catalog, { header, actions: [], effects }));
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
  checkRowMemory(state, batch, state.memoryBytes + 1);
  expect(() => checkRowMemory(state, batch, state.memoryBytes)).toThrow(
    expect.objectContaining({ code: 'QUOTA_EXCEEDED', retryAfterMs: 1000 }),
  );
});
