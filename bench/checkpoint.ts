import { setTimeout as sleep } from 'node:timers/promises';
import { Ticket } from '../engine/govern/ticket.ts';
import { decodeCommitBody } from '../engine/intake/arrow/commit-body.ts';
import type { Engine } from '../engine/ports/engine.ts';
import type { TickHeader } from '../engine/tick/tick-batch.ts';
import { openEngine } from '../engine/title/open-engine.ts';
import { fitCollection } from '../src/cli/collection.ts';
import { ashfall } from '../src/sandbox/ashfall.ts';
import { runBounded } from './harness/lifetime.ts';
import { readOptions } from './harness/options.ts';
import { Report, rounded } from './harness/report.ts';
import { quantilesOf, Samples } from './harness/samples.ts';
import { ArrowBodies } from './load/arrow-bodies.ts';
import type { LoadRows } from './load/load-config.ts';
import { picks, Random } from './load/random.ts';
import type { TickBodies } from './load/tick-bodies.ts';

const ticket = Ticket.internal('a benchmark');

const claim = 'How long commits take while a checkpoint is written, and while none is.';
const options = readOptions(claim, {
  seconds: { default: 30, short: 5, help: 'Measured seconds.' },
  warmUp: { default: 5, short: 1, help: 'Seconds before that, not counted.' },
  units: { default: 1_000_000, short: 100_000, help: 'Rows of unitState.' },
  ticksPerSecond: { default: 200, short: 100, help: 'Commits due a second.' },
  rows: { default: 200, help: 'Actions of a tick, each swaps a unit chosen at random.' },
  everyMegabytes: { default: 8, short: 2, help: 'Log bytes after which a checkpoint is taken.' },
});

const sessionId = 'checkpoint';

interface Interval {
  readonly fromMs: number;
  readonly toMs: number;
}

async function commit(engine: Engine, bodies: TickBodies, tick: number): Promise<void> {
  const header: TickHeader = {
    sessionId,
    tick,
    fence: null,
    idempotencyKey: null,
    onConflict: 'REJECT_ACTION',
    afterTick: tick === 0 ? null : tick - 1,
  };
  const body = bodies.bodyOf(tick);
  const outcome = await engine.commit(ticket, decodeCommitBody(engine.catalog, header, body));
  bodies.giveBack(body);
  if (outcome.rejected > 0 || outcome.aborted) throw new Error(`tick ${tick} had conflicts`);
}

// As the server does.
fitCollection();
await runBounded(600, async (lifetime) => {
  const { units, rows, ticksPerSecond, everyMegabytes } = options;
  const report = new Report({
    bench: 'checkpoint',
    claim,
    options,
    cardinality: `${units} rows of unitState`,
    mix: `${ticksPerSecond} ticks/s × ${rows} actions that swap a unit each, decoded from Arrow; the engine in this process, the embedded column store beside it; open loop: latency from when a tick was due; strict durability`,
    warmUp: `${options.warmUp} s after the rows are made`,
  });
  const checkpoints: Interval[] = [];
  const engine = await openEngine({
    manifest: ashfall,
    directory: await lifetime.directory(),
    durability: { mode: 'strict' },
    columns: 'embedded',
    checkpointEveryBytes: everyMegabytes * 2 ** 20,
    observer: {
      onCheckpoint(seconds, error) {
        if (error) throw error;
        const toMs = performance.now();
        checkpoints.push({ fromMs: toMs - seconds * 1000, toMs });
      },
    },
  });
  lifetime.onEnd(() => engine.close());
  await engine.openSession(ticket, sessionId, false);

  const insertRows = 10_000;
  const inserts = new ArrowBodies({ kind: 'insertUnits', rows: insertRows }, null, 1);
  const filled = Math.ceil(units / insertRows);
  for (let tick = 0; tick < filled; tick++) await commit(engine, inserts, tick);

  const load: LoadRows = { kind: 'swap', rows, units, exponent: 0, perAction: true };
  const chosen = picks(units, 0, 1_000_000, new Random(7));
  const state = { versions: new Uint32Array(units).fill(1), picks: chosen, next: 0 };
  const swaps = new ArrowBodies(load, state, 1);

  const everyMs = 1000 / ticksPerSecond;
  const startedMs = performance.now();
  const measuredFromMs = startedMs + options.warmUp * 1000;
  const steps = (options.warmUp + options.seconds) * ticksPerSecond;
  const commits: Interval[] = [];
  const onTheWay = new Set<Promise<void>>();
  for (let step = 0; step < steps; step++) {
    const dueMs = startedMs + step * everyMs;
    const waitMs = dueMs - performance.now();
    if (waitMs > 1) await sleep(waitMs);
    const done = commit(engine, swaps, filled + step).then(() => {
      if (dueMs >= measuredFromMs) commits.push({ fromMs: dueMs, toMs: performance.now() });
      onTheWay.delete(done);
    });
    onTheWay.add(done);
    if (onTheWay.size > 60) await Promise.race(onTheWay);
  }
  await Promise.all(onTheWay);

  const during = new Samples();
  const without = new Samples();
  for (const { fromMs, toMs } of commits) {
    const overlaps = checkpoints.some((one) => fromMs < one.toMs && toMs > one.fromMs);
    (overlaps ? during : without).add(toMs - fromMs);
  }
  const taken = checkpoints.filter(({ toMs }) => toMs >= measuredFromMs);
  const lengths = quantilesOf(Float64Array.from(taken, ({ fromMs, toMs }) => toMs - fromMs));
  const calm = quantilesOf(without.values());
  const busy = quantilesOf(during.values());
  report.row({ commits: 'without a checkpoint', ms: calm });
  report.row({ commits: 'during a checkpoint', ms: busy });
  report.row({ commits: '(the checkpoints themselves)', ms: lengths });
  report.target(
    { name: 'p99 during over p99 without', wanted: 2, unit: 'times', better: 'lower' },
    rounded(busy.p99 / calm.p99, 2),
  );
  await report.print();
});
