import { cpus } from 'node:os';
import { Catalog } from '../engine/manifest/catalog.ts';
import type { Lsn } from '../engine/position.ts';
import type { StateReader } from '../engine/state/state-reader.ts';
import type { ChangeSet } from '../engine/tick/change-set.ts';
import type { ColumnVector } from '../engine/tick/column-vector.ts';
import { fixedValues } from '../engine/tick/vector-builder.ts';
import { createViewEngine } from '../engine/views/open-views.ts';
import { ashfall } from '../src/sandbox/ashfall.ts';

/**
 * What folding a tick into the views of `ashfall` costs, nobody subscribed: ticks of 10,000, 200
 * and 1 actions, 16 players, 8 units an action, one action in ten rejected.
 */
const players = 16;
const unitsPerAction = 8;

function actionVectors(catalog: Catalog, actions: number): ColumnVector[] {
  const encoder = new TextEncoder();
  return [catalog.column(catalog.actionTable, 'actionId'), ...catalog.actionTable.columns].map(
    (column): ColumnVector => {
      const base = { column, length: actions };
      if (column.list) {
        const offsets = Int32Array.from({ length: actions + 1 }, (_, i) => i * unitsPerAction);
        const values = fixedValues(column.kind, actions * unitsPerAction);
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
      const values = fixedValues(column.kind, actions);
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
  samples.sort();
  const at = (q: number): string => (samples[Math.floor(q * (ticks - 1))] as number).toFixed(4);
  const mean = samples.reduce((sum, ms) => sum + ms, 0) / ticks;
  const perAction = ((mean * 1e6) / actions).toFixed(0);
  console.log(
    `${String(actions).padStart(6)} actions  ${String(ticks).padStart(6)} ticks  ` +
      `mean ${mean.toFixed(4)} ms  p50 ${at(0.5)}  p95 ${at(0.95)}  p99 ${at(0.99)}  ${perAction} ns an action`,
  );
  views.close();
}

const catalog = new Catalog(ashfall);
console.log(`${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}`);
console.log(`${catalog.manifest.views.length} views: ${[...catalog.views.keys()].join(', ')}`);
measure(catalog, 10_000, 1_000);
measure(catalog, 200, 20_000);
measure(catalog, 1, 200_000);
