import { RecordBatchReader } from 'apache-arrow';
import { decodeCommitBody } from '../engine/intake/arrow/commit-body.ts';
import { Catalog } from '../engine/model/catalog.ts';
import type { TickHeader } from '../engine/tick/tick-batch.ts';
import { ashfall } from '../src/sandbox/ashfall.ts';
import { readOptions } from './harness/options.ts';
import { Report, rounded } from './harness/report.ts';
import { quantilesOf, Samples } from './harness/samples.ts';
import { ArrowBodies } from './load/arrow-bodies.ts';
import type { LoadRows } from './load/load-config.ts';

const claim =
  'What it costs to decode a body of the commit endpoint, checked; beside it RecordBatchReader of apache-arrow, which checks nothing and converts nothing.';
const options = readOptions(claim, {
  scale: { default: 1, short: 0.05, help: 'Of the number of bodies.' },
});

/** Bodies that take turns: no two ticks of a match are the same. */
const distinctBodies = 64;
const header: TickHeader = {
  sessionId: 'decode',
  tick: 0,
  fence: null,
  idempotencyKey: null,
  onConflict: 'REJECT_ACTION',
  afterTick: null,
};

interface Case {
  readonly what: string;
  readonly load: LoadRows;
  readonly bodies: number;
}

interface Took {
  readonly p50Us: number;
  readonly p95Us: number;
  readonly p99Us: number;
  readonly megabytesPerSecond: number;
}

function bodiesOf(load: LoadRows): readonly Uint8Array[] {
  const bodies = new ArrowBodies(load, null, 1);
  return Array.from({ length: distinctBodies }, (_, tick) => bodies.bodyOf(tick).slice());
}

/** One after the other on the same body, the first by turns, so that neither finds it warmer. */
function measure({ load, bodies: count }: Case): { ours: Took; peer: Took } {
  const catalog = new Catalog(ashfall);
  const bodies = bodiesOf(load);
  const ours = new Samples();
  const peer = new Samples();
  const decode = (body: Uint8Array) => decodeCommitBody(catalog, header, body);
  const warmUp = Math.min(2000, count);
  for (let i = -warmUp; i < count; i++) {
    const body = bodies[(i + warmUp) % distinctBodies] as Uint8Array;
    const oursFirst = i % 2 === 0;
    const first = microseconds(() => (oursFirst ? decode(body) : readByArrow(body)));
    const second = microseconds(() => (oursFirst ? readByArrow(body) : decode(body)));
    if (i < 0) continue;
    ours.add(oursFirst ? first : second);
    peer.add(oursFirst ? second : first);
  }
  const bytes = bodies[0]?.length ?? 0;
  return { ours: tookOf(ours.values(), bytes), peer: tookOf(peer.values(), bytes) };
}

function readByArrow(body: Uint8Array): number {
  let rows = 0;
  for (const reader of RecordBatchReader.readAll(body)) {
    for (const batch of reader) rows += batch.numRows;
  }
  return rows;
}

function microseconds(run: () => unknown): number {
  const started = performance.now();
  run();
  return (performance.now() - started) * 1000;
}

function tookOf(samples: Float64Array, bytes: number): Took {
  const { p50, p95, p99 } = quantilesOf(samples);
  const total = samples.reduce((sum, sample) => sum + sample, 0);
  return {
    p50Us: rounded(p50, 1),
    p95Us: rounded(p95, 1),
    p99Us: rounded(p99, 1),
    megabytesPerSecond: Math.round((bytes * samples.length) / total),
  };
}

function scaled(bodies: number): number {
  return Math.max(100, Math.round(bodies * options.scale));
}

const actions = (rows: number, upserts: number): LoadRows => {
  return { kind: 'actions', rows, upserts, units: 100_000 };
};
const cases: readonly Case[] = [
  { what: '200 actions', load: actions(200, 0), bodies: scaled(40_000) },
  { what: '200 actions, an upsert each', load: actions(200, 1), bodies: scaled(20_000) },
  { what: '10,000 actions', load: actions(10_000, 0), bodies: scaled(2000) },
  { what: '10,000 ledger events', load: { kind: 'ledger', rows: 10_000 }, bodies: scaled(2000) },
];

const report = new Report({
  bench: 'decode',
  claim,
  options,
  cardinality: `${distinctBodies} bodies that take turns; actions of six columns, an enum and a list among them`,
  mix: 'one body at a time, by us and by apache-arrow, the order by turns; in process, no network',
  warmUp: '2,000 bodies by both, or as many as are measured',
});
for (const one of cases) {
  const { ours, peer } = measure(one);
  const ratio = rounded(peer.p50Us / ours.p50Us, 2);
  report.row({ what: one.what, by: 'tickloom', ...ours, ratio });
  report.row({ what: one.what, by: 'apache-arrow', ...peer, ratio: 1 });
  // The peer reads the headers alone of large bodies: no value of a row is looked at.
  if (one.load.rows > 1000) continue;
  const name = `${one.what}: apache-arrow's p50 over ours`;
  report.target({ name, wanted: 2, unit: 'times', better: 'higher' }, ratio);
}
await report.print();
