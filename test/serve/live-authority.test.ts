import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { askServer } from '../../src/cli/control-client.ts';
import { FrameSocket } from './frame-socket.ts';
import { RealProvider } from './real-provider.ts';
import { codeOf, Sandbox } from './sandbox.ts';
import { serveTitle } from './served.ts';
import { readEvents } from './server-sent.ts';

vi.mock('../../src/serving-limits.ts', async (original) => {
  const { servingLimits } = await original<typeof import('../../src/serving-limits.ts')>();
  const small = {
    introspectionRememberedMs: 100,
    introspectionRecheckMs: 200,
    introspectionSilenceMaxMs: 300,
  };
  return { servingLimits: { ...servingLimits, ...small } };
});

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.start();
  await sandbox.openSession('match');
  await sandbox.commit('match', 1);
});
afterAll(() => sandbox.stop());

const units = `subscription Units($cursor: String) {
  unitStateChanges(cursor: $cursor) { kind cursor rows { unitId ownerId } removed { unitId } }
}`;
const pulse = 'subscription { matchPulseChanges { kind cursor rows { actions } } }';

async function bearer(role: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
  return `Bearer ${await sandbox.token(role, more)}`;
}

/** The next frame of units, heartbeats left out. */
async function unitsOf(socket: FrameSocket, id: string) {
  for (;;) {
    const { payload } = await socket.receive((message) => message.id === id);
    const frame = payload.data?.unitStateChanges;
    if (frame?.kind !== 'HEARTBEAT') return frame ?? payload;
  }
}

/** What a token handed over on an open socket is answered. */
async function refresh(socket: FrameSocket, payload: Record<string, unknown>) {
  socket.send({ type: 'ping', payload });
  return (await socket.receive(({ type }) => type === 'pong')).payload;
}

let tick = 1;
async function moveUnits(): Promise<void> {
  tick++;
  expect(codeOf(await sandbox.commit('match', tick))).toBe('OK');
}

async function revoke(input: Record<string, unknown>): Promise<void> {
  await askServer(sandbox.directory, 'POST', '/denied', input);
}

async function allow(input: Record<string, unknown>): Promise<void> {
  await askServer(sandbox.directory, 'POST', '/allowed', input);
}

describe('a token that is followed by another on an open WebSocket', () => {
  test('keeps the subscriptions as they are, past the end of the first', async () => {
    const player = { player_id: '1', subject: 'ann' };
    const first = await bearer('player', { ...player, ttl: '3' });
    const socket = await FrameSocket.connect(sandbox.url, { authorization: first });
    socket.subscribe('u', units);
    expect(await unitsOf(socket, 'u')).toMatchObject({ kind: 'SNAPSHOT', rows: [{ unitId: 0 }] });
    const told = await refresh(socket, { authorization: await bearer('player', player) });
    expect(told.tickloom.tokenExpiresInMs).toBeGreaterThan(800_000);
    const late = await FrameSocket.connect(sandbox.url, { authorization: first });
    expect((await late.closed).reason).toBe('TOKEN_EXPIRED');
    await moveUnits();
    expect(await unitsOf(socket, 'u')).toMatchObject({ kind: 'DELTA', rows: [{ unitId: 0 }] });
    socket.close();
  });

  test('may see other rows: those of before leave in the same frame', async () => {
    const authorization = await bearer('player', { player_id: '1', subject: 'bob' });
    const socket = await FrameSocket.connect(sandbox.url, { authorization });
    socket.subscribe('u', units);
    expect(await unitsOf(socket, 'u')).toMatchObject({ rows: [{ unitId: 0, ownerId: 1 }] });
    const other = await bearer('player', { player_id: '2', subject: 'bob' });
    await refresh(socket, { authorization: other });
    const frame = await unitsOf(socket, 'u');
    expect(frame).toMatchObject({ kind: 'RESET', rows: [{ unitId: 1, ownerId: 2 }] });
    expect(frame.rows).toHaveLength(1);
    await moveUnits();
    expect(await unitsOf(socket, 'u')).toMatchObject({ kind: 'DELTA', rows: [{ unitId: 1 }] });
    socket.close();
  });

  test('may see nothing any more: the subscription ends and says so, the connection goes on', async () => {
    const authorization = await bearer('liveops', { subject: 'cid' });
    const socket = await FrameSocket.connect(sandbox.url, { authorization });
    socket.subscribe('p', pulse);
    expect((await socket.next('p')).frame.kind).toBe('SNAPSHOT');
    await refresh(socket, { authorization: await bearer('analyst', { subject: 'cid' }) });
    const { type, payload } = await socket.receive(({ id }) => id === 'p');
    expect([type, payload[0].extensions.code]).toEqual(['error', 'FORBIDDEN']);
    socket.subscribe('q', '{ sql(query: "SELECT 1") { rows } }');
    expect((await socket.next('q')).errors).toBeUndefined();
    socket.close();
  });

  test('that does not fit leaves the one before in force', async () => {
    const authorization = await bearer('player', { player_id: '1', subject: 'dan' });
    const socket = await FrameSocket.connect(sandbox.url, { authorization });
    const wrong: [Record<string, unknown>, string][] = [
      [{ authorization: await bearer('player', { subject: 'eve' }) }, 'FORBIDDEN'],
      [{ authorization: 'Bearer nonsense' }, 'UNAUTHENTICATED'],
      [{ authorization: `Bearer ${await sandbox.expiredToken('player')}` }, 'TOKEN_EXPIRED'],
      [{ authorization, 'x-tickloom-role': 'admin' }, 'FORBIDDEN'],
    ];
    for (const [payload, code] of wrong) {
      const told = await refresh(socket, payload);
      expect(told.errors[0].extensions.code).toBe(code);
    }
    expect(await refresh(socket, { any: 'payload' })).toEqual({ any: 'payload' });
    socket.subscribe('u', units);
    expect(await unitsOf(socket, 'u')).toMatchObject({ kind: 'SNAPSHOT' });
    socket.close();
  });

  test('is not verified before the connection is signed in', async () => {
    const closed = FrameSocket.refused(sandbox.url, { authorization: 'Bearer x' });
    expect(await closed).toMatchObject({ code: 4401 });
  });
});

