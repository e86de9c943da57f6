import { setTimeout as sleep } from 'node:timers/promises';
import { BenchProcess } from './harness/child-process.ts';
import { type Lifetime, runBounded } from './harness/lifetime.ts';
import { readOptions } from './harness/options.ts';
import { Report, rounded } from './harness/report.ts';
import { quantilesOf, Samples } from './harness/samples.ts';
import { ServerProcess } from './harness/server-process.ts';
import {
  epochMs,
  type FanoutConfig,
  type FanoutResult,
  type FromBareServer,
  type FromSubscribers,
  type ToBareServer,
  type ToSubscribers,
} from './load/fanout-config.ts';

const claim =
  'What a frame costs the server for each subscriber, beside a bare WebSocket server that sends the same bytes.';
const options = readOptions(claim, {
  sockets: { default: 500, short: 50, help: 'Subscribers, each with a WebSocket of its own.' },
  framesPerSecond: { default: 10, help: 'Ticks a second of the match they follow.' },
  actions: { default: 20, help: 'Actions of such a tick.' },
  seconds: { default: 10, short: 2, help: 'Measured seconds of each part.' },
  clients: { default: 1, help: 'Processes that hold the subscribers.' },
  profileDir: { default: '', help: 'Where V8 writes a profile of the server.' },
});
const { sockets, framesPerSecond, seconds, clients } = options;

const match = 'match';
const subscription = `subscription ($where: MatchPulseWhere) {
  matchPulseChanges(where: $where) {
    kind cursor position tick rows { sessionId actions accepted } removed { sessionId }
  }
}`;
const mutation = 'mutation ($input: CommitTickInput!) { commitTick(input: $input) { accepted } }';

type Subscribers = BenchProcess<ToSubscribers, FromSubscribers>;

/** The match's ticks, one every so often, whatever becomes of those before. */
class Match {
  readonly #server: ServerProcess;
  readonly #token: string;
  #tick = 0;

  constructor(server: ServerProcess, token: string) {
    this.#server = server;
    this.#token = token;
  }

  /** How long commits took from when each was due, and by tick when it was due. */
  async run(): Promise<{ readonly commitMs: Float64Array; readonly due: Map<number, number> }> {
    const commitMs = new Samples();
    const due = new Map<number, number>();
    const begunMs = epochMs();
    const commits: Promise<void>[] = [];
    for (let sent = 0; sent < seconds * framesPerSecond; sent++) {
      const dueMs = begunMs + (sent * 1000) / framesPerSecond;
      await sleep(Math.max(0, dueMs - epochMs()));
      const tick = ++this.#tick;
      due.set(tick, dueMs);
      commits.push(this.#commit(tick).then(() => commitMs.add(epochMs() - dueMs)));
    }
    await Promise.all(commits);
    return { commitMs: commitMs.values(), due };
  }

  async #commit(tick: number): Promise<void> {
    const actions = Array.from({ length: options.actions }, (_, i) => ({
      actionId: `${tick}-${i}`,
      playerId: i % 8,
      kind: 'MOVE',
      unitIds: [i],
    }));
    const afterTick = tick === 1 ? null : tick - 1;
    const input = { sessionId: match, tick, afterTick, actions };
    await this.#server.graphql(this.#token, mutation, { input });
  }
}

async function openSubscribers(
  lifetime: Lifetime,
  config: Omit<FanoutConfig, 'sockets'>,
): Promise<Subscribers[]> {
  const processes = Array.from(
    { length: clients },
    (): Subscribers => new BenchProcess(lifetime, 'fanout-subscribers'),
  );
  const share = Math.ceil(sockets / clients);
  await Promise.all(
    processes.map((each, i) => {
      const count = Math.min(share, sockets - i * share);
      return each.ask({ kind: 'open', config: { ...config, sockets: count } });
    }),
  );
  return processes;
}

async function resultsOf(processes: readonly Subscribers[]): Promise<FanoutResult[]> {
  const answers = await Promise.all(processes.map((each) => each.ask({ kind: 'result' })));
  return answers.map((answer) => {
    if (answer.kind !== 'result') throw new Error('the subscribers have no result');
    return answer.result;
  });
}

