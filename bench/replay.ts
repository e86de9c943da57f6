import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AshfallClient } from '../examples/ashfall/tickloom.ts';
import { generatedMatch } from '../importer/generated/generated-match.ts';
import { importMatch } from '../importer/import-match.ts';
import type { Match } from '../importer/match.ts';
import { recordedMatch } from '../importer/recorded/recorded-match.ts';
import { sandboxToken } from '../importer/sandbox-token.ts';
import { summarise } from '../importer/summary.ts';
import { packageDirectory } from '../src/package-directory.ts';
import { runBounded } from './harness/lifetime.ts';
import { readOptions } from './harness/options.ts';
import { Report, rounded } from './harness/report.ts';
import { ServerProcess } from './harness/server-process.ts';

const claim = 'A real match at full speed through the SDK: ticks, actions and effects a second.';
const options = readOptions(claim, {
  file: {
    default: '../shared/data/replays/23225104.fafreplay',
    help: 'A recording, from the project; a generated match where it is absent.',
  },
  inFlight: { default: 16, help: 'Ticks on their way at a time.' },
  generatedTicks: { default: 30_000, short: 3_000, help: 'Ticks of the generated match.' },
  generated: { default: false, short: true, help: 'The generated match in any case.' },
  times: {
    default: 2,
    short: 1,
    help: 'Imports, each into a server of its own; the first warms files.',
  },
  profileDir: { default: '', help: 'Where V8 writes a profile of each server.' },
});

function chooseMatch(): Match {
  const file = join(packageDirectory(), options.file);
  if (!options.generated && existsSync(file)) return recordedMatch(readFileSync(file));
  return generatedMatch({ units: 6_000, players: 8, ticks: options.generatedTicks, seed: 1 });
}

await runBounded(1800, async (whole) => {
  const match = chooseMatch();
  const report = new Report({
    bench: 'replay',
    claim,
    options,
    cardinality: `${match.description}, ${match.tickCount} ticks`,
    mix: 'an action a command, a guarded upsert a unit commanded; closed loop by the commit endpoint; strict durability; client in this process',
    warmUp: 'none: each row is a whole import into a fresh server',
  });
  for (let time = 1; time <= options.times; time++) {
    const lifetime = whole.part();
    try {
      const dataDir = await lifetime.directory();
      const { profileDir } = options;
      const server = await ServerProcess.start(lifetime, { dataDir, profileDir });
      const client = new AshfallClient({
        url: server.url,
        token: sandboxToken(server.url, 'game-server', 'bench'),
      });
      const before = process.cpuUsage();
      const serverBefore = server.usage().cpuSeconds;
      const result = await importMatch(client, match, {
        sessionId: match.sessionId,
        speed: null,
        inFlightMax: options.inFlight,
      });
      const used = process.cpuUsage(before);
      const summary = summarise(match, result);
      report.row({
        import: time,
        seconds: rounded(summary.seconds, 2),
        ticks: summary.ticks,
        'ticks/s': rounded(summary.commitsPerSecond),
        actions: summary.actions,
        'actions/s': rounded(summary.actionsPerSecond),
        'units/s': rounded(summary.unitReferences / summary.seconds),
        rejected: summary.rejected,
        ms: summary.commitMs && {
          p50: rounded(summary.commitMs.p50, 2),
          p95: rounded(summary.commitMs.p95, 2),
          p99: rounded(summary.commitMs.p99, 2),
        },
        cpu: {
          client: rounded((used.user + used.system) / 1e6, 2),
          server: rounded(server.usage().cpuSeconds - serverBefore, 2),
        },
        hash: summary.stateHash.slice(0, 8),
      });
    } finally {
      await lifetime.end();
    }
  }
  await report.print();
});
