import { fileURLToPath } from 'node:url';
import { BenchProcess } from './harness/child-process.ts';
import { type Lifetime, runBounded } from './harness/lifetime.ts';
import { readOptions } from './harness/options.ts';
import { startCluster } from './harness/postgres-cluster.ts';
import { Report, rounded } from './harness/report.ts';
import { type Quantiles, quantilesOf } from './harness/samples.ts';
import { ServerProcess } from './harness/server-process.ts';
import type {
  FromPostgresWeb,
  FromTransfers,
  ToPostgresWeb,
  ToTransfers,
  TransferConfig,
} from './load/transfer-config.ts';

const claim =
  'Two-account transfers through the SDK, each submitted alone, beside Node with PostgreSQL.';
const options = readOptions(claim, {
  seconds: { default: 15, short: 2, help: 'Measured seconds of each load.' },
  warmUp: { default: 5, short: 1, help: 'Seconds before that, not counted.' },
  accounts: { default: 100_000, short: 10_000, help: 'Accounts.' },
  balance: { default: 1_000_000, help: 'What each has at the start.' },
  clients: { default: 64, help: 'Clients, each with a transfer of its own on its way.' },
  window: {
    default: 32,
    help: 'Transfers of a client on their way at a time, in the second load.',
  },
  exponent: { default: 1.5, help: 'Of the skewed load (Zipf).' },
  sdkClients: { default: 1, help: "Clients of the SDK that the load's clients share." },
  pool: { default: 64, help: 'Connections of the web server to PostgreSQL.' },
  only: { default: '', help: 'Only "sdk" or "web".' },
  profileDir: { default: '', help: 'Where V8 writes a profile of the server.' },
});

interface Measured {
  readonly perSecond: number;
  readonly latency: Quantiles;
}

type Target = TransferConfig['target'];
type Load = BenchProcess<ToTransfers, FromTransfers>;

let loads = 0;

async function measure(
  report: Report,
  load: Load,
  name: string,
  config: Pick<TransferConfig, 'target' | 'exponent' | 'window'>,
  cpuOf: () => Readonly<Record<string, number>>,
): Promise<Measured> {
  const { accounts, clients, seconds, warmUp } = options;
  const before = cpuOf();
  const answer = await load.ask({
    kind: 'run',
    config: { ...config, accounts, clients, seconds, warmUp, name: `t${++loads}` },
  });
  if (answer.kind !== 'result') throw new Error('the load has no result');
  const { transfers, latenciesMs, rejected, cpuSeconds } = answer.result;
  const after = cpuOf();
  const perSecond = rounded(transfers / seconds);
  const latency = quantilesOf(latenciesMs);
  const { p50, p95, p99 } = latency;
  const used = Object.entries(after).map(([of, cpu]) => [
    `${of} cpu s`,
    rounded(cpu - (before[of] ?? 0), 1),
  ]);
  report.row({
    load: `${name}, ${config.exponent === 0 ? 'uniform' : `Zipf ${config.exponent}`}`,
    'clients × window': `${clients} × ${config.window}`,
    'transfers/s': perSecond,
    'p50 ms': p50,
    'p95 ms': p95,
    'p99 ms': p99,
    rejected,
    'client cpu s': rounded(cpuSeconds, 1),
    ...Object.fromEntries(used),
  });
  return { perSecond, latency };
}

/** Windows and exponents measured, in this order. */
const windows = [1, options.window];
const exponents = [0, options.exponent];

type Results = ReadonlyMap<string, Measured>;
const keyOf = (exponent: number, window: number) => `${exponent} ${window}`;

async function measureAll(
  report: Report,
  load: Load,
  name: string,
  target: Target,
  cpuOf: () => Readonly<Record<string, number>>,
): Promise<Results> {
  const results = new Map<string, Measured>();
  for (const exponent of exponents) {
    for (const window of windows) {
      const measured = await measure(report, load, name, { target, exponent, window }, cpuOf);
      results.set(keyOf(exponent, window), measured);
    }
  }
  return results;
}

