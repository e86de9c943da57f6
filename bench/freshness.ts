import { setTimeout as sleep } from 'node:timers/promises';
import { formatPosition, parsePosition } from '../engine/model/position.ts';
import { runBounded } from './harness/lifetime.ts';
import { readOptions } from './harness/options.ts';
import { Report } from './harness/report.ts';
import { quantilesOf, Samples } from './harness/samples.ts';
import { ServerProcess } from './harness/server-process.ts';

const claim =
  'How soon a committed row can be asked for in the column store, unasked and where a question demands it.';
const options = readOptions(claim, {
  commits: { default: 300, short: 20, help: 'Ticks measured in each part.' },
  warmUp: { default: 20, short: 3, help: 'Ticks before that, not counted.' },
  actions: { default: 200, short: 50, help: 'Actions of a tick.' },
  intervalMs: { default: 100, help: 'From a tick to the next.' },
});

interface Answer {
  readonly data?: Record<string, { readonly coveredPosition?: string; readonly position?: string }>;
  readonly errors?: unknown;
}

const commit = 'mutation ($input: CommitTickInput!) { commitTick(input: $input) { position } }';
const groups =
  'query ($min: Position) { actionLogGroups(by: [sessionId], minPosition: $min) { coveredPosition nodes { count } } }';

await runBounded(900, async (lifetime) => {
  const report = new Report({
    bench: 'freshness',
    claim,
    options,
    cardinality: `${options.commits} ticks of ${options.actions} actions in one session`,
    mix: `a tick every ${options.intervalMs} ms, then a question; strict durability, an otherwise idle server`,
    warmUp: `${options.warmUp} ticks`,
  });
  const server = await ServerProcess.start(lifetime, { dataDir: await lifetime.directory() });
  const writer = await server.token('game-server');
  const reader = await server.token('liveops');
  const ask = async (token: string, query: string, variables: object): Promise<Answer> => {
    const response = await fetch(`${server.url}/ashfall/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query, variables }),
    });
    const answer = (await response.json()) as Answer;
    if (answer.errors) throw new Error(JSON.stringify(answer.errors));
    return answer;
  };
  await ask(writer, 'mutation { openSession(input: { sessionId: "fresh" }) { fence } }', {});
  let tick = 0;
  const write = async (): Promise<number> => {
    tick += 1;
    const actions = Array.from({ length: options.actions }, (_, i) => ({
      actionId: `${tick}-${i}`,
      playerId: i % 8,
      kind: 'MOVE',
      unitIds: [i],
    }));
    const { data } = await ask(writer, commit, { input: { sessionId: 'fresh', tick, actions } });
    return parsePosition(data?.commitTick?.position ?? '', 'position');
  };
  const coveredOf = ({ data }: Answer) =>
    parsePosition(data?.actionLogGroups?.coveredPosition ?? '', 'coveredPosition');

  /** From the answer of a tick to when the first question is sent that covers it. */
  const unasked = async (): Promise<number> => {
    const position = await write();
    const committed = performance.now();
    for (;;) {
      const sent = performance.now();
      if (coveredOf(await ask(reader, groups, {})) >= position) return sent - committed;
    }
  };
  /** From the answer of a tick to that of a question which demands it. */
  const asked = async (): Promise<number> => {
    const position = await write();
    const committed = performance.now();
    await ask(reader, groups, { min: formatPosition(position as never) });
    return performance.now() - committed;
  };
  const measure = async (name: string, one: () => Promise<number>) => {
    const samples = new Samples();
    for (let i = -options.warmUp; i < options.commits; i++) {
      const ms = await one();
      if (i >= 0) samples.add(ms);
      await sleep(options.intervalMs);
    }
    const { p50, p95, p99, max } = quantilesOf(samples.values());
    report.row({ question: name, 'p50 ms': p50, 'p95 ms': p95, 'p99 ms': p99, 'max ms': max });
    return { p50, p99 };
  };
  const passive = await measure('unasked', unasked);
  const active = await measure('asked (minPosition)', asked);
  report.target({ name: 'unasked, p99', wanted: 250, unit: 'ms', better: 'lower' }, passive.p99);
  report.target({ name: 'asked, median', wanted: 20, unit: 'ms', better: 'lower' }, active.p50);
  await report.print();
});
