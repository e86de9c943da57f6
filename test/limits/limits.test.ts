import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { playerLimits } from '../../src/limits/default-limits.ts';
import { FrameSocket } from '../serve/frame-socket.ts';
import { type Answer, answerOf, codeOf, Sandbox } from '../serve/sandbox.ts';
import { limitedTitle } from './limited-title.ts';
import { StoppedClock } from './stopped-clock.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.start({}, limitedTitle('one'), limitedTitle('two'));
  await ask('simulator', 'mutation { openSession(input: { sessionId: "match" }) { fence } }');
  const effects = [1, 2, 3, 4].map((unitId) => ({
    units: { upsert: { key: { unitId }, set: { note: 'x'.repeat(400) } } },
  }));
  const input = { sessionId: 'match', tick: 1, actions: [], effects };
  expect(codeOf(await ask('simulator', commit, { variables: { input } }))).toBe('OK');
});
afterAll(() => sandbox.stop());

const clock = new StoppedClock();
beforeEach(() => {
  clock.stop();
  // What earlier tests have asked is forgotten.
  clock.pass(1_000);
});
afterEach(() => clock.start());

const commit = 'mutation ($input: CommitTickInput!) { commitTick(input: $input) { tick } }';
const session = '{ session(sessionId: "match") { lastTick } }';
const list = '{ unitsList(where: { sessionId: { eq: "match" } }) { nodes { unitId } } }';
const notes = '{ unitsList(where: { sessionId: { eq: "match" } }) { nodes { note } } }';
const pulse = 'subscription { pulseChanges { kind } }';

interface Asked {
  readonly title?: string;
  readonly subject?: string;
  readonly variables?: Record<string, unknown>;
}

interface Refusal {
  readonly code: string;
  readonly retryAfterMs: number;
  readonly details: Record<string, unknown>;
}

async function authorization(role: string, { title = 'one', subject }: Asked): Promise<string> {
  const named = subject === undefined ? {} : { subject };
  return `Bearer ${await sandbox.token(role, { title, ...named })}`;
}

async function send(role: string, query: string, asked: Asked = {}): Promise<Response> {
  const { title = 'one', variables = {} } = asked;
  return fetch(`${sandbox.url}/${title}/graphql`, {
    method: 'POST',
    headers: {
      authorization: await authorization(role, asked),
      'content-type': 'application/json',
    },
    body: JSON.stringify({ query, variables }),
  });
}

async function ask(role: string, query: string, asked: Asked = {}): Promise<Answer> {
  return answerOf(await send(role, query, asked));
}

async function codes(times: number, one: () => Promise<Answer>): Promise<string[]> {
  const all: string[] = [];
  for (let i = 0; i < times; i++) all.push(codeOf(await one()));
  return all;
}

function fieldOf<T>(answer: Answer, field: string): T {
  return answer.data?.[field] as T;
}

function refusalOf(answer: Answer): Refusal {
  return answer.errors?.[0]?.extensions as unknown as Refusal;
}

const ok = (times: number) => Array<string>(times).fill('OK');

