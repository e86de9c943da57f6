import { runBounded } from './harness/lifetime.ts';
import { LoadProcess, runLoads } from './harness/load-process.ts';
import { loadRow, measureLoad, openSessions } from './harness/measured-load.ts';
import { readOptions } from './harness/options.ts';
import { Report } from './harness/report.ts';
import { ServerProcess } from './harness/server-process.ts';
import type { LoadRows, Transport } from './load/load-config.ts';

const claim = 'Compare-and-swaps per second over HTTP, uniform and skewed, by Arrow and GraphQL.';
const options = readOptions(claim, {
  seconds: { default: 15, short: 2, help: 'Measured seconds of each load.' },
  warmUp: { default: 5, short: 1, help: 'Seconds before that, not counted.' },
  units: { default: 1_000_000, short: 100_000, help: 'Rows of unitState.' },
  rows: { default: 10_000, help: 'Swaps in one tick.' },
  exponent: { default: 1.5, help: 'Of the skewed load (Zipf).' },
  sessions: { default: 4, short: 2, help: 'Sessions the rows are spread over.' },
  inFlight: { default: 2, help: 'Ticks of one session on their way at a time.' },
  processes: { default: 1, help: 'Load generators.' },
  perAction: { default: false, help: 'Each swap the effect of an action of its own.' },
  profileDir: { default: '', help: 'Where V8 writes a profile of the server.' },
});

const targets = { arrow: 870_000, graphql: 150_000 } as const;

await runBounded(1800, async (lifetime) => {
  const report = new Report({
    bench: 'swap',
    claim,
    options,
    cardinality: `${options.units} rows of unitState in ${options.sessions} sessions, ${options.rows} swaps a tick`,
    mix: `compareAndSet of x and y, ${options.perAction ? 'one an action' : "all the tick's own"}; closed loop, versions known to the writer; strict durability`,
    warmUp: `${options.warmUp} s`,
  });
  const dataDir = await lifetime.directory();
  const { profileDir } = options;
  const server = await ServerProcess.start(lifetime, { dataDir, profileDir });
  const token = await server.token('game-server');
  const sessions = await openSessions({ server, token }, 'swap', options.sessions);
  const loads = Array.from({ length: options.processes }, () => new LoadProcess(lifetime));
  const base = { url: server.url, token, sessions, seed: 1 };

  const insertRows = 10_000;
  const ticksEach = Math.ceil(options.units / options.sessions / insertRows);
  const unitsEach = ticksEach * insertRows;
  await runLoads(loads, {
    ...base,
    transport: 'arrow',
    rows: { kind: 'insertUnits', rows: insertRows },
    pace: { kind: 'closed', inFlight: options.inFlight, end: { kind: 'ticks', ticksEach } },
  });
  await server.columnsCaughtUp(60);

  for (const transport of ['arrow', 'graphql'] satisfies Transport[]) {
    for (const exponent of [0, options.exponent]) {
      const { rows: count, perAction } = options;
      const rows: LoadRows = { kind: 'swap', rows: count, units: unitsEach, exponent, perAction };
      const measured = await measureLoad(server, loads, {
        ...base,
        transport,
        rows,
        pace: {
          kind: 'closed',
          inFlight: options.inFlight,
          end: { kind: 'seconds', warmUp: options.warmUp, measured: options.seconds },
        },
      });
      const name = `${transport}, ${exponent === 0 ? 'uniform' : `Zipf ${exponent}`}`;
      report.row({ ...loadRow(name, measured), rejected: measured.result.rejected });
      report.target(
        { name, wanted: targets[transport], unit: 'swaps/s', better: 'higher' },
        measured.rowsPerSecond,
      );
    }
  }
  await report.print();
});
