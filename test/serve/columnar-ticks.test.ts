import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { limits } from '../../engine/model/limits.ts';
import { AshfallClient } from '../../examples/ashfall/tickloom.ts';
import { ashfallTick } from '../json/ashfall-tick.ts';
import { Sandbox } from './sandbox.ts';

const document = `mutation Commit($input: CommitTickInput!) {
  commitTick(input: $input) {
    position sessionId tick duplicate accepted rejected aborted stateHash
    conflict { code effect table key message }
    results { index actionId verdict conflict { code effect table key expectedVersion message } }
  }
}`;
/** The same answer of a document that no decoder is planned for. */
const general = document.replace(') {\n    pos', ') @include(if: true) {\n    pos');

let columns: Sandbox;
let rows: Sandbox;

beforeAll(async () => {
  [columns, rows] = await Promise.all([Sandbox.start(), Sandbox.start()]);
  for (const sandbox of [columns, rows]) {
    await sandbox.openSession('match');
    await sandbox.ask('game-server', document, { input: { sessionId: 'match', tick: 0 } });
  }
});
afterAll(() => Promise.all([columns.stop(), rows.stop()]));

/** How many ticks of a server were read in each way so far. */
interface Paths {
  readonly columns: number;
  readonly thread: number;
  readonly rows: number;
}

async function pathsOf(sandbox: Sandbox): Promise<Paths> {
  const text = await sandbox.metrics();
  const count = (path: string) =>
    Number(new RegExp(`tick_bodies_total{path="${path}"} (\\d+)`).exec(text)?.[1] ?? 0);
  return { columns: count('columns'), thread: count('thread'), rows: count('rows') };
}

/** Status and text of an answer, to be compared. */
async function post(
  sandbox: Sandbox,
  query: string,
  input: string,
  role = 'game-server',
): Promise<string> {
  const response = await fetch(`${sandbox.url}/ashfall/graphql`, {
    method: 'POST',
    headers: { ...(await sandbox.authorization(role)), 'content-type': 'application/json' },
    body: `{"query":${JSON.stringify(query)},"variables":{"input":${input}}}`,
  });
  return `${response.status} ${comparable(await response.text())}`;
}

/** Without the times and ids; and the general document is longer, so places in it differ. */
function comparable(text: string): string {
  return text
    .replace(/"requestId":"[^"]*"/g, '"requestId"')
    .replace(/"elapsedMs":[\d.]+/, '"elapsedMs"')
    .replace(/Content-Length: \d+/, 'Content-Length')
    .replace(/"locations":\[\{"line":\d+,"column":\d+\}\]/g, '');
}

async function sameAnswer(input: string, role?: string): Promise<string> {
  const [fast, slow] = await Promise.all([
    post(columns, document, input, role),
    post(rows, general, input, role),
  ]);
  expect(fast).toBe(slow);
  return fast;
}

const own = (tick: number, more: object = {}) => ({
  ...ashfallTick(3),
  fence: null,
  afterTick: null,
  onConflict: 'REJECT_ACTION',
  tick,
  ...more,
});
const insert = (unitId: number, more: object = {}) => ({
  unitState: { insert: { unitId, ownerId: 1, health: 50, ...more } },
});