describe('rates', () => {
  test('as many requests as the bound says are answered, one more is refused, and after the stated wait it is answered', async () => {
    expect(await codes(3, () => ask('asker', session))).toEqual(ok(3));
    const response = await send('asker', session);
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe('1');
    const refused = await answerOf(response);
    expect(refusalOf(refused)).toMatchObject({
      code: 'RATE_LIMITED',
      retryAfterMs: 1_000,
      details: { bound: 'requestsPerSecond', of: 'client', max: 3 },
    });
    clock.pass(999);
    expect(refusalOf(await ask('asker', session)).retryAfterMs).toBe(1);
    clock.pass(1);
    expect(await codes(3, () => ask('asker', session))).toEqual(ok(3));
  });

  test('a body is not read that comes too soon', async () => {
    await codes(3, () => ask('asker', session));
    expect(codeOf(await ask('asker', 'this is no GraphQL'))).toBe('RATE_LIMITED');
    clock.pass(1_000);
    expect(codeOf(await ask('asker', 'this is no GraphQL'))).toBe('GRAPHQL_PARSE_FAILED');
  });

  test('a burst is taken beyond the rate, once in ten seconds', async () => {
    expect(await codes(4, () => ask('bursty', session))).toEqual([...ok(3), 'RATE_LIMITED']);
    clock.pass(1_000);
    expect(await codes(2, () => ask('bursty', session))).toEqual(['OK', 'RATE_LIMITED']);
    clock.pass(9_000);
    expect(await codes(4, () => ask('bursty', session))).toEqual([...ok(3), 'RATE_LIMITED']);
  });

  test('clients of one role do not share, and titles do not share', async () => {
    await codes(4, () => ask('asker', session, { subject: 'first' }));
    expect(codeOf(await ask('asker', session, { subject: 'first' }))).toBe('RATE_LIMITED');
    expect(codeOf(await ask('asker', session, { subject: 'second' }))).toBe('OK');
    expect(codeOf(await ask('asker', session, { subject: 'first', title: 'two' }))).toBe('OK');
  });

  test('a role may have a bound for all its clients together', async () => {
    for (const subject of ['a', 'b', 'c']) {
      expect(codeOf(await ask('crowd', session, { subject }))).toBe('OK');
    }
    expect(refusalOf(await ask('crowd', session, { subject: 'd' }))).toMatchObject({
      code: 'RATE_LIMITED',
      details: { bound: 'requestsPerSecond', of: 'role', max: 3 },
    });
    clock.pass(1_000);
    expect(codeOf(await ask('crowd', session, { subject: 'd' }))).toBe('OK');
  });

  test('operations of a WebSocket count as requests do', async () => {
    const socket = await FrameSocket.connect(
      sandbox.url,
      { authorization: await authorization('asker', { subject: 'ws' }) },
      {},
      'one',
    );
    for (const id of ['1', '2', '3']) socket.subscribe(id, session);
    const refused = await socket.receive(({ type }) => type === 'error');
    expect(refused.payload[0].extensions).toMatchObject({
      code: 'RATE_LIMITED',
      retryAfterMs: 1_000,
    });
    clock.pass(1_000);
    socket.subscribe('4', session);
    expect((await socket.receive(({ id }) => id === '4')).type).toBe('next');
    socket.close();
  });

  test('a WebSocket that signs in too soon is closed, to be tried again later (1013)', async () => {
    await codes(3, () => ask('asker', session, { subject: 'door' }));
    const parameters = { authorization: await authorization('asker', { subject: 'door' }) };
    const refused = () => FrameSocket.refused(sandbox.url, parameters, {}, 'one');
    expect(await refused()).toEqual({ code: 1013, reason: 'RATE_LIMITED' });
    clock.pass(1_000);
    (await FrameSocket.connect(sandbox.url, parameters, {}, 'one')).close();
  });

  test('the schema and the manifest count as requests do', async () => {
    const headers = { authorization: await authorization('asker', { subject: 'generator' }) };
    const get = (path: string) => fetch(`${sandbox.url}/one/${path}`, { headers });
    for (const path of ['schema.graphql', 'manifest.json', 'schema.graphql']) {
      expect((await get(path)).status).toBe(200);
    }
    expect((await get('manifest.json')).status).toBe(429);
  });
});

describe('ticks', () => {
  const tick = (number: number) => ({
    variables: { input: { sessionId: 'match', tick: number, actions: [], effects: [] } },
  });
  let next = 2;

  function post(role: string, number: number, body: BodyInit = '{}') {
    return authorization(role, {}).then((authorised) =>
      fetch(`${sandbox.url}/one/sessions/match/ticks/${number}`, {
        method: 'POST',
        headers: { authorization: authorised, 'content-type': 'application/json' },
        body,
      }),
    );
  }

  test('a role may have a bound on ticks, by the mutation and by the commit endpoint alike', async () => {
    expect(codeOf(await ask('slow-simulator', commit, tick(next++)))).toBe('OK');
    expect((await post('slow-simulator', next++)).status).toBe(200);
    const refused = await post('slow-simulator', next);
    expect(refused.status).toBe(429);
    expect(refusalOf(await answerOf(refused))).toMatchObject({
      code: 'RATE_LIMITED',
      details: { bound: 'ticksPerSecond' },
    });
    expect(codeOf(await ask('slow-simulator', commit, tick(next)))).toBe('RATE_LIMITED');
    clock.pass(1_000);
    expect((await post('slow-simulator', next++)).status).toBe(200);
  });

  test('a refused tick was not looked at: neither its body, nor its place', async () => {
    await post('slow-simulator', next++);
    await post('slow-simulator', next++);
    expect((await post('slow-simulator', 0, 'no JSON')).status).toBe(429);
  });

  test('the ticks of a simulator have no bound unless its role states one', async () => {
    // Forty in one second, twice as many as a simulator of 20 Hz sends.
    const statuses: number[] = [];
    for (let i = 0; i < 40; i++) statuses.push((await post('simulator', next++)).status);
    expect(statuses).toEqual(Array(40).fill(200));
  });
});

describe('debts', () => {
  test('rows beyond the bound are paid for before the next request', async () => {
    expect(codeOf(await ask('reader', list))).toBe('OK');
    // Eight rows: the bound is reached, and not passed.
    expect(await codes(2, () => ask('reader', list))).toEqual(ok(2));
    // Twelve: four beyond eight a minute take half a minute, after the minute is over.
    expect(refusalOf(await ask('reader', session))).toMatchObject({
      code: 'RATE_LIMITED',
      retryAfterMs: 90_000,
      details: { bound: 'rowsReadPerMinute', of: 'client', max: 8 },
    });
    clock.pass(89_999);
    expect(codeOf(await ask('reader', session))).toBe('RATE_LIMITED');
    clock.pass(1);
    expect(codeOf(await ask('reader', session))).toBe('OK');
  });

  test('bytes of answers and of requests are paid for before the next request', async () => {
    expect(codeOf(await ask('sender', session))).toBe('OK');
    expect(codeOf(await ask('sender', notes))).toBe('OK');
    const { code, retryAfterMs, details } = refusalOf(await ask('sender', session));
    expect({ code, details }).toMatchObject({
      code: 'RATE_LIMITED',
      details: { bound: 'bytesPerSecond', max: 1_000 },
    });
    expect(retryAfterMs).toBeGreaterThan(1_000);
    clock.pass(retryAfterMs);
    expect(codeOf(await ask('sender', session))).toBe('OK');
  });
});

