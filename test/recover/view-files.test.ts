import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Table, tableFromIPC } from 'apache-arrow';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeStorage } from '../../engine/disk/node-storage.ts';
import type { Row } from '../../engine/model/types.ts';
import { type CheckpointManifest, filesOf } from '../../engine/recover/checkpoint-manifest.ts';
import { Checkpointer } from '../../engine/recover/checkpointer.ts';
import { createViewEngine } from '../../engine/views/open-views.ts';
import { catalog, type TickPlan, tickPlan, World } from '../views/world.ts';
import { rowsOfArrow } from './arrow-view-reader.ts';
import { columnsThatHaveAll } from './columns-that-have-all.ts';

const plans = fc.sample(tickPlan, { numRuns: 40, seed: 5 });

const ledgerTick: TickPlan = {
  session: 1,
  actions: [],
  effects: [
    {
      op: 'append',
      table: 'ledger',
      row: { playerId: 1, resource: 'MASS', amount: 1, delta: null },
    },
  ],
};

function comparable(rows: readonly Row[]): string[] {
  const texts = rows.map((row) =>
    JSON.stringify(row, (_, value) => (typeof value === 'bigint' ? `${value}n` : value)),
  );
  return texts.sort();
}

describe('the files of a checkpoint', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tickloom-view-files-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  /** Chunks of four rows, so that there are many. */
  function title(incremental: boolean) {
    const world = new World();
    const views = createViewEngine({ catalog, state: world.state, chunkRowBits: 2 });
    const writer = new Checkpointer(
      {
        storage: nodeStorage,
        directory,
        projection: world.projection,
        views,
        columns: columnsThatHaveAll,
        log: { syncTo: async () => {} },
        incremental,
      },
      [],
    );
    const play = (some: readonly TickPlan[]) => {
      for (const plan of some) world.commit(plan, (changes) => views.apply(changes));
    };
    const checkpoint = async (): Promise<CheckpointManifest> => {
      await writer.checkpoint(views.lsn);
      const [newest] = writer.published;
      if (!newest) throw new Error('it was not published');
      return newest;
    };
    return { views, play, checkpoint };
  }

  const read = async (name: string): Promise<Table> =>
    tableFromIPC(await readFile(join(directory, name)));

  async function partTables({ views }: CheckpointManifest): Promise<Map<string, Table>> {
    const tables = new Map<string, Table>();
    for (const { part, rows, chunks } of views.parts) {
      const [first, ...more] = await Promise.all(chunks.map(({ name }) => read(name)));
      const table = first?.concat(...more);
      expect(table?.numRows ?? 0).toBe(rows);
      if (table) tables.set(part, table);
    }
    return tables;
  }

  it('are Arrow streams that any reader opens, and views are in them row for row', async () => {
    const { views, play, checkpoint } = title(true);
    play(plans.slice(0, 25));
    await checkpoint();
    play(plans.slice(25));
    const manifest = await checkpoint();
    for (const { name } of filesOf(manifest)) {
      expect(name).toMatch(/\.arrow$/);
      expect((await read(name)).numRows, name).toBeGreaterThan(0);
    }
    const parts = await partTables(manifest);
    for (const view of catalog.manifest.views) {
      if (view.kind !== 'group') continue;
      // Views of live rows are made of those, and in no file.
      if (catalog.table(view.from).kind === 'state') continue;
      const { rows } = views.rows(view.name, null);
      expect(rows.length).toBeGreaterThan(0);
      expect(comparable(rowsOfArrow(catalog, view, parts))).toEqual(comparable(rows));
    }
  });

  it('hold each different value that a group has seen once', async () => {
    const { play, checkpoint } = title(true);
    play(plans);
    const parts = await partTables(await checkpoint());
    const groups = parts.get('groups-pulse');
    for (const column of ['players', 'items', 'notes', 'teams', 'ids', 'masses']) {
      const pairs = parts.get(`distinct-pulse-${column}`)?.toArray() ?? [];
      expect(new Set(pairs.map((pair) => JSON.stringify(pair))).size).toBe(pairs.length);
      const counts = Array.from(
        { length: groups?.numRows ?? 0 },
        (_, group) => pairs.filter((pair) => pair.group === group).length,
      );
      expect(counts).toEqual([...(groups?.getChild(column) ?? [])]);
    }
  });

  it('name their columns by column and lane', async () => {
    const { play, checkpoint } = title(true);
    play(plans);
    const parts = await partTables(await checkpoint());
    const fields = (part: string) =>
      parts.get(part)?.schema.fields.map(({ name, type }) => `${name} ${type}`);
    expect(fields('groups-activity')).toEqual([
      'playerId Uint32',
      'tickWindow Uint32',
      'actions Float64',
      'score.units Float64',
      'score.rest Float64',
      'items Float64',
    ]);
    expect(fields('groups-ids')?.slice(0, 10)).toEqual([
      'item.isPresent Uint32',
      ...['word0', 'word1', 'word2', 'word3'].map((word) => `item.${word} Uint32`),
      'mass.isPresent Uint32',
      'mass.low Uint32',
      'mass.high Uint32',
      'plannedAt.isPresent Uint32',
      'plannedAt.low Uint32',
    ]);
    expect(fields('groups-pulse')).toContain('firstNote Binary');
    expect(fields('distinct-pulse-masses')).toEqual([
      'group Uint32',
      'value.low Uint32',
      'value.high Uint32',
    ]);
    expect(fields('texts-orders-note')).toEqual(['text Utf8']);
  });

  const viewFiles = (manifest: CheckpointManifest): string[] =>
    filesOf(manifest)
      .map(({ name }) => name)
      .filter((name) => /^(groups|distinct|texts)-/.test(name));

  it('are kept where no tick has changed what they hold', async () => {
    const { views, play, checkpoint } = title(true);
    play([...plans, ledgerTick]);
    const before = viewFiles(await checkpoint());
    play([ledgerTick]);
    const after = viewFiles(await checkpoint());
    const written = after.filter((name) => !before.includes(name));
    expect(written).toEqual([expect.stringMatching(`^groups-balance-\\d+-${views.lsn}.arrow$`)]);
    expect(after.length).toBeGreaterThan(20);
  });

  it('are all written anew where checkpoints are written whole', async () => {
    const { views, play, checkpoint } = title(false);
    play([...plans, ledgerTick]);
    await checkpoint();
    play([ledgerTick]);
    const names = viewFiles(await checkpoint());
    expect(names.filter((name) => !name.endsWith(`-${views.lsn}.arrow`))).toEqual([]);
    expect(names.length).toBeGreaterThan(20);
  });
});
