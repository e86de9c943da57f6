import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Event, FrameSocket, Sum } from './frame-socket.ts';
import { codeOf, commitTick, Sandbox, tickOf } from './sandbox.ts';
import { readEvents } from './server-sent.ts';

const pulse = `subscription Pulse($where: MatchPulseWhere, $cursor: String) {
  matchPulseChanges(where: $where, cursor: $cursor) {
    kind cursor position rows { sessionId actions accepted } removed { sessionId }
  }
}`;

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await Sandbox.start();
});
afterAll(() => sandbox.stop());

async function viewRows(): Promise<unknown> {
  const answer = await sandbox.ask(
    'liveops',
    '{ matchPulse { rows { sessionId actions accepted } } }',
  );
  if (!answer.data) throw new Error(JSON.stringify(answer.errors));
  return (answer.data.matchPulse as { rows: unknown }).rows;
}

async function connect(role = 'liveops'): Promise<FrameSocket> {
  return FrameSocket.connect(sandbox.url, { ...(await sandbox.authorization(role)) });
}

describe('a WebSocket', () => {
  test('gets one snapshot, then deltas whose sum is the view', async () => {
    await sandbox.openSession('ws');
    await sandbox.commit('ws', 1);
    const socket = await connect();
    socket.subscribe('1', pulse);
    const first = await socket.next('1');
    expect(first.frame.kind).toBe('SNAPSHOT');
    const sum = new Sum(first.frame);
    let kinds: string[] = [];
    for (let tick = 2; tick <= 6; tick++) await sandbox.commit('ws', tick);
    while (sum.actionsOf('ws') < 12) {
      const { frame } = await socket.next('1');
      sum.add(frame);
      kinds = [...new Set([...kinds, frame.kind])];
    }
    expect(kinds).toEqual(['DELTA']);
    expect(sum.rows()).toEqual(await viewRows());
    socket.close();
  });

  test('tells class and position with every message', async () => {
    const socket = await connect();
    socket.subscribe('1', pulse);
    const { extensions } = await socket.next('1');
    expect(extensions.tickloom).toMatchObject({ class: 'OPERATOR', elapsedMs: expect.any(Number) });
    socket.close();
  });

  test('tells with every frame the position of that frame', async () => {
    await sandbox.openSession('ws-position');
    const socket = await connect();
    socket.subscribe('1', pulse);
    for (let tick = 1; tick <= 4; tick++) {
      const { frame, extensions } = await socket.next('1');
      expect(extensions.tickloom.position).toBe(frame.position);
      await sandbox.commit('ws-position', tick);
    }
    socket.close();
  });

  test('answers queries and mutations too', async () => {
    const socket = await connect('game-server');
    await sandbox.openSession('ws-commit');
    socket.subscribe('1', commitTick, { input: tickOf('ws-commit', 1, 3) });
    const message = await socket.receive((event) => event.id === '1');
    expect(message.payload).toMatchObject({ data: { commitTick: { accepted: 3 } } });
    socket.close();
  });

  test('answers an operation that is wrong with the codes of HTTP', async () => {
    const socket = await connect();
    const codeFor = async (id: string, query: string, variables = {}) => {
      socket.subscribe(id, query, variables);
      const { payload } = await socket.receive((event) => event.id === id);
      const errors = Array.isArray(payload) ? payload : payload.errors;
      return errors[0].extensions.code;
    };
    expect(await codeFor('1', 'subscription {')).toBe('GRAPHQL_PARSE_FAILED');
    expect(await codeFor('2', 'subscription { castles }')).toBe('GRAPHQL_VALIDATION_FAILED');
    const several = 'query A { __typename } query B { __typename }';
    expect(await codeFor('several', several)).toBe('BAD_USER_INPUT');
    expect(await codeFor('3', pulse, { where: { castle: 1 } })).toBe('BAD_USER_INPUT');
    const open = 'mutation { openSession(input: { sessionId: "x" }) { fence } }';
    expect(await codeFor('4', open)).toBe('FORBIDDEN');
    socket.close();
  });

  test('stops counting a subscriber that completes', async () => {
    const socket = await connect();
    socket.subscribe('1', pulse);
    await socket.next('1');
    expect(await sandbox.metrics()).toMatch(
      /tickloom_feed_subscribers\{title="ashfall",view="matchPulse"\} 1/,
    );
    socket.send({ id: '1', type: 'complete' });
    // The answer to a later operation comes after the server has taken the completion.
    socket.subscribe('2', '{ __typename }');
    await socket.receive((event) => event.id === '2');
    expect(await sandbox.metrics()).not.toMatch(
      /tickloom_feed_subscribers\{title="ashfall",view="matchPulse"\} 1/,
    );
    socket.close();
  });

  test.each<[string, Record<string, unknown>, number, string]>([
    ['without a token', {}, 4401, 'UNAUTHENTICATED'],
    ['with a token that is none', { authorization: 'Bearer x' }, 4401, 'UNAUTHENTICATED'],
  ])('is closed %s', async (_name, parameters, code, reason) => {
    const closed = await FrameSocket.refused(sandbox.url, parameters);
    expect(closed).toEqual({ code, reason });
  });

  test.each<[string, (bearer: string) => Record<string, unknown>]>([
    ['in its parameters, in any case', (bearer) => ({ AUTHORIZATION: bearer })],
    ['in headers of its parameters', (bearer) => ({ headers: { authorization: bearer } })],
    ['in such headers in any case', (bearer) => ({ headers: { Authorization: bearer } })],
  ])('takes its token %s', async (_name, parameters) => {
    const { authorization } = await sandbox.authorization('liveops');
    const socket = await FrameSocket.connect(sandbox.url, parameters(authorization));
    socket.subscribe('1', pulse);
    expect((await socket.next('1')).frame.kind).toBe('SNAPSHOT');
    socket.close();
  });

  test('takes its token and class from the request that opens it', async () => {
    const headers = await sandbox.authorization('liveops');
    const socket = await FrameSocket.connect(sandbox.url, {}, headers);
    socket.subscribe('1', pulse);
    expect((await socket.next('1')).frame.kind).toBe('SNAPSHOT');
    socket.close();
    const lower = { ...headers, 'x-tickloom-class': 'ARCHIVAL' };
    const archival = await FrameSocket.connect(sandbox.url, {}, lower);
    archival.subscribe('1', pulse);
    expect((await archival.next('1')).extensions.tickloom).toMatchObject({ class: 'ARCHIVAL' });
    archival.close();
    // What the client says itself comes first.
    const said = { authorization: 'Bearer x' };
    const closed = await FrameSocket.refused(sandbox.url, said, headers);
    expect(closed).toEqual({ code: 4401, reason: 'UNAUTHENTICATED' });
  });

  test('is closed with an expired token', async () => {
    const authorization = `Bearer ${await sandbox.expiredToken('liveops')}`;
    const closed = await FrameSocket.refused(sandbox.url, { authorization });
    expect(closed).toEqual({ code: 4401, reason: 'TOKEN_EXPIRED' });
  });

  test('is closed when a class is asked for that the role does not have', async () => {
    const parameters = {
      ...(await sandbox.authorization('liveops')),
      'x-tickloom-class': 'GAMEPLAY',
    };
    expect(await FrameSocket.refused(sandbox.url, parameters)).toMatchObject({ code: 4403 });
  });

  test('is closed with 4401 when its token expires', async () => {
    const token = await sandbox.token('liveops', { ttl: '1', subject: 'brief' });
    const socket = await FrameSocket.connect(sandbox.url, { authorization: `Bearer ${token}` });
    socket.subscribe('1', pulse);
    await socket.next('1');
    expect(await socket.closed).toEqual({ code: 4401, reason: 'TOKEN_EXPIRED' });
  });

  test('can be opened on the alias, and not on another title or from a strange page', async () => {
    expect(await upgradeStatus('/graphql')).toBe(101);
    expect(await upgradeStatus('/chess/graphql')).toBe(404);
    expect(await upgradeStatus('/ashfall/graphql', { origin: 'https://evil.example' })).toBe(403);
    expect(await upgradeStatus('/ashfall/graphql', { origin: sandbox.url })).toBe(101);
  });
});

