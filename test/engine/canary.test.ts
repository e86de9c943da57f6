import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Catalog } from '../../engine/manifest/catalog.ts';
import { openEngine } from '../../engine/open-engine.ts';
import type { Lsn } from '../../engine/position.ts';
import { checkChanges } from '../../engine/state/check-changes.ts';
import { TitleState } from '../../engine/state/title-state.ts';
import { applyBatch } from '../../engine/tick/apply.ts';
import { buildTickBatch } from '../../engine/tick/batch-builder.ts';
import type { ChangeSet } from '../../engine/tick/change-set.ts';
import type { EffectInput } from '../../engine/tick/row-input.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { FakeColumnStore } from '../resolvers/fake-column-store.ts';
import { tickHeader } from '../tick/tick-header.ts';

const catalog = new Catalog(ashfall);
const insert: EffectInput = {
  op: 'insert',
  table: 'unitState',
  row: { unitId: 7, ownerId: 1, blueprint: 'tank' },
};

function batchOf(tick: number, effects: readonly EffectInput[]) {
  const header = tickHeader(tick);
  return buildTickBatch(catalog, { header, actions: [], effects });
}

describe('canary mode', () => {
  it('syncs every tick by itself and checks it', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tickloom-canary-'));
    const groups: number[] = [];
    const engine = await openEngine({
      manifest: ashfall,
      directory,
      durability: { mode: 'strict' },
      columns: new FakeColumnStore(),
      canary: true,
      observer: { log: { onGroup: (records) => groups.push(records) } },
    });
    onTestFinished(async () => {
      await engine.close();
      await rm(directory, { recursive: true });
    });
    await engine.openSession('s', false);
    const ticks = [1, 2, 3, 4].map((tick) =>
      engine.commit(batchOf(tick, tick === 1 ? [insert] : [])),
    );
    await Promise.all(ticks);
    expect(groups).toEqual([1, 1, 1, 1, 1]);
  });

  it('finds a row that is not what its change set says', () => {
    const state = new TitleState(catalog);
    const place = {
      lsn: 1 as Lsn,
      committedAtMs: 1,
      digest: new Uint8Array(32),
      stateHash: new Uint8Array(32),
    };
    const { changes } = applyBatch(state, batchOf(1, [insert]), place);
    expect(() => checkChanges(state, changes as ChangeSet)).not.toThrow();
    const table = state.tables.get('unitState');
    const [slot = -1] = table?.slots() ?? [];
    const page = table?.pages.page(slot);
    const owner = table?.layout.columns.find((column) => column.column.name === 'ownerId');
    if (page && owner) page.u32[owner.word] = 2;
    expect(() => checkChanges(state, changes as ChangeSet)).toThrow(
      /unitState .* differs in ownerId/,
    );
  });
});
