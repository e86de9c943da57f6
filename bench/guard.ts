import { fileURLToPath } from 'node:url';
import { runBounded } from './harness/lifetime.ts';
import { LoadProcess, runLoads } from './harness/load-process.ts';
import { readOptions } from './harness/options.ts';
import { Report, rounded } from './harness/report.ts';
import { joined, quantilesOf } from './harness/samples.ts';
import { ServerProcess } from './harness/server-process.ts';
import {
  type FromGuardedServer,
  type Guard,
  guards,
  readerId,
  readMatch,
  type ToGuardedServer,
} from './load/guard-config.ts';
import { Random } from './load/random.ts';
import { RowReads } from './load/row-reads.ts';

const claim =
  'What verification, permission, quota and audit add to a request, and take from commits.';
const options = readOptions(claim, {
  turns: { default: 60, short: 3, help: 'Turns, each with a block of every choice of guards.' },
  warmUp: { default: 5, short: 1, help: 'Turns before that, not counted.' },
  reads: { default: 200, short: 50, help: 'Requests of a block.' },
  pairs: { default: 300, short: 4, help: 'Turns of commits, with all guards and with none alone.' },
  ticks: { default: 150, short: 30, help: 'Commits of a block.' },
  actions: { default: 200, help: 'Actions of a commit.' },
  inFlight: { default: 8, help: 'Commits on their way at a time.' },
  only: { default: '', help: 'Loads whose name has this in it.' },
  profileDir: { default: '', help: 'Where V8 writes a profile of the server.' },
});

/** Which guards do their work, the others answering at once. */
interface Choice {
  readonly name: string;
  readonly by: readonly Guard[];
}

const noneOrAll: readonly Choice[] = [
  { name: 'none', by: [] },
  { name: 'all', by: guards },
];
/** A guard's part of a commit is less than what one block differs from the next by. */
const noneAllOrOne: readonly Choice[] = [
  ...noneOrAll,
  ...guards.map((guard) => ({ name: `${guard} alone`, by: [guard] })),
];

/** One block of a load. */
interface Block {
  readonly latenciesMs: Float64Array;
  /** From its first request to its last answer. */
  readonly seconds: number;
}

interface Measured {
  readonly p50Ms: number;
  readonly secondsEach: number;
  readonly cpuMicrosecondsEach: number;
}

interface Load {
  readonly name: string;
  readonly choices: readonly Choice[];
  readonly turns: number;
  /** Requests of a block. */
  readonly count: number;
  run(): Promise<Block>;
}

type Turn = ReadonlyMap<string, Measured>;

/** Turns in which every choice of guards has a block, in an order of their own each. */
async function turnsOf(server: ServerProcess, load: Load) {
  const random = new Random(1);
  const turns: Turn[] = [];
  const latencies = new Map(load.choices.map(({ name }) => [name, [] as Float64Array[]]));
  for (let i = -options.warmUp; i < load.turns; i++) {
    const turn = new Map<string, Measured>();
    for (const { name, by } of shuffled(load.choices, random)) {
      const before = await guardBy(server, by);
      const { latenciesMs, seconds } = await load.run();
      const after = await guardBy(server, by);
      turn.set(name, {
        p50Ms: quantilesOf(latenciesMs).p50,
        secondsEach: seconds / load.count,
        cpuMicrosecondsEach: (after - before) / load.count,
      });
      if (i >= 0) latencies.get(name)?.push(latenciesMs);
    }
    if (i >= 0) turns.push(turn);
  }
  return { turns, latencies };
}

async function guardBy(server: ServerProcess, by: readonly Guard[]): Promise<number> {
  const message: ToGuardedServer = { kind: 'guard', by };
  return (await server.ask<FromGuardedServer>(message)).cpuMicroseconds;
}

function shuffled<T>(all: readonly T[], random: Random): T[] {
  const left = [...all];
  return all.map(() => left.splice(random.below(left.length), 1)[0] as T);
}

/** The median over turns of what a choice of guards comes to, beside none in the same turn. */
function beside(
  turns: readonly Turn[],
  name: string,
  of: (with_: Measured, without: Measured) => number,
): number {
  const values = turns.map((turn) => of(turn.get(name) as Measured, turn.get('none') as Measured));
  return quantilesOf(Float64Array.from(values)).p50;
}

const queries = {
  'row by key': `{ unitState(key: { sessionId: "${readMatch}", unitId: 3 }) { unitId ownerId x y health } }`,
  'list of 100 rows': `{ unitStateList(where: { sessionId: { eq: "${readMatch}" } }, first: 100) { nodes { unitId ownerId x y health } } }`,
} as const;

/** Two hundred rows of the reader's, and as many of another's. */
async function giveRows(server: ServerProcess, token: string): Promise<void> {
  await server.openSession(token, readMatch);
  const effects = Array.from({ length: 400 }, (_, unitId) => {
    const ownerId = unitId % 2 === 1 ? readerId : readerId + 1;
    return { unitState: { insert: { unitId, ownerId, x: unitId, y: 1, health: 100 } } };
  });
  const mutation = 'mutation ($input: CommitTickInput!) { commitTick(input: $input) { accepted } }';
  await server.graphql(token, mutation, { input: { sessionId: readMatch, tick: 1, effects } });
}