describe('an event stream', () => {
  async function subscribe(
    token: string,
    signal: AbortSignal,
    headers: Record<string, string> = {},
    variables: Record<string, unknown> = {},
  ): Promise<AsyncIterable<Event>> {
    const response = await fetch(`${sandbox.url}/ashfall/graphql`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'text/event-stream',
        ...headers,
      },
      body: JSON.stringify({ query: pulse, variables }),
      signal,
    });
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    return readEvents(response);
  }

  test('gets one snapshot, then deltas whose sum is the view', async () => {
    await sandbox.openSession('sse');
    await sandbox.commit('sse', 1);
    const abort = new AbortController();
    let sum: Sum | null = null;
    for await (const { frame } of await subscribe(await sandbox.token('liveops'), abort.signal)) {
      if (sum === null) {
        expect(frame.kind).toBe('SNAPSHOT');
        sum = new Sum(frame);
        for (let tick = 2; tick <= 6; tick++) await sandbox.commit('sse', tick);
      } else {
        expect(frame.kind).toBe('DELTA');
        sum.add(frame);
      }
      if (sum.actionsOf('sse') === 12) break;
    }
    abort.abort();
    expect(sum?.rows()).toEqual(await viewRows());
  });

  test('names each event by its cursor, and goes on behind the one that `Last-Event-ID` names', async () => {
    await sandbox.openSession('sse-again');
    const token = await sandbox.token('liveops');
    const seen: Event[] = [];
    const first = new AbortController();
    for await (const event of await subscribe(token, first.signal)) {
      expect(event.id).toBe(event.frame.cursor);
      expect(event.extensions.tickloom.position).toBe(event.frame.position);
      seen.push(event);
      if (seen.length === 3) break;
      await sandbox.commit('sse-again', seen.length);
    }
    first.abort();
    await sandbox.commit('sse-again', 3);
    // As an `EventSource` does it: the request as at first, with the cursor of its first frame.
    const again = new AbortController();
    const headers = { 'last-event-id': seen.at(-1)?.id ?? '' };
    const variables = { cursor: seen[0]?.frame.cursor };
    const resumed = await subscribe(token, again.signal, headers, variables);
    for await (const { frame } of resumed) {
      expect(frame.kind).toBe('DELTA');
      expect(frame.rows).toEqual([expect.objectContaining({ sessionId: 'sse-again', actions: 6 })]);
      break;
    }
    again.abort();
  });

  test('that is opened with a `Last-Event-ID` that is none is refused as for such a cursor', async () => {
    const headers = { 'last-event-id': 'x' };
    const signal = AbortSignal.timeout(20_000);
    const events = await subscribe(await sandbox.token('liveops'), signal, headers);
    const codes: unknown[] = [];
    for await (const { errors, id } of events) codes.push(errors?.[0]?.extensions.code, id);
    expect(codes).toEqual(['BAD_USER_INPUT', undefined]);
  });

  test('says why it ends when its token expires', async () => {
    const token = await sandbox.token('liveops', { ttl: '1', subject: 'brief-sse' });
    const events: Event[] = [];
    for await (const event of await subscribe(token, AbortSignal.timeout(20_000))) {
      events.push(event);
    }
    expect(events.length).toBeGreaterThan(1);
    expect(events.at(-1)?.errors?.[0]?.extensions.code).toBe('TOKEN_EXPIRED');
  });

  test('is what a subscription needs: as plain JSON it is refused', async () => {
    const answer = await sandbox.ask('liveops', pulse, {}, { accept: 'application/json' });
    expect(codeOf(answer)).toBe('BAD_USER_INPUT');
  });
});

function upgradeStatus(path: string, headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const upgrade = request(`${sandbox.url}${path}`, {
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'sec-websocket-protocol': 'graphql-transport-ws',
        ...headers,
      },
    });
    const done = (status: number | undefined) => {
      resolve(status ?? 0);
      upgrade.destroy();
    };
    upgrade.on('upgrade', (response) => done(response.statusCode));
    upgrade.on('response', (response) => done(response.statusCode));
    upgrade.on('error', reject);
    upgrade.end();
  });
}
