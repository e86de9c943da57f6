import { afterAll, beforeAll, expect, test } from 'vitest';
import { Sandbox } from './sandbox.ts';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await Sandbox.start();
}, 60_000);
afterAll(() => sandbox.stop());

const mutation = `mutation ($input: CommitTickInput!) {
  commitTick(input: $input) { tick duplicate }
}`;

/** How a tick is committed behind the one before it, over HTTP. */
type Road = (sessionId: string, tick: number, signal?: AbortSignal) => Promise<Response>;

const roads: Readonly<Record<string, Road>> = {
  'the commit endpoint': async (sessionId, tick, signal) =>
    fetch(`${sandbox.url}/ashfall/sessions/${sessionId}/ticks/${tick}`, {
      method: 'POST',
      headers: {
        ...(await sandbox.authorization('game-server')),
        'content-type': 'application/json',
        ...(tick > 1 ? { 'x-tickloom-after-tick': String(tick - 1) } : {}),
      },
      body: '{}',
      signal: signal ?? null,
    }),
  'the mutation': async (sessionId, tick, signal) =>
    fetch(`${sandbox.url}/ashfall/graphql`, {
      method: 'POST',
      headers: {
        ...(await sandbox.authorization('game-server')),
        'content-type': 'application/json',
      },
      body: JSON.stringify({
        query: mutation,
        variables: { input: { sessionId, tick, afterTick: tick > 1 ? tick - 1 : null } },
      }),
      signal: signal ?? null,
    }),
};

async function pending(): Promise<string | undefined> {
  const lines = (await sandbox.metrics()).split('\n');
  return lines.find((line) => line.startsWith('tickloom_log_pending'))?.split(' ')[1];
}

async function lastTick(sessionId: string): Promise<unknown> {
  const answer = await sandbox.ask(
    'game-server',
    'query ($sessionId: ID!) { session(sessionId: $sessionId) { lastTick } }',
    { sessionId },
  );
  const session = answer.data?.session as { lastTick: number } | undefined;
  return session?.lastTick;
}

test.each(Object.entries(roads))(
  'a tick by %s that waits for its turn is given up when its client leaves, and can be sent again',
  async (road, commit) => {
    const sessionId = road.replaceAll(' ', '-');
    await sandbox.openSession(sessionId);
    expect((await commit(sessionId, 1)).status).toBe(200);
    const client = new AbortController();
    const left = commit(sessionId, 3, client.signal).catch((error: Error) => error.name);
    await expect.poll(pending).toBe('1');
    client.abort();
    expect(await left).toBe('AbortError');
    await expect.poll(pending).toBe('0');
    expect((await commit(sessionId, 2)).status).toBe(200);
    expect(await lastTick(sessionId)).toBe(2);
    expect(await (await commit(sessionId, 3)).text()).toContain('"duplicate":false');
    expect(await lastTick(sessionId)).toBe(3);
  },
);
