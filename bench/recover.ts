import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Lifetime, runBounded } from './harness/lifetime.ts';
import { LoadProcess, runLoads } from './harness/load-process.ts';
import { openSessions } from './harness/measured-load.ts';
import { readOptions } from './harness/options.ts';
import { Report, rounded } from './harness/report.ts';
import { ServerProcess } from './harness/server-process.ts';
import type { LoadRows } from './load/load-config.ts';

const claim = 'How long a server takes to be ready again after kill -9.';
const options = readOptions(claim, {
  actions: { default: 10_000_000, short: 200_000, help: 'Actions in the log.' },
  units: { default: 1_000_000, short: 100_000, help: 'Rows of unitState.' },
  rows: { default: 10_000, help: 'Rows of one tick.' },
  sessions: { default: 4, short: 2, help: 'Sessions that rows and actions are spread over.' },
  inFlight: {
    default: 2,
    help: 'Ticks of one session on their way at a time, while it is filled.',
  },
  restarts: { default: 3, short: 1, help: 'Further kills and starts, in calm service.' },
  settleSeconds: { default: 5, short: 1, help: 'Of calm before such a kill, for a checkpoint.' },
  profileDir: { default: '', help: 'Where V8 writes a profile of the last start.' },
});

interface Recovery {
  readonly report: { readonly records: number; readonly bytes: number; readonly seconds: number };
  /** When the log said that it is recovered, in milliseconds since 1970. */
  readonly atMs: number;
}

/** What the last start wrote into its log. */
function lastRecovery(dataDir: string): Recovery | null {
  const lines = readFileSync(join(dataDir, 'server.log'), 'utf8').trimEnd().split('\n');
  for (const line of lines.reverse()) {
    if (!line.includes('the log is recovered')) continue;
    const { time, report } = JSON.parse(line) as {
      readonly time: number | string;
      readonly report: Recovery['report'];
    };
    return { report, atMs: new Date(time).getTime() };
  }
  return null;
}

async function restart(
  lifetime: Lifetime,
  report: Report,
  dataDir: string,
  name: string,
): Promise<{ readonly server: ServerProcess; readonly seconds: number }> {
  const startedMs = Date.now();
  const started = performance.now();
  const server = await ServerProcess.start(lifetime, { dataDir, profileDir: options.profileDir });
  const seconds = server.readyMs / 1000;
  let isReady = false;
  while (!isReady && performance.now() - started < 300_000) {
    isReady = (await fetch(`${server.url}/readyz`)).ok;
    if (!isReady) await sleep(10);
  }
  const allSeconds = (performance.now() - started) / 1000;
  // The server writes its log without waiting; the line is there before it answers.
  const recovery = lastRecovery(dataDir);
  report.row({
    kill: name,
    'serving after s': rounded(seconds, 2),
    'ready, columns too, s': isReady ? rounded(allSeconds, 2) : 'not in time',
    'log recovered after s': recovery && rounded((recovery.atMs - startedMs) / 1000, 2),
    'of it reading and applying s': recovery && rounded(recovery.report.seconds, 2),
    'records read': recovery?.report.records,
    'MB read': recovery && rounded(recovery.report.bytes / 1e6, 1),
    'MB resident': rounded(server.usage().residentBytes / 2 ** 20),
  });
  return { server, seconds: allSeconds };
}

await runBounded(1800, async (lifetime) => {
  const { rows, sessions: matches, inFlight } = options;
  const report = new Report({
    bench: 'recover',
    claim,
    options,
    cardinality: `${options.actions} actions logged, ${options.units} rows of unitState, ${matches} sessions`,
    mix: `filled by Arrow, ${rows} rows a tick; strict durability; the first kill comes as the last tick is answered, the next when the columns have caught up, a tick more of each session has come and some time passed`,
    warmUp: 'none: every start is a new process; files are in the page cache',
  });
  const dataDir = await lifetime.directory();
  let server = await ServerProcess.start(lifetime, { dataDir });
  const token = await server.token('game-server');
  const sessions = await openSessions({ server, token }, 'recover', matches);
  const load = new LoadProcess(lifetime);
  const fill = async (total: number, kind: LoadRows) => {
    await runLoads([load], {
      url: server.url,
      // The sandbox's issuer is the server itself, and another port another issuer.
      token: await server.token('game-server'),
      transport: 'arrow',
      rows: kind,
      sessions,
      seed: 1,
      pace: {
        kind: 'closed',
        inFlight,
        end: { kind: 'ticks', ticksEach: Math.ceil(total / matches / rows) },
      },
    });
  };
  await fill(options.units, { kind: 'insertUnits', rows });
  await fill(options.actions, { kind: 'actions', rows, upserts: 0, units: 0 });
  const { applied } = await server.positions();

  await server.stop('SIGKILL');
  const first = await restart(lifetime, report, dataDir, 'after the last answer');
  server = first.server;
  let worst = first.seconds;
  for (let i = 0; i < options.restarts; i++) {
    await server.columnsCaughtUp(300);
    // Checkpoints are taken as ticks come in.
    await fill(matches * rows, { kind: 'actions', rows, upserts: 0, units: 0 });
    await sleep(options.settleSeconds * 1000);
    await server.stop('SIGKILL');
    const next = await restart(lifetime, report, dataDir, 'in calm service');
    server = next.server;
    worst = Math.max(worst, next.seconds);
  }
  const after = await server.positions();
  if (after.applied < applied) throw new Error(`lost: ${after.applied} of ${applied} positions`);
  report.target(
    { name: 'slowest, columns too', wanted: 3, unit: 's', better: 'lower' },
    rounded(worst, 2),
  );
  await report.print();
});
