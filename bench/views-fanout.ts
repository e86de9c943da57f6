import { cpus } from 'node:os';
import { Catalog } from '../engine/manifest/catalog.ts';
import { asLsn } from '../engine/position.ts';
import type { StateReader } from '../engine/state/state-reader.ts';
import { buildTickBatch } from '../engine/tick/batch-builder.ts';
import type { ChangeSet } from '../engine/tick/change-set.ts';
import { createViewEngine } from '../engine/views/open-views.ts';
import { ashfall } from '../src/sandbox/ashfall.ts';

/**
 * From applying a tick to the last of 10,000 subscribers having its frame, without serialisation
 * or a network: matchPulse of 50 sessions, 200 subscribers each, 20 ticks a second a session; and
 * the memory a subscriber takes.
 */
const subscribers = 10_000;
const sessions = 50;
const ticksASecond = 20;
const seconds = 5;

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
  for await (const frame of views.subscribe('matchPulse', request)) {
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

delays.sort((a, b) => a - b);
const at = (q: number): string =>
  (delays[Math.floor(q * (delays.length - 1))] as number).toFixed(1);
console.log(`${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}`);
console.log(
  `${subscribers} subscribers at 10 frames a second, ${sessions} sessions of ${ticksASecond} ticks a second, 200 actions a tick`,
);
console.log(
  `${delays.length} frames; tick applied to frame handed over: p50 ${at(0.5)} ms  p95 ${at(0.95)}  p99 ${at(0.99)}  max ${at(1)}`,
);
console.log(
  `processor ${(((cpu.user + cpu.system) / 1e6 / seconds) * 100).toFixed(0)} % of one core; heap ${(heapBytes / subscribers).toFixed(0)} bytes a subscriber`,
);
