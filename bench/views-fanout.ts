import { Ticket } from '../engine/govern/ticket.ts';
import { buildTickBatch } from '../engine/intake/rows/batch-builder.ts';
import { Catalog } from '../engine/model/catalog.ts';
import { asLsn } from '../engine/model/position.ts';
import type { ChangeSet } from '../engine/state/change-set.ts';
import type { StateReader } from '../engine/state/state-reader.ts';
import { createViewEngine } from '../engine/views/open-views.ts';
import { ashfall } from '../src/sandbox/ashfall.ts';
import { readOptions } from './harness/options.ts';
import { Report, rounded } from './harness/report.ts';
import { quantilesOf } from './harness/samples.ts';

const ticket = Ticket.internal('a benchmark');

const claim =
  'From applying a tick to the last subscriber having its frame, and what a subscriber costs.';
const options = readOptions(claim, {
  subscribers: { default: 10_000, short: 1_000, help: 'Of matchPulse, dealt out to the sessions.' },
  sessions: { default: 50, help: 'Matches.' },
  ticksPerSecond: { default: 20, help: 'Ticks of each match.' },
  seconds: { default: 5, short: 2, help: 'Measured seconds.' },
});
const { subscribers, sessions, ticksPerSecond: ticksASecond, seconds } = options;

const catalog = new Catalog(ashfall);
const views = createViewEngine({ catalog, state: null as unknown as StateReader });
const header = {
  fence: null,
  idempotencyKey: null,
  onConflict: 'REJECT_ACTION',
  afterTick: null,
} as const;
const row = {
  playerId: 1,
  kind: 'MOVE',
  unitIds: [1, 2, 3],
  targetUnitId: null,
  x: 1,
  y: 1,
  payload: null,
};
const { actions } = buildTickBatch(catalog, {
  header: { ...header, sessionId: 'x', tick: 1 },
  actions: Array.from({ length: 200 }, (_, i) => ({ actionId: `${i}`, row, effects: [] })),
  effects: [],
});
const verdicts = new Uint8Array(200);

let lsn = 0;
const appliedAtMs = new Map<number, number>();
function commit(session: number, tick: number): void {
  lsn += 1;
  const changes: ChangeSet = {
    lsn: asLsn(lsn),
    sessionId: `match-${session}`,
    tick,
    committedAtMs: Date.now(),
    actions: { table: catalog.actionTable, rows: actions, verdicts, accepted: 200 },
    events: [],
    states: [],
  };
  appliedAtMs.set(lsn, performance.now());
  views.apply(changes);
}

const delays: number[] = [];
async function follow(session: number): Promise<void> {
  const where = {
    kind: 'compare',
    column: 'sessionId',
    op: 'eq',
    value: `match-${session}`,
  } as const;
  const request = { where, cursor: null, maxRate: 10, onLag: 'COALESCE' } as const;
  for await (const frame of views.subscribe(ticket, 'matchPulse', request)) {
    const at = appliedAtMs.get(frame.lsn);
    if (frame.kind === 'DELTA' && at !== undefined) delays.push(performance.now() - at);
  }
}

const heapBefore = process.memoryUsage().heapUsed;
const followers = Array.from({ length: subscribers }, (_, i) => follow(i % sessions));
await new Promise((resolve) => setTimeout(resolve, 200));
const heapBytes = process.memoryUsage().heapUsed - heapBefore;
const cpuBefore = process.cpuUsage();
const startedMs = performance.now();
for (let tick = 1; tick <= ticksASecond * seconds; tick++) {
  for (let session = 0; session < sessions; session++) {
    const dueMs = startedMs + ((tick - 1) * sessions + session) * (1000 / ticksASecond / sessions);
    const waitMs = dueMs - performance.now();
    if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
    commit(session, tick);
  }
}
await new Promise((resolve) => setTimeout(resolve, 300));
const cpu = process.cpuUsage(cpuBefore);
views.close();
await Promise.all(followers);

const report = new Report({
  bench: 'views-fanout',
  claim,
  options,
  cardinality: `${subscribers} subscribers of matchPulse, ${sessions} sessions × ${ticksASecond} ticks/s × 200 actions`,
  mix: 'at most 10 frames a second each; no serialisation, no network',
  warmUp: 'none: the first frames count',
});
report.row({
  frames: delays.length,
  'frames/s': rounded(delays.length / seconds),
  ms: quantilesOf(Float64Array.from(delays)),
  'percent of a core': rounded(((cpu.user + cpu.system) / 1e6 / seconds) * 100),
  'heap bytes a subscriber': rounded(heapBytes / subscribers),
});
await report.print();
