import { setTimeout as sleep } from 'node:timers/promises';
import { BenchProcess } from './harness/child-process.ts';
import { runBounded } from './harness/lifetime.ts';
import { readOptions } from './harness/options.ts';
import { Report, rounded } from './harness/report.ts';
import { quantilesOf, Samples } from './harness/samples.ts';
import { ServerProcess } from './harness/server-process.ts';
import {
  attackedMatch,
  attackNames,
  type FromAttacker,
  type ToAttacker,
} from './load/attack-config.ts';

const claim =
  'What each attack of a player, or of nobody, costs the ticks of a match, and the server.';
const options = readOptions(claim, {
  seconds: { default: 10, short: 2, help: 'Measured seconds of each attack, and before each.' },
  ticksPerSecond: { default: 20, help: 'Ticks of the match.' },
  actions: { default: 50, help: 'Actions of a tick, with an upsert each.' },
  rows: { default: 200_000, short: 20_000, help: 'Live rows that belong to the attacker.' },
  lanes: { default: 8, help: "The attacker's requests, or sockets, on their way at a time." },
});
const { seconds, ticksPerSecond } = options;

const match = 'match';
const rowsATick = 5_000;
const mutation = 'mutation ($input: CommitTickInput!) { commitTick(input: $input) { accepted } }';

/** The match's ticks, one every so often, whatever becomes of those before. */
class Match {
  readonly #server: ServerProcess;
  readonly #token: string;
  #tick = 0;

  constructor(server: ServerProcess, token: string) {
    this.#server = server;
    this.#token = token;
  }

  /** How long commits took from when each was due, and the most memory the server had meanwhile. */
  async run() {
    const commitMs = new Samples();
    let residentBytes = 0;
    const begunMs = performance.now();
    const commits: Promise<void>[] = [];
    for (let sent = 0; sent < seconds * ticksPerSecond; sent++) {
      const dueMs = begunMs + (sent * 1000) / ticksPerSecond;
      await sleep(Math.max(0, dueMs - performance.now()));
      residentBytes = Math.max(residentBytes, this.#server.usage().residentBytes);
      const tick = ++this.#tick;
      commits.push(this.#commit(tick).then(() => commitMs.add(performance.now() - dueMs)));
    }
    await Promise.all(commits);
    return { ms: quantilesOf(commitMs.values()), residentBytes };
  }

  async #commit(tick: number): Promise<void> {
    const actions = Array.from({ length: options.actions }, (_, i) => ({
      actionId: `${tick}-${i}`,
      playerId: i % 8,
      kind: 'MOVE',
      unitIds: [i],
      effects: [{ unitState: { upsert: { key: { unitId: i }, set: { ownerId: 1, x: tick } } } }],
    }));
    const afterTick = tick === 1 ? null : tick - 1;
    const input = { sessionId: match, tick, afterTick, actions };
    await this.#server.graphql(this.#token, mutation, { input });
  }
}

async function giveRows(server: ServerProcess, token: string): Promise<void> {
  await server.openSession(token, attackedMatch);
  for (let first = 0, tick = 1; first < options.rows; first += rowsATick, tick++) {
    const effects = Array.from({ length: rowsATick }, (_, i) => {
      const row = { unitId: first + i, ownerId: attackerId, blueprint: 'ab'.repeat(20) };
      return { unitState: { insert: row } };
    });
    await server.graphql(token, mutation, { input: { sessionId: attackedMatch, tick, effects } });
  }
}

const attackerId = 7;

const megabytes = (bytes: number) => rounded(bytes / 2 ** 20);

await runBounded(600, async (whole) => {
  const report = new Report({
    bench: 'attack',
    claim,
    options,
    cardinality: `${options.rows} rows of unitState of the attacker; ${ticksPerSecond} ticks/s × ${options.actions} actions with an upsert each by GraphQL`,
    mix: 'one attack after the other, from a process of its own; strict durability',
    warmUp: 'the same ticks, before the first attack',
  });
  const dataDir = await whole.directory();
  const server = await ServerProcess.start(whole, { dataDir });
  const writer = await server.token('game-server');
  await giveRows(server, writer);
  await server.openSession(writer, match);
  const game = new Match(server, writer);
  await game.run();
  const claims = { subject: 'attacker', player_id: String(attackerId) };
  const authorization = `Bearer ${await server.token('player', 'ashfall', claims)}`;
  for (const name of attackNames) {
    const quiet = await game.run();
    const part = whole.part();
    const attacker = new BenchProcess<ToAttacker, FromAttacker>(part, 'attacker');
    const { url } = server;
    const attack = { name, url, authorization, lanes: options.lanes };
    await attacker.ask({ kind: 'begin', attack });
    const attacked = await game.run();
    const result = await attacker.ask({ kind: 'stop' });
    await part.end();
    if (result.kind !== 'result') throw new Error('the attacker has no result');
    const { OK: served = 0 } = result.codes;
    report.row({
      attack: name,
      'p50 ms': rounded(attacked.ms.p50, 2),
      'times as before': rounded(attacked.ms.p50 / quiet.ms.p50, 2),
      'p99 ms': rounded(attacked.ms.p99, 2),
      'p99 times as before': rounded(attacked.ms.p99 / quiet.ms.p99, 2),
      answers: result.answers,
      'answers refused': result.answers - served,
      'refused as': Object.keys(result.codes).join(', '),
      'MB at most': megabytes(attacked.residentBytes),
      'MB before': megabytes(quiet.residentBytes),
    });
  }
  await report.print();
});
