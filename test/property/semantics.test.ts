import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Catalog } from '../../engine/manifest/catalog.ts';
import type { Row, TableDefinition, TitleManifest, Value } from '../../engine/manifest/types.ts';
import type { Lsn } from '../../engine/position.ts';
import { replayRecord } from '../../engine/recover/replay-record.ts';
import { LiveState } from '../../engine/state/live-state.ts';
import { TitleState } from '../../engine/state/title-state.ts';
import { buildTickBatch } from '../../engine/tick/batch-builder.ts';
import { Projection, type Settlement } from '../../engine/tick/projection.ts';
import type { TickInput } from '../../engine/tick/row-input.ts';
import { encodeSession, encodeTick } from '../../engine/tick/tick-record.ts';
import { manifestArbitrary, ticksArbitrary } from './arbitraries.ts';
import { canonical, type ModelAnswer, NaiveModel } from './naive-model.ts';

/** A log in memory and what a process makes of it; `restart` forgets all but the log. */
class Process {
  readonly #catalog: Catalog;
  readonly #log: Uint8Array[] = [];
  projection: Projection;

  constructor(manifest: TitleManifest) {
    this.#catalog = new Catalog(manifest);
    this.projection = new Projection(new TitleState(this.#catalog));
  }

  get catalog(): Catalog {
    return this.#catalog;
  }

  open(sessionId: string, takeOver: boolean): void {
    const verb = takeOver ? 'takeOver' : 'open';
    const record = { type: 'session', at: 7, session: sessionId, verb, fence: null } as const;
    const lsn = this.#append(encodeSession(record));
    this.projection.settleSession(lsn, record);
  }

  commit(input: TickInput): Settlement {
    const batch = buildTickBatch(this.#catalog, input);
    const { record, digest } = encodeTick(batch);
    const parts = record(1_000, null);
    const early = this.projection.settleEarly(batch, digest);
    if (early) return early;
    const lsn = this.#append(parts);
    return this.projection.settle({ lsn, committedAtMs: 1_000, digest, batch });
  }

  restart(): void {
    this.projection = new Projection(new TitleState(this.#catalog));
    this.#log.forEach((payload, i) => {
      replayRecord(this.projection, { lsn: (i + 1) as Lsn, payload });
    });
  }

  rows(table: TableDefinition): { readonly row: Row; readonly version: number }[] {
    const state = this.projection.state.tables.get(table.name);
    if (!state) throw new Error(`no table ${table.name}`);
    return [...state.slots()].map((slot) => {
      const { version, position: _p, committedAt: _c, ...row } = state.row(slot);
      return { row, version: Number(version) };
    });
  }

  #append(parts: readonly Uint8Array[]): Lsn {
    return this.#log.push(new Uint8Array(Buffer.concat(parts))) as Lsn;
  }
}

function answerOf(settlement: Settlement, actions: number): ModelAnswer {
  if (settlement.kind === 'refused') return { kind: 'refused', code: settlement.code };
  const codes = new Map(settlement.conflicts.map((report) => [report.action, report.code]));
  return {
    kind: settlement.kind,
    aborted: settlement.aborted,
    verdicts: [
      ...Array.from({ length: actions }, (_, i) => codes.get(i) ?? null),
      settlement.tickConflict?.code ?? null,
    ],
  };
}

function sameRows(process: Process, model: NaiveModel): void {
  for (const table of process.catalog.stateTables) {
    const mine = process.rows(table).map(canonical).sort();
    const theirs = [...(model.tables.get(table.name)?.values() ?? [])]
      .map(({ row, version }) => canonical({ row: inOrder(table, row), version }))
      .sort();
    expect(mine).toEqual(theirs);
  }
}

function inOrder(table: TableDefinition, row: Row): Row {
  return Object.fromEntries(table.columns.map(({ name }) => [name, row[name] as Value]));
}

/** Every index finds exactly the rows a scan finds. */
function indexesHold(process: Process): void {
  const live = new LiveState(process.projection.state);
  for (const table of process.catalog.stateTables) {
    const rows = process.rows(table).map(({ row }) => row);
    for (const index of table.indexes) {
      for (const probe of rows) {
        if (index.columns.some((column) => probe[column] === null)) continue;
        const all = index.columns.map((column) => {
          const value = probe[column] as string;
          return { kind: 'compare' as const, column, op: 'eq' as const, value };
        });
        const where = { kind: 'and' as const, all };
        const wanted = rows.filter((row) => all.every((c) => row[c.column] === c.value));
        expect(live.select(table.name, where)).toHaveLength(wanted.length);
        const request = { where, orderBy: [], first: 1000, after: null, scan: 'refuse' as const };
        expect(live.list(table.name, request).rows).toHaveLength(wanted.length);
      }
    }
  }
}

describe('the engine against a naive model', () => {
  it('gives the same verdicts, rows, versions, indexes and hashes, with retries, fences and restarts', () => {
    fc.assert(
      fc.property(
        manifestArbitrary().chain((manifest) =>
          fc.record({ manifest: fc.constant(manifest), steps: ticksArbitrary(manifest) }),
        ),
        ({ manifest, steps }) => {
          const process = new Process(manifest);
          const model = new NaiveModel(process.catalog);
          for (const step of steps) {
            if (step.kind === 'open') {
              process.open(step.sessionId, step.takeOver);
              model.open(step.sessionId, step.takeOver);
            } else if (step.kind === 'restart') {
              const before = hashes(process);
              process.restart();
              expect(hashes(process)).toEqual(before);
              expect(process.projection.state.pool.size).toBeGreaterThanOrEqual(0);
            } else {
              const mine = answerOf(process.commit(step.tick), step.tick.actions.length);
              expect(mine).toEqual(model.commit(step.tick));
              sameRows(process, model);
            }
          }
          indexesHold(process);
        },
      ),
      { numRuns: Number(globalThis.process.env.TICKLOOM_PROPERTY_RUNS ?? 300) },
    );
  });
});

function hashes(process: Process): string[] {
  return [...process.projection.sessions.values()].map((session) => {
    const hash = Buffer.from(session.stateHash).toString('hex');
    return `${session.sessionId} ${session.fence} ${session.lastTick} ${session.lsn} ${hash}`;
  });
}