/** Another's row is seen without guards, and not with them: the choices do what they say. */
async function proveChoices(server: ServerProcess): Promise<void> {
  const token = await server.token('player', 'ashfall', { player_id: String(readerId) });
  const query = `{ unitState(key: { sessionId: "${readMatch}", unitId: 2 }) { ownerId } }`;
  for (const { by, seen } of [
    { by: [], seen: true },
    { by: guards, seen: false },
  ]) {
    await guardBy(server, by);
    const { unitState } = (await server.graphql(token, query, {})) as {
      readonly unitState: unknown;
    };
    if ((unitState !== null) !== seen) throw new Error(`with ${by.length} guards: ${unitState}`);
  }
}

async function readLoad(server: ServerProcess, role: string, query: keyof typeof queries) {
  const claims = { player_id: String(readerId) };
  const token = await server.token(role, 'ashfall', claims);
  const reads = new RowReads(server.url, token, queries[query], `"ownerId":${readerId}`);
  const load: Load = {
    name: `${query}, ${role === 'recorded' ? 'each read recorded' : 'a player'}`,
    choices: noneAllOrOne,
    turns: options.turns,
    count: options.reads,
    run: async () => {
      const begunMs = performance.now();
      const latenciesMs = await reads.run(options.reads);
      return { latenciesMs, seconds: (performance.now() - begunMs) / 1000 };
    },
  };
  return { load, end: () => reads.end() };
}

function commitLoad(server: ServerProcess, process: LoadProcess, token: string): Load {
  const { ticks, actions, inFlight } = options;
  return {
    name: `commits by Arrow, ${actions} actions`,
    choices: noneOrAll,
    turns: options.pairs,
    count: ticks,
    run: () =>
      runLoads([process], {
        url: server.url,
        token,
        transport: 'arrow',
        rows: { kind: 'actions', rows: actions, upserts: 0, units: 0 },
        sessions: ['written'],
        pace: { kind: 'closed', inFlight, end: { kind: 'ticks', ticksEach: ticks } },
        seed: 1,
      }),
  };
}

function rowsOf(report: Report, load: Load, { turns, latencies }: Measurements): void {
  for (const { name } of load.choices) {
    const { p50, p95, p99 } = quantilesOf(joined(latencies.get(name) ?? []));
    report.row({
      load: load.name,
      guards: name,
      ms: { p50, p95, p99 },
      'added µs, p50': rounded(beside(turns, name, (one, none) => (one.p50Ms - none.p50Ms) * 1000)),
      'added cpu µs': rounded(
        beside(turns, name, (one, none) => one.cpuMicrosecondsEach - none.cpuMicrosecondsEach),
        1,
      ),
      'time, ratio': rounded(
        beside(turns, name, (one, none) => one.secondsEach / none.secondsEach),
        3,
      ),
      'cpu, ratio': rounded(
        beside(turns, name, (one, none) => one.cpuMicrosecondsEach / none.cpuMicrosecondsEach),
        3,
      ),
    });
  }
}

type Measurements = Awaited<ReturnType<typeof turnsOf>>;

await runBounded(1200, async (whole) => {
  const { turns, pairs, actions, inFlight } = options;
  const report = new Report({
    bench: 'guard',
    claim,
    options,
    cardinality: `400 rows of unitState, every second the reader's; commits of ${actions} actions`,
    mix: `one request at a time over one connection; commits ${inFlight} at a time, strict durability; the same server with each choice of guards by turns, median of ${turns} turns, ${pairs} of commits`,
    warmUp: `${options.warmUp} turns`,
  });
  const dataDir = await whole.directory();
  const manifest = fileURLToPath(new URL('./load/guard-title.js', import.meta.url));
  const server = await ServerProcess.start(whole, {
    dataDir,
    profileDir: options.profileDir,
    flags: { manifest },
    preload: 'guarded-server',
  });
  const writer = await server.token('game-server');
  await giveRows(server, writer);
  await proveChoices(server);
  for (const query of Object.keys(queries) as (keyof typeof queries)[]) {
    for (const role of ['player', 'recorded']) {
      const { load, end } = await readLoad(server, role, query);
      if (!load.name.includes(options.only)) continue;
      const measured = await turnsOf(server, load);
      end();
      rowsOf(report, load, measured);
      report.target(
        { name: `${load.name}: all guards add`, wanted: 150, unit: 'µs', better: 'lower' },
        rounded(beside(measured.turns, 'all', (one, none) => (one.p50Ms - none.p50Ms) * 1000)),
      );
    }
  }
  await server.openSession(writer, 'written');
  const load = commitLoad(server, new LoadProcess(whole), writer);
  if (load.name.includes(options.only)) {
    const measured = await turnsOf(server, load);
    rowsOf(report, load, measured);
    report.target(
      { name: `${load.name}: lost`, wanted: 3, unit: '%', better: 'lower' },
      rounded(
        (1 - beside(measured.turns, 'all', (one, none) => none.secondsEach / one.secondsEach)) *
          100,
        1,
      ),
    );
  }
  await report.print();
});
