import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { finish } from '../../engine/govern/work.ts';
import { buildTickBatch } from '../../engine/intake/rows/batch-builder.ts';
import type { ActionInput, EffectInput } from '../../engine/intake/rows/row-input.ts';
import type { Engine } from '../../engine/ports/engine.ts';
import type { TickHeader } from '../../engine/tick/tick-batch.ts';
import type { TickOutcome } from '../../engine/tick/tick-outcome.ts';
import { type EngineOptions, openEngine } from '../../engine/title/open-engine.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { tickHeader } from '../tick/tick-header.ts';
import { testTicket } from '../ticket.ts';
import { ColumnsOnDisk, memoryColumns } from './memory-columns.ts';

/** A directory with a title in it, opened as often as a test likes. */
export class TestTitle {
  readonly directory: string;
  readonly columns = new ColumnsOnDisk();
  readonly #open = new Set<Engine>();

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** `whenOver`: told what to do at the end of the test, or of several. */
  static async create(
    whenOver: (end: () => Promise<void>) => void = onTestFinished,
  ): Promise<TestTitle> {
    const title = new TestTitle(await mkdtemp(join(tmpdir(), 'tickloom-engine-')));
    whenOver(async () => {
      for (const engine of title.#open) await engine.close().catch(() => {});
      await rm(title.directory, { recursive: true, force: true });
    });
    return title;
  }

  async open(options: Partial<EngineOptions> = {}): Promise<Engine> {
    let clock = 1_000;
    const engine = await openEngine({
      manifest: ashfall,
      directory: this.directory,
      durability: { mode: 'strict' },
      columns: memoryColumns(this.columns),
      now: () => clock++,
      ...options,
    });
    this.#open.add(engine);
    return engine;
  }

  async close(engine: Engine): Promise<void> {
    this.#open.delete(engine);
    await engine.close();
  }
}

export interface TickContent {
  readonly actions?: readonly (readonly EffectInput[])[];
  readonly effects?: readonly EffectInput[];
  readonly header?: Partial<TickHeader>;
  /** The ids of the actions in order; by tick and place unless told otherwise. */
  readonly actionIds?: readonly string[] | undefined;
}

/** Commits a tick of session "s". */
export function commit(
  engine: Engine,
  tick: number,
  { actions = [], effects = [], header = {}, actionIds }: TickContent = {},
): Promise<TickOutcome> {
  const all = actions.map((own, i): ActionInput => {
    const row = { playerId: i % 4, kind: 'MOVE', unitIds: [i] };
    return { actionId: actionIds?.[i] ?? `${tick}-${i}`, row, effects: own };
  });
  const batch = buildTickBatch(engine.catalog, {
    header: tickHeader(tick, header),
    actions: all,
    effects,
  });
  return engine.commit(testTicket, batch);
}

export function insertUnit(unitId: number, row: object = {}): EffectInput {
  return { op: 'insert', table: 'unitState', row: { unitId, ownerId: 1, ...row } };
}

export function setUnit(unitId: number, set: object, require: object | null = null): EffectInput {
  const row = { ownerId: 1, ...set };
  return {
    op: 'upsert',
    table: 'unitState',
    key: { unitId },
    set: row,
    require: require as EffectInput extends { require: infer R } ? R : null,
  };
}

/** Everything a restart must bring back, in one comparable value. */
export function contentOf(engine: Engine, sessions: readonly string[] = ['s']): unknown {
  const sorted = (table: string) =>
    finish(engine.state.select(testTicket, table, null))
      .map((row) => JSON.stringify(row))
      .sort();
  return {
    appliedLsn: engine.appliedLsn,
    sessions: sessions.map((session) => engine.session(testTicket, session)),
    tables: engine.catalog.stateTables.map(({ name }) => [name, sorted(name)]),
    views: [...engine.catalog.views.keys()].map((view) => [
      view,
      finish(engine.views.read(testTicket, view, null)),
    ]),
  };
}