describe('a subject or token that the operator revokes', () => {
  test('loses its WebSockets and streams within a second, and gets in no more', async () => {
    const authorization = await bearer('liveops', { subject: 'mallory' });
    const socket = await FrameSocket.connect(sandbox.url, { authorization });
    socket.subscribe('p', pulse);
    await socket.next('p');
    const stream = readEvents(await streamOf(authorization, pulse));
    await stream.next();
    const bystander = await FrameSocket.connect(sandbox.url, await authorizationOf('liveops'));

    const startedMs = performance.now();
    await revoke({ subject: 'mallory' });
    expect(await socket.closed).toEqual({ code: 4401, reason: 'UNAUTHENTICATED' });
    let last = await stream.next();
    while (last.value?.errors === undefined) last = await stream.next();
    expect(last.value.errors[0]?.extensions.code).toBe('UNAUTHENTICATED');
    expect((await stream.next()).done).toBe(true);
    expect(performance.now() - startedMs).toBeLessThan(1_000);

    const headers = { authorization, 'content-type': 'application/json' };
    expect((await sandbox.post('{"query":"{ __typename }"}', headers)).status).toBe(401);
    expect(await refresh(bystander, { any: 1 })).toEqual({ any: 1 });
    bystander.close();
    expect(await sandbox.metrics()).toMatch(/auth_failures_total\{reason="denied"\} [1-9]/);
  });

  test('stays out over a restart, until it is taken back or its time is over', async () => {
    const authorization = await bearer('liveops', { subject: 'trudy', jti: 'token-7' });
    const headers = { authorization, 'content-type': 'application/json' };
    const status = async () => (await sandbox.post('{"query":"{ __typename }"}', headers)).status;
    await revoke({ jti: 'token-7' });
    await sandbox.restart();
    expect(await status()).toBe(401);
    await allow({ jti: 'token-7' });
    expect(await status()).toBe(200);
    await revoke({ subject: 'trudy', until: new Date(Date.now() + 700).toISOString() });
    expect(await status()).toBe(401);
    await vi.waitFor(async () => expect(await status()).toBe(200), 5_000);
  });

  test.each<[string, Record<string, unknown>, RegExp]>([
    ['neither', {}, /^BAD_USER_INPUT: give either subject or jti/],
    ['both', { subject: 'a', jti: 'b' }, /give either/],
    ['an empty subject', { subject: '' }, /not empty/],
    ['a time that is over', { subject: 'a', until: '2020-01-01T00:00Z' }, /time in the future/],
    ['no time', { subject: 'a', until: 'soon' }, /time in the future/],
  ])('is not %s', async (_what, input, refusal) => {
    await expect(askServer(sandbox.directory, 'POST', '/denied', input)).rejects.toThrow(refusal);
    await expect(askServer(sandbox.directory, 'POST', '/allowed', { jti: 'x' })).rejects.toThrow(
      /^NOT_FOUND/,
    );
  });
});

