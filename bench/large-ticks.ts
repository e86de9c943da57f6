import { type Lifetime, runBounded } from './harness/lifetime.ts';
import { LoadProcess, runLoads } from './harness/load-process.ts';
import { openSessions } from './harness/measured-load.ts';
import { readOptions } from './harness/options.ts';
import { Report, rounded } from './harness/report.ts';
import { joined, quantilesOf } from './harness/samples.ts';
import { ServerProcess } from './harness/server-process.ts';
import type { LoadConfig, LoadRows } from './load/load-config.ts';

const claim =
  'How long small ticks take beside large GraphQL ones, decoded in a thread and where they come.';
const options = readOptions(claim, {
  seconds: { default: 4, short: 2, help: 'Measured seconds of one turn.' },
  turns: { default: 9, short: 1, help: 'Turns of each server; they take turns.' },
  warmUp: { default: 2, short: 1, help: 'Seconds before each turn, not counted.' },
  sessions: { default: 10, help: 'Matches with small ticks.' },
  ticksPerSecond: { default: 10, help: 'Ticks of each of them.' },
  actions: { default: 50, help: 'Actions of a small tick.' },
  largePerSecond: { default: 8, help: 'Large ticks; 0: none.' },
  largeActions: { default: 10_000, help: 'Actions of a large tick.' },
});

const target = { wanted: 1, unit: 'times', better: 'lower' } as const;

interface Side {
  readonly name: string;
  readonly small: LoadSide;
  readonly large: LoadSide | null;
}

interface LoadSide {
  readonly process: LoadProcess;
  readonly config: LoadConfig;
  readonly latenciesMs: Float64Array[];
}

async function startSide(lifetime: Lifetime, name: string, decodeThread: string): Promise<Side> {
  const dataDir = await lifetime.directory();
  const server = await ServerProcess.start(lifetime, { dataDir, flags: { decodeThread } });
  const token = await server.token('game-server');
  const load = (sessions: readonly string[], rows: number, perSecond: number): LoadSide => {
    const actions: LoadRows = { kind: 'actions', rows, upserts: 0, units: 0 };
    return {
      process: new LoadProcess(lifetime),
      config: {
        url: server.url,
        token,
        transport: 'graphql',
        rows: actions,
        sessions,
        seed: 1,
        pace: {
          kind: 'open',
          everyMs: 1000 / perSecond,
          end: { kind: 'seconds', warmUp: options.warmUp, measured: options.seconds },
        },
      },
      latenciesMs: [],
    };
  };
  const matches = await openSessions({ server, token }, 'match', options.sessions);
  const importer = await openSessions({ server, token }, 'large', 1);
  return {
    name,
    small: load(matches, options.actions, options.ticksPerSecond),
    large:
      options.largePerSecond > 0
        ? load(importer, options.largeActions, options.largePerSecond)
        : null,
  };
}

async function turn({ small, large }: Side): Promise<void> {
  const run = async ({ process, config, latenciesMs }: LoadSide) => {
    latenciesMs.push((await runLoads([process], config)).latenciesMs);
  };
  await Promise.all([run(small), large && run(large)]);
}

await runBounded(900, async (lifetime) => {
  const { sessions, ticksPerSecond, actions, largePerSecond, largeActions } = options;
  const report = new Report({
    bench: 'large-ticks',
    claim,
    options,
    cardinality: `${sessions} sessions × ${ticksPerSecond} ticks/s × ${actions} actions beside ${largePerSecond} ticks/s × ${largeActions} actions`,
    mix: `actions (id, player, kind, 2 units, x, y); open loop: late sending counts as latency; strict durability; two servers, which take turns ${options.turns} times`,
    warmUp: `${options.warmUp} s a turn`,
  });
  const sides = [
    await startSide(lifetime, 'in a thread', 'on'),
    await startSide(lifetime, 'where they come', 'off'),
  ];
  for (let i = 0; i < options.turns; i++) {
    // In turn first and second, so that neither has the quieter machine.
    for (const side of i % 2 === 0 ? sides : sides.toReversed()) await turn(side);
  }
  for (const { name, small, large } of sides) {
    report.row({
      decoded: name,
      'small ms': quantilesOf(joined(small.latenciesMs)),
      'large ms': large && quantilesOf(joined(large.latenciesMs)),
    });
  }
  const [threaded, inline] = sides.map(({ small }) => small.latenciesMs.map(quantilesOf));
  for (const quantile of ['p50', 'p95', 'p99'] as const) {
    // Turn by turn, since a machine is not equally quiet all the time.
    const ratios = (threaded ?? []).map((of, i) => of[quantile] / (inline?.[i]?.[quantile] ?? 0));
    report.target(
      { name: `${quantile} of small ticks, with over without a thread`, ...target },
      rounded(quantilesOf(Float64Array.from(ratios)).p50, 2),
    );
  }
  await report.print();
});
