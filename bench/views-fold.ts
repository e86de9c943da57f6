import { Catalog } from '../engine/model/catalog.ts';
import { elementsOf } from '../engine/model/kinds.ts';
import type { Lsn } from '../engine/model/position.ts';
import type { ChangeSet } from '../engine/state/change-set.ts';
import type { StateReader } from '../engine/state/state-reader.ts';
import type { ColumnVector } from '../engine/vectors/column-vector.ts';
import { createViewEngine } from '../engine/views/open-views.ts';
import { ashfall } from '../src/sandbox/ashfall.ts';
import { readOptions } from './harness/options.ts';
import { Report, rounded } from './harness/report.ts';
import { quantilesOf } from './harness/samples.ts';

const claim = 'What folding a tick into the views of ashfall costs, nobody subscribed.';
const options = readOptions(claim, {
  scale: { default: 1, short: 0.05, help: 'Of the number of ticks.' },
});
const players = 16;
const unitsPerAction = 8;

function actionVectors(catalog: Catalog, actions: number): ColumnVector[] {
  const encoder = new TextEncoder();
  return [catalog.column(catalog.actionTable, 'actionId'), ...catalog.actionTable.columns].map(
    (column): ColumnVector => {
      const base = { column, length: actions };
      if (column.list) {
        const offsets = Int32Array.from({ length: actions + 1 }, (_, i) => i * unitsPerAction);
        const values = new (elementsOf(column.kind))(actions * unitsPerAction);
        const element = { ...column, list: false };
        const child = { column: element, length: values.length, validity: null, values } as const;
        return {
          ...base,
          layout: 'list',
          validity: null,
          offsets,
          child: { layout: 'fixed', ...child },
        };
      }
      if (column.kind === 'string' || column.kind === 'json') {
        const texts = Array.from({ length: actions }, (_, i) => encoder.encode(`action-${i}`));
        const offsets = new Int32Array(actions + 1);
        texts.forEach((text, i) => {
          offsets[i + 1] = (offsets[i] as number) + text.length;
        });
        return { ...base, layout: 'binary', validity: null, offsets, data: Buffer.concat(texts) };
      }
      const values = new (elementsOf(column.kind))(actions);
      const choices = column.kind === 'enum' ? column.values.length : players;
      for (let i = 0; i < actions; i++) values[i] = Math.floor(Math.random() * choices);
      return { ...base, layout: 'fixed', validity: null, values };
    },
  );
}

function measure(catalog: Catalog, actions: number, ticks: number): void {
  const views = createViewEngine({ catalog, state: null as unknown as StateReader });
  const vectors = actionVectors(catalog, actions);
  const verdicts = Uint8Array.from({ length: actions }, (_, i) => (i % 10 === 0 ? 1 : 0));
  const samples = new Float64Array(ticks);
  const warmUp = Math.min(500, ticks);
  for (let tick = -warmUp; tick < ticks; tick++) {
    const changes: ChangeSet = {
      lsn: (tick + warmUp + 1) as Lsn,
      sessionId: 'match-1',
      tick: tick + warmUp,
      committedAtMs: 0,
      actions: {
        table: catalog.actionTable,
        rows: { length: actions, vectors },
        verdicts,
        accepted: 0,
      },
      events: [],
      states: [],
    };
    const startedMs = performance.now();
    views.apply(changes);
    if (tick >= 0) samples[tick] = performance.now() - startedMs;
  }
  const mean = samples.reduce((sum, ms) => sum + ms, 0) / ticks;
  report.row({
    'actions a tick': actions,
    'mean ms': rounded(mean, 4),
    ms: quantilesOf(samples),
    'ns an action': rounded((mean * 1e6) / actions),
    'actions/s': rounded((actions / mean) * 1000),
  });
  views.close();
}

const catalog = new Catalog(ashfall);
const report = new Report({
  bench: 'views-fold',
  claim,
  options,
  cardinality: `${players} players, ${catalog.manifest.views.length} views: ${[...catalog.views.keys()].join(', ')}`,
  mix: `${unitsPerAction} units an action, one action in ten rejected`,
  warmUp: 'up to 500 ticks',
});
for (const [actions, ticks] of [
  [10_000, 1_000],
  [200, 20_000],
  [1, 200_000],
] as const) {
  measure(catalog, actions, Math.round(ticks * options.scale));
}
await report.print();
