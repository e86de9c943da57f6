import { type Lifetime, runBounded } from './harness/lifetime.ts';
import { LoadProcess } from './harness/load-process.ts';
import { loadRow, type MeasuredLoad, measureLoad, openSessions } from './harness/measured-load.ts';
import { readOptions } from './harness/options.ts';
import { copyRates } from './harness/postgres-copy.ts';
import { Report, rounded } from './harness/report.ts';
import { ServerProcess } from './harness/server-process.ts';
import type { LoadRows, Transport } from './load/load-config.ts';

const claim =
  'Event rows durable per second over HTTP, by Arrow and by GraphQL, beside COPY of PostgreSQL.';
const options = readOptions(claim, {
  seconds: { default: 20, short: 2, help: 'Measured seconds of each load.' },
  warmUp: { default: 5, short: 1, help: 'Seconds before that, not counted.' },
  rows: { default: 10_000, help: 'Rows of one tick.' },
  sessions: { default: 4, short: 2, help: 'Sessions that commit at the same time.' },
  inFlight: { default: 8, help: 'Ticks of one session on their way at a time, by Arrow.' },
  inFlightGraphql: { default: 2, help: 'The same by GraphQL.' },
  only: { default: '', help: 'Only loads whose name contains this text.' },
  processes: { default: 1, help: 'Load generators.' },
  postgresRows: { default: 4_000_000, short: 200_000, help: 'Rows that COPY gets; 0: no COPY.' },
  catchUpSeconds: { default: 300, short: 60, help: 'How long to wait for the column store.' },
  profileDir: { default: '', help: 'Where V8 writes a profile of each server.' },
});

interface Variant {
  readonly name: string;
  readonly table: 'actions' | 'ledger events';
  readonly transport: Transport;
  readonly rows: LoadRows;
}

const { rows } = options;
const actions: LoadRows = { kind: 'actions', rows, upserts: 0, units: 0 };
const ledger: LoadRows = { kind: 'ledger', rows };
const variants: readonly Variant[] = [
  { name: 'actions, Arrow', table: 'actions', transport: 'arrow', rows: actions },
  { name: 'ledger events, Arrow', table: 'ledger events', transport: 'arrow', rows: ledger },
  { name: 'actions, GraphQL', table: 'actions', transport: 'graphql', rows: actions },
  { name: 'ledger events, GraphQL', table: 'ledger events', transport: 'graphql', rows: ledger },
];

/** Each on a server of its own: none has to work off what another left behind. */
async function measure(
  lifetime: Lifetime,
  report: Report,
  { name, transport, rows }: Variant,
): Promise<MeasuredLoad> {
  try {
    const dataDir = await lifetime.directory();
    const { profileDir } = options;
    const server = await ServerProcess.start(lifetime, { dataDir, profileDir });
    const token = await server.token('game-server');
    const sessions = await openSessions({ server, token }, 'ingest', options.sessions);
    const loads = Array.from({ length: options.processes }, () => new LoadProcess(lifetime));
    const measured = await measureLoad(server, loads, {
      url: server.url,
      token,
      transport,
      rows,
      sessions,
      seed: 1,
      pace: {
        kind: 'closed',
        inFlight: transport === 'arrow' ? options.inFlight : options.inFlightGraphql,
        end: { kind: 'seconds', warmUp: options.warmUp, measured: options.seconds },
      },
    });
    const { applied, covered } = await server.positions();
    const caughtUp = await server.columnsCaughtUp(options.catchUpSeconds);
    report.row({
      ...loadRow(name, measured),
      'columns lag, rows': (applied - covered) * options.rows,
      'caught up after s': caughtUp === null ? 'not in time' : rounded(caughtUp, 1),
      'MB after': rounded(server.usage().residentBytes / 2 ** 20),
    });
    return measured;
  } finally {
    await lifetime.end();
  }
}

await runBounded(1800, async (lifetime) => {
  const report = new Report({
    bench: 'ingest',
    claim,
    options,
    cardinality: `${options.rows} rows a tick, ${options.sessions} sessions × ${options.inFlight} in flight (GraphQL ${options.inFlightGraphql})`,
    mix: 'actions (id, player, kind, 2 units, x, y), or rows of resourceLedger; closed loop; strict durability',
    warmUp: `${options.warmUp} s`,
  });
  const copies = options.postgresRows > 0 ? await copyRates(lifetime, options) : [];
  for (const { table, name, rowsPerSecond, seconds } of copies) {
    const load = `${table}, ${name}`;
    report.row({ load, 'rows/s': rowsPerSecond, seconds: rounded(seconds, 1) });
  }
  for (const variant of variants) {
    if (!variant.name.includes(options.only)) continue;
    const { rowsPerSecond } = await measure(lifetime.part(), report, variant);
    if (variant.transport !== 'arrow') continue;
    const { name, table } = variant;
    const target = { unit: 'rows/s', better: 'higher' } as const;
    report.target({ ...target, name, wanted: 2_260_000 }, rowsPerSecond);
    const ofTable = copies.filter((copy) => copy.table === table);
    if (ofTable.length === 0) continue;
    const fastest = Math.max(...ofTable.map((copy) => copy.rowsPerSecond));
    report.target(
      { name: `${name}, over the fastest COPY`, wanted: 10, unit: 'times', better: 'higher' },
      rounded(rowsPerSecond / fastest, 2),
    );
  }
  await report.print();
});
