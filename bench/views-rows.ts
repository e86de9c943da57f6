import { buildTickBatch } from '../engine/intake/rows/batch-builder.ts';
import type { EffectInput } from '../engine/intake/rows/row-input.ts';
import { validateManifest } from '../engine/manifest/validate.ts';
import { Catalog } from '../engine/model/catalog.ts';
import { asLsn } from '../engine/model/position.ts';
import type { TitleManifest } from '../engine/model/types.ts';
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

const claim =
  'What folding changes of live rows into a view costs, and making the view of all rows at a start.';
const options = readOptions(claim, {
  rows: { default: 1_000_000, short: 20_000, help: 'Live rows.' },
  ticks: { default: 300, short: 10, help: 'Ticks measured, of each kind.' },
});
const rowsPerTick = 1_000;
const owners = 5_000;

const withView: TitleManifest = validateManifest({
  ...ashfall,
  views: [
    {
      name: 'unitsByOwner',
      kind: 'group',
      from: 'unitState',
      groupBy: ['sessionId', 'ownerId'],
      tickWindow: null,
      columns: [
        { name: 'units', aggregate: { op: 'count' } },
        { name: 'health', aggregate: { op: 'sum', column: 'health' } },
        { name: 'weakest', aggregate: { op: 'min', column: 'health' } },
        { name: 'blueprints', aggregate: { op: 'countDistinct', column: 'blueprint' } },
      ],
    },
  ],
  roles: [],
});

/** A title that takes ticks of one match without a log. */
class Title {
  readonly catalog = new Catalog(withView);
  readonly projection = new Projection(new TitleState(this.catalog));
  readonly state = new LiveState(this.projection.state);
  readonly views = createViewEngine({ catalog: this.catalog, state: this.state });
  #lsn = 1;
  #tick = 0;

  constructor() {
    const record = {
      type: 'session',
      at: 1,
      session: 'match',
      verb: 'open',
      fence: null,
    } as const;
    this.projection.settleSession(asLsn(1), record);
    this.views.apply(emptyChanges(asLsn(1), 'match', 1));
  }

  /** Milliseconds that folding took. */
  commit(effects: readonly EffectInput[]): number {
    const tick = ++this.#tick;
    const header = { sessionId: 'match', tick, fence: null, idempotencyKey: null } as const;
    const batch = buildTickBatch(this.catalog, {
      header: { ...header, onConflict: 'REJECT_ACTION', afterTick: null },
      actions: [],
      effects,
    });
    const { digest } = encodeTick(batch);
    const lsn = asLsn(++this.#lsn);
    const logged = { lsn, committedAtMs: lsn, digest, batch };
    const changes = changesOf(this.projection.settle(logged), logged);
    const startedMs = performance.now();
    this.views.apply(changes);
    return performance.now() - startedMs;
  }
}

function upsert(unitId: number, set: Readonly<Record<string, number | string>>): EffectInput {
  return { op: 'upsert', table: 'unitState', key: { unitId }, set, require: null };
}

const title = new Title();
for (let first = 0; first < options.rows; first += 5_000) {
  title.commit(
    Array.from({ length: Math.min(5_000, options.rows - first) }, (_, i) =>
      upsert(first + i, {
        ownerId: (first + i) % owners,
        blueprint: `blueprint-${(first + i) % 300}`,
        health: 100,
        x: 0,
        y: 0,
      }),
    ),
  );
}
const report = new Report({
  bench: 'views-rows',
  claim,
  options,
  cardinality: `${options.rows} units, ${owners} owners, 300 blueprints, one view of count, sum, min and countDistinct`,
  mix: `${rowsPerTick} units a tick`,
  warmUp: 'a fifth of the ticks',
});
const random = (below: number) => Math.floor(Math.random() * below);
for (const [change, set] of [
  ['x and y, which no view reads', () => ({ x: random(1000), y: random(1000) })],
  ['health, which is summed', () => ({ health: random(100) })],
  ['the owner, which is grouped by', () => ({ ownerId: random(owners) })],
] as const) {
  const samples = new Float64Array(options.ticks);
  for (let tick = -Math.ceil(options.ticks / 5); tick < options.ticks; tick++) {
    const effects = Array.from({ length: rowsPerTick }, () => upsert(random(options.rows), set()));
    const ms = title.commit(effects);
    if (tick >= 0) samples[tick] = ms;
  }
  const mean = samples.reduce((sum, ms) => sum + ms, 0) / options.ticks;
  report.row({
    change,
    'mean ms a tick': rounded(mean, 3),
    ms: quantilesOf(samples),
    'ns a row': rounded((mean * 1e6) / rowsPerTick),
  });
}
const startedMs = performance.now();
const again = createViewEngine({ catalog: title.catalog, state: title.state });
again.readLiveRows();
const ms = performance.now() - startedMs;
report.row({
  change: 'none: the view is made of all rows, as a start makes it',
  'mean ms a tick': rounded(ms, 1),
  'ns a row': rounded((ms * 1e6) / options.rows),
});
const bytes = title.views.memoryBytes;
report.row({
  change: 'memory of the view, bytes a row',
  'ns a row': rounded(bytes / options.rows),
});
title.views.close();
again.close();
await report.print();