async function sdk(lifetime: Lifetime, report: Report): Promise<Results> {
  const { accounts, balance, profileDir, sdkClients } = options;
  const dataDir = await lifetime.directory();
  const manifest = fileURLToPath(new URL('./load/bank-title.js', import.meta.url));
  const server = await ServerProcess.start(lifetime, { dataDir, profileDir, flags: { manifest } });
  const token = await server.token('game-server', 'bank');
  const target = { kind: 'sdk', url: server.url, token, clients: sdkClients } as const;
  const load: Load = new BenchProcess(lifetime, 'transfer-load');
  const config = { target, accounts, exponent: 0, clients: 1, window: 1, warmUp: 0, seconds: 0 };
  await load.ask({ kind: 'open', config: { ...config, name: '' }, balance });
  return await measureAll(report, load, 'SDK', target, () => ({
    server: server.usage().cpuSeconds,
    columns: server.columnsUsage().cpuSeconds,
  }));
}

async function web(lifetime: Lifetime, report: Report): Promise<Results | null> {
  const { accounts, balance, pool } = options;
  const cluster = await startCluster(lifetime, []);
  if (cluster === null) {
    console.error('PostgreSQL is not there: nothing to compare with');
    return null;
  }
  const server = new BenchProcess<ToPostgresWeb, FromPostgresWeb>(lifetime, 'postgres-web');
  const start = { kind: 'start', directory: cluster.directory, pool, accounts, balance } as const;
  const started = await server.ask(start);
  if (started.kind !== 'listening') throw new Error('the web server did not start');
  const target = { kind: 'web', port: started.port } as const;
  const load: Load = new BenchProcess(lifetime, 'transfer-load');
  return await measureAll(report, load, 'PostgreSQL', target, () => ({
    server: server.cpuSeconds,
  }));
}

const wanted = [100, 350];

await runBounded(1800, async (lifetime) => {
  const { accounts, clients, only } = options;
  const report = new Report({
    bench: 'transfers',
    claim,
    options,
    cardinality: `${accounts} accounts, ${clients} clients`,
    mix: 'each transfer takes from one account, which must not go below zero, and gives to another; SDK: one transaction each, with a row of the transfer and an id by which it happens once; PostgreSQL: two updates in a serializable transaction, through drizzle and a web server of Node; closed loop; strict durability',
    warmUp: `${options.warmUp} s each`,
  });
  // Neither runs beside the other.
  const parts = [lifetime.part(), lifetime.part()] as const;
  const postgres = only === 'sdk' ? null : await web(parts[0], report);
  await parts[0].end();
  const ours = only === 'web' ? null : await sdk(parts[1], report);
  await parts[1].end();
  for (const [i, exponent] of exponents.entries()) {
    if (!ours || !postgres) break;
    const of = (results: Results) =>
      windows.flatMap((window) => results.get(keyOf(exponent, window)) ?? []);
    const [one, many] = of(ours);
    const [peer, peerMany] = of(postgres);
    if (!one || !many || !peer || !peerMany) throw new Error('a load was not measured');
    const name = exponent === 0 ? 'uniform' : `Zipf ${exponent}`;
    const best = Math.max(peer.perSecond, peerMany.perSecond);
    const times = { unit: 'times', better: 'higher' } as const;
    report.target(
      {
        ...times,
        name: `${name}, window ${options.window}, over the faster of PostgreSQL's`,
        wanted: wanted[i] ?? 0,
      },
      rounded(many.perSecond / best, 1),
    );
    report.target(
      { ...times, name: `${name}, window 1, over PostgreSQL's`, wanted: wanted[i] ?? 0 },
      rounded(one.perSecond / peer.perSecond, 1),
    );
    report.target(
      {
        name: `${name}, window ${options.window}: p99, PostgreSQL's with window 1`,
        wanted: peer.latency.p99,
        unit: 'ms',
        better: 'lower',
      },
      many.latency.p99,
    );
  }
  await report.print();
});
