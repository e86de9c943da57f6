import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { AshfallClient } from '../../examples/ashfall/tickloom.ts';
import { FrameSocket } from './frame-socket.ts';
import { codeOf, Sandbox } from './sandbox.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.withMatch();
});
afterAll(() => sandbox.stop());
afterEach(() => expect.poll(() => live()).toEqual([]));

interface Live {
  readonly id: string;
  readonly subject: string;
  readonly source: string;
  readonly operation: string | null;
  readonly [field: string]: unknown;
}

const list = `query ($first: Int, $after: ID) { liveSubscriptions(first: $first, after: $after) {
  id subject role claims transport address client operation source session whereFingerprint
  startedAt position lagTicks lagMs framesSent bytesSent bytesQueued
} }`;
const end = 'mutation ($id: ID!, $reason: String) { endSubscription(id: $id, reason: $reason) }';
const units = `subscription Units { unitStateChanges(where: { sessionId: { eq: "match" } }) {
  kind cursor position rows { unitId ownerId } removed { unitId }
} }`;
const pulse = 'subscription Pulse { matchPulseChanges { kind cursor position rows { actions } } }';

async function live(variables: Record<string, unknown> = {}): Promise<readonly Live[]> {
  const answer = await sandbox.ask('liveops', list, variables);
  if (!answer.data) throw new Error(JSON.stringify(answer.errors));
  return answer.data.liveSubscriptions as readonly Live[];
}

async function kill(id: string | undefined, reason?: string): Promise<unknown> {
  return (await sandbox.ask('liveops', end, { id, reason })).data?.endSubscription;
}

async function playerSocket(): Promise<FrameSocket> {
  const authorization = `Bearer ${await sandbox.token('player', { player_id: '1', subject: 'ann' })}`;
  return FrameSocket.connect(sandbox.url, { authorization }, { 'user-agent': 'game/9' });
}

describe('who listens now', () => {
  test('is told with to what, how far and how much; and is gone once it has ended', async () => {
    const socket = await playerSocket();
    socket.subscribe('u', units);
    const { payload } = await socket.receive(({ id }) => id === 'u');
    const [one, ...others] = await live();
    expect(others).toEqual([]);
    expect(one).toMatchObject({
      subject: 'ann',
      role: 'player',
      claims: ['player_id'],
      transport: 'WEBSOCKET',
      address: expect.stringMatching(/127\.0\.0\.1$/),
      client: 'game/9',
      operation: 'Units',
      source: 'unitState',
      session: 'match',
      whereFingerprint: expect.stringMatching(/^[0-9a-f]{32}$/),
      position: payload.data.unitStateChanges.position,
      lagTicks: 0,
      lagMs: 0,
      framesSent: 1,
      bytesQueued: 0,
    });
    expect(one?.bytesSent).toBeGreaterThan(100);
    socket.close();
    await socket.closed;
    await expect.poll(() => live()).toEqual([]);
  });

  test('a page after the other, though the last of a page has ended meanwhile', async () => {
    const authorization = `Bearer ${await sandbox.token('liveops')}`;
    const socket = await FrameSocket.connect(sandbox.url, { authorization });
    for (const id of ['a', 'b', 'c', 'd']) {
      socket.subscribe(id, pulse);
      await socket.next(id);
    }
    const all = await live();
    expect(all.map(({ operation, source }) => `${operation} ${source}`)).toEqual(
      Array(4).fill('Pulse matchPulse'),
    );
    const first = await live({ first: 2 });
    expect(first).toHaveLength(2);
    const after = first[1]?.id;
    expect(await kill(after)).toBe(true);
    expect((await live({ first: 10, after })).map(({ id }) => id)).toEqual(
      all.slice(2).map(({ id }) => id),
    );
    expect(await live({ after: 'nonsense' })).toEqual([]);
    socket.close();
    await socket.closed;
  });

  test('is for roles with `kill` alone, and both are recorded', async () => {
    expect(codeOf(await sandbox.ask('analyst', list))).toBe('FORBIDDEN');
    expect(codeOf(await sandbox.ask('player', end, { id: 'x' }))).toBe('FORBIDDEN');
    expect(await kill('none')).toBe(false);
    const audit = `{ auditLog(where: { action: { in: ["subscription.list", "subscription.kill"] } }) {
      nodes { action outcome role } } }`;
    const { data } = await sandbox.ask('liveops', audit);
    const { nodes } = (data as { auditLog: { nodes: object[] } }).auditLog;
    expect(nodes[0]).toEqual({ action: 'subscription.kill', outcome: 'failed', role: 'liveops' });
    expect(nodes).toContainEqual({ action: 'subscription.list', outcome: 'done', role: 'liveops' });
  });
});

describe('a subscription that an operator ends', () => {
  test('says so to its subscriber, with the reason, and leaves the others of its connection', async () => {
    const socket = await playerSocket();
    socket.subscribe('u', units);
    socket.subscribe('v', units);
    await socket.receive(({ id }) => id === 'u');
    await socket.receive(({ id }) => id === 'v');
    const [one] = await live();
    expect(await kill(one?.id, 'it floods')).toBe(true);
    const { type, payload } = await socket.receive(({ id }) => id === 'u');
    expect(type).toBe('error');
    expect(payload[0]).toMatchObject({
      message: 'the subscription was ended by an operator: it floods',
      extensions: { code: 'QUERY_KILLED', retryable: false, details: { reason: 'it floods' } },
    });
    expect(await live()).toHaveLength(1);
    expect(await kill(one?.id)).toBe(false);
    await sandbox.commit('match', 3);
    const next = await socket.receive(({ id }) => id === 'v');
    expect(next.payload.data.unitStateChanges.kind).toBe('DELTA');
    socket.close();
    await socket.closed;
    expect(await sandbox.metrics()).toMatch(
      /tickloom_subscriptions_killed_total\{title="ashfall",transport="WEBSOCKET"\} [1-9]/,
    );
  });

  test('as an event stream ends with that as its last event', async () => {
    const response = await fetch(`${sandbox.url}/ashfall/graphql`, {
      method: 'POST',
      headers: {
        ...(await sandbox.authorization('liveops')),
        'content-type': 'application/json',
        accept: 'text/event-stream',
      },
      body: JSON.stringify({ query: pulse }),
    });
    await expect.poll(() => live()).toMatchObject([{ transport: 'EVENT_STREAM', framesSent: 1 }]);
    const [one] = await live();
    const text = response.text();
    expect(await kill(one?.id)).toBe(true);
    expect(await text).toMatch(/"code":"QUERY_KILLED"[\s\S]*event: complete/);
  });

  test.each(['websocket', 'sse'] as const)(
    'by the SDK is not begun again: its loop rejects with the code (%s)',
    async (subscriptions) => {
      const client = new AshfallClient({
        url: sandbox.url,
        token: () => sandbox.token('liveops'),
        subscriptions,
        webSocketImpl: WebSocket,
      });
      const following = (async () => {
        for await (const _ of client.matchPulse.changes());
      })();
      const settled = expect(following).rejects.toMatchObject({
        code: 'QUERY_KILLED',
        retryable: false,
        details: { reason: 'enough' },
      });
      await expect.poll(() => live()).toHaveLength(1);
      const [one] = await live();
      expect(await kill(one?.id, 'enough')).toBe(true);
      await settled;
      expect(await live()).toEqual([]);
      await client.close();
    },
  );
});
