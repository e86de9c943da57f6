import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeStorage } from '../../engine/disk/node-storage.ts';
import { finish } from '../../engine/govern/work.ts';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import type { EffectInput } from '../../engine/intake/rows/row-input.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import type { Lsn } from '../../engine/model/position.ts';
import { Checkpointer } from '../../engine/recover/checkpointer.ts';
import { findCheckpoints, loadCheckpoint } from '../../engine/recover/load-checkpoint.ts';
import { LiveState } from '../../engine/state/live-state.ts';
import { TitleState } from '../../engine/state/title-state.ts';
import { Projection } from '../../engine/tick/projection.ts';
import { encodeTick } from '../../engine/tick/tick-record.ts';
import { createViewEngine } from '../../engine/views/open-views.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { tickHeader } from '../tick/tick-header.ts';
import { columnsThatHaveAll } from './columns-that-have-all.ts';

const catalog = new Catalog(ashfall);

/** Deterministic ticks over more rows than fit in two pages. */
class Match {
  readonly projection = new Projection(new TitleState(catalog));
  lsn = 0;
  #tick = 0;
  #seed = 7;

  constructor() {
    const record = { type: 'session', at: 1, session: 's', verb: 'open', fence: null } as const;
    this.projection.settleSession(++this.lsn as Lsn, record);
  }

  play(ticks: number): void {
    for (let i = 0; i < ticks; i++) {
      const effects = Array.from({ length: 40 }, (): EffectInput => this.#effect());
      const actions = effects.map((effect, a) => ({
        actionId: `${this.#tick}-${a}`,
        row: { playerId: 1, kind: 'MOVE', unitIds: [] },
        effects: [effect],
      }));
      const header = tickHeader(++this.#tick);
      const batch = buildTickBatch(catalog, { header, actions, effects: [] });
      const { digest } = encodeTick(batch);
      const lsn = ++this.lsn as Lsn;
      this.projection.settle({ lsn, committedAtMs: this.#tick, digest, batch });
    }
  }

  #effect(): EffectInput {
    const unitId = this.#random(20_000);
    const key = { unitId };
    if (this.#random(4) === 0) {
      return { op: 'delete', table: 'unitState', key, expectedVersion: null, require: null };
    }
    const set = { ownerId: this.#random(8), blueprint: `bp-${this.#random(50)}`, x: unitId / 2 };
    return { op: 'upsert', table: 'unitState', key, set, require: null };
  }

  #random(below: number): number {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    return (this.#seed >>> 8) % below;
  }
}

function content(projection: Projection) {
  const rows = finish(new LiveState(projection.state).select('unitState', null));
  const sessions = [...projection.sessions.values()].map(({ ledger, ...session }) => ({
    ...session,
    stateHash: Buffer.from(session.stateHash).toString('hex'),
    ticks: ledger.entriesBetween(0, Number.MAX_SAFE_INTEGER, 1e6).map((entry) => ({
      ...entry,
      digest: Buffer.from(entry.digest).toString('hex'),
      stateHash: Buffer.from(entry.stateHash).toString('hex'),
      conflicts: entry.conflicts && Buffer.from(entry.conflicts).toString('utf8'),
    })),
  }));
  return { rows: rows.sort((a, b) => Number(a.unitId) - Number(b.unitId)), sessions };
}

describe('checkpoints', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tickloom-checkpoint-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  function checkpointer(match: Match): Checkpointer {
    return new Checkpointer(
      {
        storage: nodeStorage,
        directory,
        projection: match.projection,
        views: createViewEngine({ catalog, state: new LiveState(match.projection.state) }),
        columns: columnsThatHaveAll,
        log: { syncTo: async () => {} },
        incremental: true,
      },
      [],
    );
  }

  async function load() {
    const source = { storage: nodeStorage, directory };
    const upToLsn = Number.MAX_SAFE_INTEGER as Lsn;
    for await (const found of findCheckpoints(source, upToLsn, () => {})) {
      const projection = new Projection(new TitleState(catalog));
      await loadCheckpoint(projection, found);
      return { projection, lsn: found.manifest.lsn, manifest: found.manifest };
    }
    return null;
  }

  it('holds rows, sessions and retry answers as of its position, whatever is committed meanwhile', async () => {
    const match = new Match();
    match.play(1500);
    const at = match.lsn;
    const wanted = content(match.projection);
    const taking = checkpointer(match).checkpoint(at as Lsn);
    // Ticks go on between the pages that are being written.
    const meanwhile = setInterval(() => match.play(5), 0);
    await taking;
    clearInterval(meanwhile);
    expect(match.lsn).toBeGreaterThan(at);
    const loaded = await load();
    expect(loaded?.lsn).toBe(at);
    expect(content(loaded?.projection as Projection)).toEqual(wanted);
  });

  it('goes on from a loaded checkpoint as the process that wrote it does', async () => {
    const match = new Match();
    match.play(300);
    await checkpointer(match).checkpoint(match.lsn as Lsn);
    const twin = new Match();
    twin.play(300);
    const loaded = await load();
    Object.assign(twin, { projection: loaded?.projection });
    match.play(200);
    twin.play(200);
    expect(content(twin.projection)).toEqual(content(match.projection));
    expect(twin.projection.state.tables.get('unitState')?.rowCount).toBe(
      match.projection.state.tables.get('unitState')?.rowCount,
    );
  });

  it('writes only pages that changed, and keeps two checkpoints', async () => {
    const match = new Match();
    match.play(1500);
    const writer = checkpointer(match);
    await writer.checkpoint(match.lsn as Lsn);
    const first = await load();
    const batch = buildTickBatch(catalog, {
      header: tickHeader(100_000),
      actions: [],
      effects: [
        {
          op: 'upsert',
          table: 'unitState',
          key: { unitId: 1 },
          set: { ownerId: 3 },
          require: null,
        },
      ],
    });
    const { digest } = encodeTick(batch);
    const lsn = ++match.lsn as Lsn;
    match.projection.settle({ lsn, committedAtMs: 1, digest, batch });
    await writer.checkpoint(lsn);
    const second = await load();
    const pages = (loaded: typeof first) =>
      loaded?.manifest.tables.find((table) => table.table === 'unitState')?.pages ?? [];
    expect(pages(second)).toHaveLength(pages(first).length);
    expect(pages(first).length).toBeGreaterThan(1);
    const rewritten = pages(second).filter(
      (page, i) => page.file.name !== pages(first)[i]?.file.name,
    );
    expect(rewritten).toHaveLength(1);
    match.play(1);
    await writer.checkpoint(match.lsn as Lsn);
    const names = await readdir(directory);
    expect(names.filter((name) => name.endsWith('.json'))).toHaveLength(2);
    expect(names.filter((name) => name.endsWith('.new'))).toEqual([]);
  });

  it('falls back to the checkpoint before when a file of the newest is damaged', async () => {
    const match = new Match();
    match.play(100);
    const writer = checkpointer(match);
    await writer.checkpoint(match.lsn as Lsn);
    const before = match.lsn;
    match.play(100);
    await writer.checkpoint(match.lsn as Lsn);
    await rm(join(directory, `sessions-${match.lsn}.arrow`));
    expect((await load())?.lsn).toBe(before);
  });
});