describe('quotas', () => {
  async function events(subject: string): Promise<{ response: Response; leave: () => void }> {
    const abort = new AbortController();
    const response = await fetch(`${sandbox.url}/one/graphql`, {
      method: 'POST',
      headers: {
        authorization: await authorization('watcher', { subject }),
        'content-type': 'application/json',
        accept: 'text/event-stream',
      },
      body: JSON.stringify({ query: pulse }),
      signal: abort.signal,
    });
    return { response, leave: () => abort.abort() };
  }

  test('subscriptions at the same time are bounded on event streams and WebSockets together, and a place is free once one has ended', async () => {
    const stream = await events('viewer');
    expect(stream.response.status).toBe(200);
    const token = await authorization('watcher', { subject: 'viewer' });
    const socket = await FrameSocket.connect(sandbox.url, { authorization: token }, {}, 'one');
    socket.subscribe('1', pulse);
    expect((await socket.receive(({ id }) => id === '1')).type).toBe('next');

    socket.subscribe('2', pulse);
    const refused = await socket.receive(({ id }) => id === '2');
    expect(refused.payload.errors[0].extensions).toMatchObject({
      code: 'QUOTA_EXCEEDED',
      retryAfterMs: 1_000,
      details: { bound: 'subscriptions', max: 2, of: 'client' },
    });
    const alsoRefused = await events('viewer');
    expect(await alsoRefused.response.text()).toContain('"code":"QUOTA_EXCEEDED"');
    const other = await events('another viewer');
    expect(other.response.status).toBe(200);
    other.leave();

    socket.send({ id: '1', type: 'complete' });
    stream.leave();
    const begun = async (id: string) => {
      socket.subscribe(id, pulse);
      const { payload } = await socket.receive((message) => message.id === id);
      return payload.errors === undefined;
    };
    await vi.waitFor(async () => expect(await begun(`a${performance.now()}`)).toBe(true), 10_000);
    await vi.waitFor(async () => expect(await begun(`b${performance.now()}`)).toBe(true), 10_000);
    expect(await begun('3')).toBe(false);
    socket.close();
    await socket.closed;
    // All of its places are free again.
    const again = await FrameSocket.connect(sandbox.url, { authorization: token }, {}, 'one');
    again.subscribe('1', pulse);
    expect((await again.receive(({ id }) => id === '1')).payload.errors).toBeUndefined();
    again.close();
  });

  const order = 'mutation { createExport(input: { table: "units" }) { id url } }';

  test('exports ordered in an hour are bounded, and reads of a link count for whoever ordered it', async () => {
    const ordered = await ask('exporter', order);
    expect(codeOf(ordered)).toBe('OK');
    const { url } = fieldOf<{ url: string }>(ordered, 'createExport');
    expect(codeOf(await ask('exporter', order))).toBe('OK');
    const refused = refusalOf(await ask('exporter', order));
    expect(refused).toMatchObject({ code: 'RATE_LIMITED', retryAfterMs: 3_600_000 });
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(429);
    clock.pass(1_000);
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(200);
  });

  test('exports whose links have not expired are bounded', async () => {
    expect(await codes(2, () => ask('keeper', order))).toEqual(ok(2));
    const refused = refusalOf(await ask('keeper', order));
    expect(refused).toMatchObject({
      code: 'QUOTA_EXCEEDED',
      details: { bound: 'exportsKept', max: 2 },
    });
    expect(refused.retryAfterMs).toBeGreaterThan(3_590_000);
    expect(codeOf(await ask('keeper', order, { subject: 'other keeper' }))).toBe('OK');
  });
});

describe('defaults', () => {
  test('a role of class GAMEPLAY that may not commit is strictly bounded, others are not', async () => {
    const { requestsPerSecond = 0, burst = 0 } = playerLimits;
    const times = requestsPerSecond + burst;
    expect(await codes(times + 1, () => ask('player', session))).toEqual([
      ...ok(times),
      'RATE_LIMITED',
    ]);
    expect(await codes(times + 1, () => ask('operator', session))).toEqual(ok(times + 1));
  });
});

test('what was refused is counted by role and bound', async () => {
  await codes(4, () => ask('asker', session, { subject: 'counted' }));
  expect(await sandbox.metrics()).toMatch(
    /tickloom_rate_limited_total\{title="one",role="asker",bound="requestsPerSecond",of="client"\} [1-9]/,
  );
});