function framesOf(results: readonly FanoutResult[]): number {
  return results.reduce((sum, { frames }) => sum + frames, 0);
}

await runBounded(600, async (whole) => {
  const report = new Report({
    bench: 'fanout',
    claim,
    options,
    cardinality: `${sockets} subscribers of one view with one selection, ${framesPerSecond} frames a second each`,
    mix: `${options.actions} actions a tick by GraphQL; processor time of the server with subscribers less that of the same commits without; strict durability`,
    warmUp: 'the same commits without subscribers',
  });
  const served = whole.part();
  const dataDir = await served.directory();
  const { profileDir } = options;
  const server = await ServerProcess.start(served, { dataDir, profileDir });
  const writer = await server.token('game-server');
  await server.openSession(writer, match);
  const game = new Match(server, writer);
  await game.run();

  const idleCpu = server.usage().cpuSeconds;
  const alone = await game.run();
  const aloneCpu = server.usage().cpuSeconds - idleCpu;

  const audience = served.part();
  const processes = await openSubscribers(audience, {
    url: `${server.url.replace('http', 'ws')}/ashfall/graphql`,
    authorization: `Bearer ${await server.token('liveops')}`,
    query: subscription,
    variables: { where: { sessionId: { eq: match } } },
  });
  await game.run();
  // The frames of the last tick are on their way.
  await sleep(500);
  await Promise.all(processes.map((each) => each.ask({ kind: 'measure' })));
  const before = server.usage().cpuSeconds;
  const followed = await game.run();
  await sleep(500);
  const cpu = server.usage().cpuSeconds - before;
  const results = await resultsOf(processes);
  const sample = results[0]?.sample ?? '';
  const frames = framesOf(results);
  const delivery = new Samples();
  for (const { arrivals } of results) {
    for (const { tick, atMs } of arrivals) {
      const dueMs = followed.due.get(tick);
      if (dueMs !== undefined) for (const at of atMs) delivery.add(at - dueMs);
    }
  }
  await served.end();

  const bare = new BenchProcess<ToBareServer, FromBareServer>(whole, 'bare-server');
  const { port } = await bare.heard();
  const bareProcesses = await openSubscribers(whole, {
    url: `ws://127.0.0.1:${port}`,
    authorization: null,
    query: '',
    variables: {},
  });
  const everyMs = 1000 / framesPerSecond;
  bare.tell({ kind: 'send', text: sample, everyMs });
  await sleep(seconds * 1000);
  await Promise.all(bareProcesses.map((each) => each.ask({ kind: 'measure' })));
  const bareBefore = bare.cpuSeconds;
  await sleep(seconds * 1000);
  bare.tell({ kind: 'stop' });
  await sleep(500);
  const bareCpu = bare.cpuSeconds - bareBefore;
  const bareFrames = framesOf(await resultsOf(bareProcesses));

  const microseconds = (cpuSeconds: number, count: number) => (cpuSeconds * 1e6) / count;
  const ours = microseconds(cpu - aloneCpu, frames);
  const gross = microseconds(cpu, frames);
  const theirs = microseconds(bareCpu, bareFrames);
  report.row({
    server: 'tickloom',
    frames,
    'of due': rounded(frames / (sockets * followed.due.size), 3),
    'bytes a frame': sample.length,
    'µs a frame a subscriber': rounded(ours, 1),
    'with the commits': rounded(gross, 1),
    'delivery ms': quantilesOf(delivery.values()),
  });
  report.row({
    server: 'bare',
    frames: bareFrames,
    'bytes a frame': sample.length,
    'µs a frame a subscriber': rounded(theirs, 1),
  });
  report.row({ server: 'tickloom, commits alone', 'commit ms': quantilesOf(alone.commitMs) });
  report.row({ server: 'tickloom, commits followed', 'commit ms': quantilesOf(followed.commitMs) });
  report.target(
    { name: 'a frame over the bare server', wanted: 3, unit: 'times', better: 'lower' },
    rounded(ours / theirs, 2),
  );
  await report.print();
});
