import { runBounded } from './harness/lifetime.ts';
import { LoadProcess } from './harness/load-process.ts';
import { loadRow, measureLoad, openSessions } from './harness/measured-load.ts';
import { readOptions } from './harness/options.ts';
import { Report } from './harness/report.ts';
import { ServerProcess } from './harness/server-process.ts';
import type { Transport } from './load/load-config.ts';

const claim =
  'How long a commit takes while many matches run: at the client, from when a tick was due.';
const options = readOptions(claim, {
  seconds: { default: 30, short: 3, help: 'Measured seconds of each load.' },
  warmUp: { default: 10, short: 2, help: 'Seconds before that, not counted.' },
  sessions: { default: 50, short: 10, help: 'Matches.' },
  ticksPerSecond: { default: 20, help: 'Ticks of each match.' },
  actions: { default: 200, help: 'Actions of a tick.' },
  upserts: { default: 0, help: 'Upserts of units with each action.' },
  units: { default: 1000, help: 'Units of a match that upserts go to.' },
  only: { default: '', help: 'arrow, graphql or sdk alone.' },
  profileDir: { default: '', help: 'Where V8 writes a profile of each server.' },
});

await runBounded(900, async (whole) => {
  const { sessions: matches, ticksPerSecond, actions, upserts, units } = options;
  const report = new Report({
    bench: 'tick',
    claim,
    options,
    cardinality: `${matches} sessions × ${ticksPerSecond} ticks/s × ${actions} actions`,
    mix: `actions (id, player, kind, 2 units, x, y), each with ${upserts} upserts of unitState; open loop: late sending counts as latency; strict durability`,
    warmUp: `${options.warmUp} s`,
  });
  for (const transport of ['arrow', 'graphql', 'sdk'] satisfies Transport[]) {
    if (!transport.includes(options.only)) continue;
    const lifetime = whole.part();
    try {
      const dataDir = await lifetime.directory();
      const { profileDir } = options;
      const server = await ServerProcess.start(lifetime, { dataDir, profileDir });
      const token = await server.token('game-server');
      const sessions = await openSessions({ server, token }, 'match', matches);
      const load = measureLoad(server, [new LoadProcess(lifetime)], {
        url: server.url,
        token,
        transport,
        rows: { kind: 'actions', rows: actions, upserts, units },
        sessions,
        seed: 1,
        pace: {
          kind: 'open',
          everyMs: 1000 / ticksPerSecond,
          end: { kind: 'seconds', warmUp: options.warmUp, measured: options.seconds },
        },
      });
      const measured = await load.catch((error: Error) => error);
      const target = {
        name: `p99 by ${transport}`,
        wanted: 5,
        unit: 'ms',
        better: 'lower',
      } as const;
      if (measured instanceof Error) {
        // More than the server takes: ticks fell so far behind that it gave them up.
        report.row({ load: transport, 'gave up': measured.message.slice(0, 160) });
        report.target(target, Number.POSITIVE_INFINITY);
        continue;
      }
      const sent = measured.lateMs;
      report.row({
        ...loadRow(transport, measured),
        'sent late ms': sent && { p50: sent.p50, p99: sent.p99 },
      });
      report.target(target, measured.commitMs.p99);
    } finally {
      await lifetime.end();
    }
  }
  await report.print();
});