describe('a tick that was decoded from its bytes', () => {
  test('is answered as one that was read as rows, accepted and rejected', async () => {
    const before = await pathsOf(columns);
    const ticks = [
      { sessionId: 'match', tick: 1 },
      own(2, { effects: [insert(7), insert(9)] }),
      own(3),
      own(3),
      own(4, { onConflict: 'ABORT_TICK' }),
      own(5, { effects: [insert(7)] }),
      own(6, { idempotencyKey: 'six', effects: [] }),
      { ...own(7), idempotencyKey: 'six' },
      own(8, { afterTick: 6, effects: [insert(10, { blueprint: 'é😀\n"' })] }),
      own(2),
      own(9, { fence: 99 }),
      { sessionId: 'nowhere', tick: 9 },
    ];
    for (const tick of ticks) await sameAnswer(JSON.stringify(tick));
    const after = await pathsOf(columns);
    expect(after).toEqual({ ...before, columns: before.columns + ticks.length });
    expect((await pathsOf(rows)).columns).toBe(0);
  });

  test.each([
    undefined,
    '*/*',
    'application/json',
    'application/graphql-response+json',
    'application/graphql-response+json, application/json',
    'application/json;q=0.5, application/graphql-response+json',
    'text/event-stream',
    'multipart/mixed',
    'text/html',
  ])('has the form that one of rows has for a client that takes %s', async (accept) => {
    const form = async (sandbox: Sandbox, query: string, input: unknown) => {
      const { authorization } = await sandbox.authorization('game-server');
      const response = await fetch(`${sandbox.url}/ashfall/graphql`, {
        method: 'POST',
        headers: {
          authorization,
          'content-type': 'application/json',
          ...(accept === undefined ? {} : { accept }),
        },
        body: JSON.stringify({ query, variables: { input } }),
      });
      const headers = ['content-type', 'vary', 'cache-control', 'transfer-encoding'];
      return [
        response.status,
        headers.map((name) => response.headers.get(name)),
        comparable(await response.text()),
      ];
    };
    for (const input of [
      { sessionId: 'match', tick: 0 },
      { sessionId: 'nowhere', tick: 1 },
    ]) {
      const [fast, slow] = await Promise.all([
        form(columns, document, input),
        form(rows, general, input),
      ]);
      expect(fast).toEqual(slow);
    }
  });

  test('is refused to a role that may not commit or not write, as one of rows is', async () => {
    for (const role of ['liveops', 'analyst', 'player']) {
      expect(await sameAnswer(JSON.stringify(own(20)), role)).toContain('FORBIDDEN');
    }
  });

  test.each<[string, string]>([
    ['an unknown column', JSON.stringify(own(30)).replace('"playerId"', '"player"')],
    ['a column twice', JSON.stringify(own(30)).replace('"x":1.5', '"x":1.5,"x":2')],
    ['a text for a number', JSON.stringify(own(30)).replace('"playerId":0', '"playerId":"0"')],
    ['a number past its type', JSON.stringify(own(30)).replace('"playerId":0', '"playerId":-1')],
    ['a fraction for an Int', JSON.stringify(own(30)).replace('"playerId":0', '"playerId":0.5')],
    ['an unknown kind', JSON.stringify(own(30)).replace('"MOVE"', '"DANCE"')],
    ['no action id', JSON.stringify(own(30)).replace('"actionId":"a0",', '')],
    ['an empty action id', JSON.stringify(own(30)).replace('"a0"', '""')],
    ['an action id twice', JSON.stringify(own(30)).replace('"a1"', '"a0"')],
    ['null for a list', JSON.stringify(own(30)).replace('"unitIds":[0,1,2]', '"unitIds":null')],
    ['one value for a list', JSON.stringify(own(30)).replace('"unitIds":[0,1,2]', '"unitIds":4')],
    [
      'a foreign session',
      JSON.stringify(own(30)).replaceAll('"sessionId":"match"}', '"sessionId":"x"}'),
    ],
    [
      'two effects in one',
      JSON.stringify(own(30)).replace('{"upsert":', '{"delete":null,"upsert":'),
    ],
    ['an infinite float', JSON.stringify(own(30)).replace('"x":1.5', '"x":1e39')],
    ['a tick below zero', JSON.stringify(own(-1))],
    ['a session with a space', JSON.stringify(own(30, { sessionId: 'a b' }))],
    ['a comma too many', JSON.stringify(own(30)).replace('"actions":[', '"actions":[,')],
    ['no end', JSON.stringify(own(30)).slice(0, -1)],
  ])('is left to the general way with %s', async (_name, input) => {
    const before = await pathsOf(columns);
    await sameAnswer(input);
    expect((await pathsOf(columns)).columns).toBe(before.columns);
  });

  test('in a thread, for it is large, is answered as one of rows, also when the thread dies', async () => {
    const before = await pathsOf(columns);
    const many = (tick: number) =>
      JSON.stringify({
        sessionId: 'match',
        tick,
        actions: Array.from({ length: 4000 }, (_, i) => ({
          actionId: `${tick}-${i}`,
          playerId: i % 8,
          kind: 'MOVE',
          unitIds: [i],
          x: i / 8,
        })),
      });
    const started = once(process, 'worker') as Promise<[Worker]>;
    expect(many(100).length).toBeGreaterThan(limits.jsonThreadFromBytes);
    await sameAnswer(many(100));
    await sameAnswer(many(101).replace('"MOVE"', '"DANCE"'));
    expect((await pathsOf(columns)).thread).toBe(1);
    const [worker] = await started;
    const last = sameAnswer(many(102));
    await worker.terminate();
    expect(await last).toContain('"accepted":4000');
    await sameAnswer(many(103));
    const after = await pathsOf(columns);
    expect(after.columns - before.columns + after.thread).toBe(3);
    expect(after.thread).toBeGreaterThan(1);
    expect((await pathsOf(rows)).columns).toBe(0);
  });

  test('is what the SDK sends, from the second tick of the server on', async () => {
    const client = new AshfallClient({
      url: rows.url,
      token: () => rows.token('game-server'),
    });
    const session = await client.openSession('sdk');
    const commit = (tick: number) =>
      session.commit(tick, (builder) => {
        builder
          .action({ actionId: `a${tick}`, playerId: 1, kind: 'MOVE', unitIds: [7], x: tick })
          .unitState.upsert({ unitId: 7 }, { ownerId: 1, x: tick })
          .unitState.compareAndSet({ unitId: 7 }, tick * 2 - 1, { y: 0.5, blueprint: 'uel0201' })
          .playerWallet.upsert({ playerId: 1, resource: 'MASS' }, { balance: 10 })
          .playerWallet.adjust(
            { playerId: 1, resource: 'MASS' },
            { balance: -1.5 },
            { require: { balance: { gte: 0 } } },
          );
        builder.action({
          actionId: `b${tick}`,
          playerId: 2,
          kind: 'CALLBACK',
          unitIds: [],
          payload: { name: 'ping', at: [1, 2] },
        });
        builder.resourceLedger.append({ playerId: 1, resource: 'MASS', amount: 0.25 });
      });
    const first = await pathsOf(rows);
    for (let tick = 1; tick <= 5; tick++) {
      expect(await commit(tick)).toMatchObject({ accepted: 2, rejected: 0 });
    }
    const after = await pathsOf(rows);
    expect(after).toEqual({ ...first, columns: first.columns + 4 });
  });
});
