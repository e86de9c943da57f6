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
  'What a frame costs the server for each subscriber, beside a bare WebSocket server that sends the same bytes; and what commits wait for it.';
const options = readOptions(claim, {
  sockets: { default: 500, short: 50, help: 'Subscribers, each with a WebSocket of its own.' },
  sessions: { default: 20, short: 4, help: 'Matches; each subscriber follows one of them.' },
  framesPerSecond: { default: 20, help: 'Ticks a second of each match.' },
  actions: { default: 5, help: 'Actions of such a tick.' },
  seconds: { default: 10, short: 2, help: 'Measured seconds of each part.' },
  clients: { default: 1, help: 'Processes that hold the subscribers.' },
  profileDir: { default: '', help: 'Where V8 writes a profile of the server.' },
});
const { sockets, sessions, framesPerSecond, seconds, clients } = options;

const matches = Array.from({ length: sessions }, (_, i) => `match-${i}`);
const subscription = `subscription ($where: MatchPulseWhere) {
  matchPulseChanges(where: $where) {
    kind cursor position tick rows { sessionId actions accepted } removed { sessionId }
  }
}`;
const mutation = 'mutation ($input: CommitTickInput!) { commitTick(input: $input) { accepted } }';

type Subscribers = BenchProcess<ToSubscribers, FromSubscribers>;

/** What a run of all matches took. */
interface Run {
  /** How long commits took from when each was due. */
  readonly commitMs: Float64Array;
  /** When ticks were due, by match and tick. */
  readonly due: ReadonlyMap<string, number>;
}

/** The ticks of all matches, each one every so often, whatever becomes of those before. */
class Matches {
  readonly #server: ServerProcess;
  readonly #token: string;
  #tick = 0;

  constructor(server: ServerProcess, token: string) {
    this.#server = server;
    this.#token = token;
  }

  async run(): Promise<Run> {
    const commitMs = new Samples();
    const due = new Map<string, number>();
    const begunMs = epochMs();
    const commits: Promise<void>[] = [];
    // Matches are as far apart from each other as they can be.
    const everyMs = 1000 / (framesPerSecond * sessions);
    for (let sent = 0; sent < seconds * framesPerSecond * sessions; sent++) {
      const dueMs = begunMs + sent * everyMs;
      const waitMs = dueMs - epochMs();
      if (waitMs > 0) await sleep(waitMs);
      const match = matches[sent % sessions] as string;
      if (sent % sessions === 0) this.#tick += 1;
      due.set(`${match} ${this.#tick}`, dueMs);
      commits.push(this.#commit(match, this.#tick).then(() => commitMs.add(epochMs() - dueMs)));
    }
    await Promise.all(commits);
    return { commitMs: commitMs.values(), due };
  }

  async #commit(sessionId: string, tick: number): Promise<void> {
    const actions = Array.from({ length: options.actions }, (_, i) => ({
      actionId: `${tick}-${i}`,
      playerId: i % 8,
      kind: 'MOVE',
      unitIds: [i],
    }));
    const afterTick = tick === 1 ? null : tick - 1;
    const input = { sessionId, tick, afterTick, actions };
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
    cardinality: `${sockets} subscribers of one view with one selection, each of one of ${sessions} matches with ${framesPerSecond} ticks a second`,
    mix: `${options.actions} actions a tick by GraphQL; processor time of the server with subscribers less that of the same commits without; strict durability`,
    warmUp: 'the same commits without subscribers',
  });
  const served = whole.part();
  const dataDir = await served.directory();
  const { profileDir } = options;
  const server = await ServerProcess.start(served, { dataDir, profileDir });
  const writer = await server.token('game-server');
  for (const match of matches) await server.openSession(writer, match);
  const game = new Matches(server, writer);
  await game.run();

  const idleCpu = server.usage().cpuSeconds;
  const alone = await game.run();
  const aloneCpu = server.usage().cpuSeconds - idleCpu;

  const audience = served.part();
  const processes = await openSubscribers(audience, {
    url: `${server.url.replace('http', 'ws')}/ashfall/graphql`,
    authorization: `Bearer ${await server.token('liveops')}`,
    query: subscription,
    variables: matches.map((match) => ({ where: { sessionId: { eq: match } } })),
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
    for (const { of, atMs } of arrivals) {
      const dueMs = followed.due.get(of);
      if (dueMs !== undefined) for (const at of atMs) delivery.add(at - dueMs);
    }
  }
  await audience.end();
  const after = await game.run();
  await served.end();

  const bare = new BenchProcess<ToBareServer, FromBareServer>(whole, 'bare-server');
  const { port } = await bare.heard();
  const bareProcesses = await openSubscribers(whole, {
    url: `ws://127.0.0.1:${port}`,
    authorization: null,
    query: '',
    variables: [{}],
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
    'of due': rounded(frames / (sockets * seconds * framesPerSecond), 3),
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
  report.row({ server: 'tickloom, commits before', 'commit ms': quantilesOf(alone.commitMs) });
  report.row({ server: 'tickloom, commits followed', 'commit ms': quantilesOf(followed.commitMs) });
  report.row({ server: 'tickloom, commits after', 'commit ms': quantilesOf(after.commitMs) });
  report.target(
    { name: 'a frame over the bare server', wanted: 3, unit: 'times', better: 'lower' },
    rounded(ours / theirs, 2),
  );
  await report.print();
});
