import { Canary } from '../engine/canary/canary.ts';
import { buildTickBatch } from '../engine/intake/rows/batch-builder.ts';
import type { EffectInput } from '../engine/intake/rows/row-input.ts';
import { Catalog } from '../engine/model/catalog.ts';
import { asLsn, type Lsn } from '../engine/model/position.ts';
import { emptyChanges } from '../engine/state/change-set.ts';
import { LiveState } from '../engine/state/live-state.ts';
import { TitleState } from '../engine/state/title-state.ts';
import { changesOf, Projection } from '../engine/tick/projection.ts';
import { encodeTick } from '../engine/tick/tick-record.ts';
import { createViewEngine } from '../engine/views/open-views.ts';
import { ashfall } from '../src/sandbox/ashfall.ts';
import { readOptions } from './harness/options.ts';
import { Report, rounded } from './harness/report.ts';
import { quantilesOf } from './harness/samples.ts';

const claim = 'What canary mode adds to a tick: every invariant of the title, checked whole.';
const options = readOptions(claim, {
  ticks: { default: 200, short: 10, help: 'Ticks measured, for each number of rows.' },
});
const actionsPerTick = 200;
const rowsPerSession = 5_000;
const players = 8;

/** A title that takes ticks without a log. */
class Title {
  readonly catalog = new Catalog(ashfall);
  readonly projection = new Projection(new TitleState(this.catalog));
  readonly views = createViewEngine({
    catalog: this.catalog,
    state: new LiveState(this.projection.state),
  });
  readonly #ticks = new Map<string, number>();
  lsn = 0;

  open(session: string): void {
    const record = { type: 'session', at: 1, session, verb: 'open', fence: null } as const;
    const lsn = asLsn(++this.lsn);
    this.projection.settleSession(lsn, record);
    this.views.apply(emptyChanges(lsn, session, 1));
  }

  /** One action an effect; then `check`, in the same turn. */
  commit(sessionId: string, effects: readonly EffectInput[], canary: Canary | null): number {
    const tick = (this.#ticks.get(sessionId) ?? 0) + 1;
    this.#ticks.set(sessionId, tick);
    const batch = buildTickBatch(this.catalog, {
      header: {
        sessionId,
        tick,
        fence: null,
        idempotencyKey: null,
        onConflict: 'REJECT_ACTION',
        afterTick: null,
      },
      actions: effects.map((effect, i) => ({
        actionId: `${tick}-${i}`,
        row: { playerId: i % players, kind: 'MOVE', unitIds: [i] },
        effects: [effect],
      })),
      effects: [],
    });
    const { digest } = encodeTick(batch);
    const logged = { lsn: asLsn(++this.lsn), committedAtMs: this.lsn, digest, batch };
    const settlement = this.projection.settle(logged);
    const changes = changesOf(settlement, logged);
    this.views.apply(changes);
    const startedMs = performance.now();
    canary?.check(changes, logged, settlement);
    return performance.now() - startedMs;
  }
}

function upsert(unitId: number): EffectInput {
  const set = {
    ownerId: unitId % players,
    blueprint: `blueprint-${unitId % 300}`,
    orderKind: 'MOVE',
    x: unitId,
    y: unitId,
    health: 100,
  };
  return { op: 'upsert', table: 'unitState', key: { unitId }, set, require: null };
}

function measure(rows: number): void {
  const title = new Title();
  const sessions = Array.from({ length: rows / rowsPerSession }, (_, i) => `match-${i}`);
  for (const session of sessions) {
    title.open(session);
    for (let first = 0; first < rowsPerSession; first += 500) {
      const effects = Array.from({ length: 500 }, (_, i) => upsert(first + i));
      title.commit(session, effects, null);
    }
  }
  const canary = new Canary({
    projection: title.projection,
    views: title.views,
    log: { durableLsn: asLsn(Number.MAX_SAFE_INTEGER) },
    appliedLsn: asLsn(title.lsn) as Lsn,
  });
  const samples = new Float64Array(options.ticks);
  for (let tick = -5; tick < options.ticks; tick++) {
    const effects = Array.from({ length: actionsPerTick }, () =>
      upsert(Math.floor(Math.random() * rowsPerSession)),
    );
    const session = sessions[(tick + 5) % sessions.length] as string;
    const ms = title.commit(session, effects, canary);
    if (tick >= 0) samples[tick] = ms;
  }
  const groups = [...title.catalog.views.keys()].reduce(
    (sum, view) => sum + title.views.rows(view, null).rows.length,
    0,
  );
  const mean = samples.reduce((sum, ms) => sum + ms, 0) / options.ticks;
  report.row({
    rows,
    sessions: sessions.length,
    'rows of views': groups,
    'mean ms a tick': rounded(mean, 2),
    ms: quantilesOf(samples),
    'ns a row': rounded((mean * 1e6) / rows),
  });
  title.views.close();
}

const report = new Report({
  bench: 'canary',
  claim,
  options,
  cardinality: `units in matches of ${rowsPerSession}, ${players} owners, 300 blueprints`,
  mix: `${actionsPerTick} actions a tick, each an upsert of a unit`,
  warmUp: '5 ticks',
});
for (const rows of [10_000, 100_000]) measure(rows);
await report.print();