test('a stream resumes with a cursor under another token, and shows its rows alone', async () => {
  const first = await bearer('player', { player_id: '1', subject: 'fay' });
  const cursor = await firstCursor(await streamOf(first, units));
  const second = await bearer('player', { player_id: '2', subject: 'fay' });
  const again = await streamOf(second, units, { cursor });
  expect(await firstFrame(again)).toMatchObject({ kind: 'RESET', rows: [{ ownerId: 2 }] });
});

test('a commit by a role of several that the token lacks is refused before its body', async () => {
  const authorization = await bearer('game-server');
  const url = `${sandbox.url}/ashfall/sessions/match/ticks/900`;
  const headers = { authorization, 'x-tickloom-role': 'liveops' };
  expect((await fetch(url, { method: 'POST', headers })).status).toBe(403);
});

test('a token that its provider takes back ends what runs; a silent provider does later', async () => {
  const provider = await RealProvider.start({ format: 'opaque' });
  const server = await serveTitle(
    { oidcIssuer: provider.url, oidcClientId: 'tickloom' },
    { environment: { TICKLOOM_OIDC_CLIENT_SECRET: 'secret-of-tickloom' } },
  );
  const [token, other] = [await provider.token(), await provider.token()];
  const open = (of: string) => FrameSocket.connect(server.url, { authorization: `Bearer ${of}` });
  const [socket, silent] = [await open(token), await open(other)];
  await provider.revoke(token);
  expect(await socket.closed).toEqual({ code: 4401, reason: 'UNAUTHENTICATED' });
  await provider.down();
  expect(await silent.closed).toEqual({ code: 1013, reason: 'UNAVAILABLE' });
  await provider.up();
}, 60_000);

test('claims that the provider changes change what a stream shows', async () => {
  const claims = { tickloom_role: ['liveops', 'analyst'] };
  const provider = await RealProvider.start({ format: 'opaque', claims });
  const server = await serveTitle(
    { oidcIssuer: provider.url, oidcClientId: 'tickloom' },
    { environment: { TICKLOOM_OIDC_CLIENT_SECRET: 'secret-of-tickloom' } },
  );
  const authorization = `Bearer ${await provider.token()}`;
  const as = (role: string) => ({ authorization, 'X-Tickloom-Role': role });
  expect(await FrameSocket.refused(server.url, as('admin'))).toMatchObject({ code: 4403 });
  const analyst = await FrameSocket.connect(server.url, as('analyst'));
  analyst.subscribe('p', pulse);
  expect((await analyst.next('p')).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
  analyst.close();
  const socket = await FrameSocket.connect(server.url, { authorization });
  socket.subscribe('p', pulse);
  await socket.next('p');
  const stream = readEvents(await streamOf(authorization, pulse, {}, server.url));
  await stream.next();
  provider.instead = ({ url }, response) => {
    if (!url.includes('introspection')) return false;
    const told = {
      active: true,
      aud: 'tickloom',
      client_id: 'game',
      exp: Math.floor(Date.now() / 1000) + 600,
      tickloom_title: 'ashfall',
      tickloom_role: 'analyst',
    };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(told));
    return true;
  };
  const { type, payload } = await socket.receive(({ id }) => id === 'p');
  expect([type, payload[0].extensions.code]).toEqual(['error', 'FORBIDDEN']);
  let last = await stream.next();
  while (last.value?.errors === undefined) last = await stream.next();
  expect(last.value.errors[0]?.extensions.code).toBe('FORBIDDEN');
  expect((await stream.next()).done).toBe(true);
  socket.close();
}, 60_000);

async function authorizationOf(role: string): Promise<{ authorization: string }> {
  return { authorization: await bearer(role) };
}

function streamOf(
  authorization: string,
  query: string,
  variables: Record<string, unknown> = {},
  url = sandbox.url,
): Promise<Response> {
  return fetch(`${url}/ashfall/graphql`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ query, variables }),
  });
}

async function firstFrame(response: Response) {
  for await (const event of readEvents(response)) {
    // biome-ignore lint/suspicious/noExplicitAny: frames of another table than the reader's own
    return (event as any).data.unitStateChanges;
  }
  throw new Error('the stream ended');
}

async function firstCursor(response: Response): Promise<string> {
  return (await firstFrame(response)).cursor;
}
