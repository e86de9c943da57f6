import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { limits } from '../../engine/model/limits.ts';
import { FrameSocket } from './frame-socket.ts';
import { codeOf, Sandbox } from './sandbox.ts';
import { readEvents } from './server-sent.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.start();
  await sandbox.openSession('match');
  await sandbox.commit('match', 1);
});
afterAll(() => sandbox.stop());

const apply = `mutation ($input: AccessInput!, $dryRun: Boolean) {
  applyAccess(input: $input, dryRun: $dryRun) {
    position applied differences { role effect subject name right columns before after }
  }
}`;

interface Changed {
  readonly position: string;
  readonly applied: boolean;
  readonly differences: readonly Record<string, unknown>[];
}

async function change(input: Record<string, unknown>, dryRun = false): Promise<Changed> {
  const answer = await sandbox.ask('admin', apply, { input, dryRun });
  expect(answer.errors).toBeUndefined();
  return answer.data?.applyAccess as Changed;
}

const player = {
  class: 'GAMEPLAY',
  limits: {},
  tables: { unitState: { access: ['read'], onlyWhere: { column: 'ownerId', claim: 'player_id' } } },
};
const units = `subscription {
  unitStateChanges { kind rows { unitId ownerId } removed { unitId } }
}`;

async function socketOf(role: string, more: Record<string, string> = {}): Promise<FrameSocket> {
  const authorization = `Bearer ${await sandbox.token(role, more)}`;
  return FrameSocket.connect(sandbox.url, { authorization });
}

/** The next message of a subscription, heartbeats left out. */
async function nextOf(socket: FrameSocket, id: string) {
  for (;;) {
    const message = await socket.receive((one) => one.id === id);
    const frame = message.payload?.data?.unitStateChanges;
    if (frame?.kind !== 'HEARTBEAT') return frame ?? message;
  }
}

interface ToldRole {
  readonly name: string;
  readonly isOfManifest: boolean;
  readonly definition: object;
}

async function rolesNow(): Promise<{ position: string; roles: ToldRole[] }> {
  const query = '{ access { position roles { name isOfManifest definition } } }';
  const { data } = await sandbox.ask('admin', query);
  return (data as { access: { position: string; roles: ToldRole[] } }).access;
}

describe('a change of roles', () => {
  test('is told by a dry run, done once, and holds over a restart until it is taken back', async () => {
    const tables = { unitState: ['read'] };
    const scout = { class: 'OPERATOR', limits: {}, views: ['matchPulse'], tables };
    const plan = await change({ roles: { scout } }, true);
    expect(plan).toMatchObject({ applied: false, position: '0:0' });
    expect(plan.differences).toContainEqual({
      role: 'scout',
      effect: 'GAINS',
      subject: 'VIEW',
      name: 'matchPulse',
      right: null,
      columns: [],
      before: null,
      after: 'allowed',
    });
    const done = await change({ roles: { scout }, expectedPosition: '0:0' });
    expect(done).toMatchObject({ applied: true, differences: plan.differences });
    const input = { roles: { scout }, expectedPosition: '0:0' };
    expect(codeOf(await sandbox.ask('admin', apply, { input }))).toBe('FENCED');
    await sandbox.restart();
    const now = await rolesNow();
    expect(now.position).toBe(done.position);
    expect(now.roles).toContainEqual({ name: 'scout', isOfManifest: false, definition: scout });
    const list = '{ unitStateList(where: { sessionId: { eq: "match" } }) { nodes { unitId } } }';
    expect(codeOf(await sandbox.ask('scout', list))).toBe('OK');
    await change({ remove: ['scout'] });
    expect(codeOf(await sandbox.ask('scout', list))).toBe('FORBIDDEN');
  });

  test('needs the capability, and leaves it to one', async () => {
    const input = { remove: ['liveops'] };
    expect(codeOf(await sandbox.ask('liveops', apply, { input }))).toBe('FORBIDDEN');
    const last = await sandbox.ask('admin', apply, { input: { remove: ['admin'] } });
    expect(last.errors?.[0]?.message).toContain(
      'no role would be left with the capability "roles"',
    );
  });

  test('narrows running subscriptions within a second, and widens them again', async () => {
    const all = { ...player, tables: { unitState: ['read'] } };
    await change({ roles: { player: all } });
    const socket = await socketOf('player', { player_id: '1', subject: 'ann' });
    socket.subscribe('u', units);
    const first = await nextOf(socket, 'u');
    expect(first.rows.length).toBeGreaterThan(1);
    const beganMs = performance.now();
    await change({ roles: { player } });
    const narrowed = await nextOf(socket, 'u');
    expect(performance.now() - beganMs).toBeLessThan(1_000);
    expect(narrowed).toMatchObject({ kind: 'RESET', rows: [{ unitId: 0, ownerId: 1 }] });
    expect(narrowed.rows).toHaveLength(1);
    await change({ roles: { player: all } });
    expect((await nextOf(socket, 'u')).rows).toHaveLength(first.rows.length);
    await change({ follow: ['player'] });
    expect((await nextOf(socket, 'u')).rows).toHaveLength(1);
    socket.close();
  });

  test('hides a column in the very next rows of a subscription', async () => {
    await change({ roles: { player } });
    const socket = await socketOf('player', { player_id: '1', subject: 'bob' });
    const health = 'subscription { unitStateChanges { kind rows { unitId health } } }';
    socket.subscribe('u', health);
    expect((await nextOf(socket, 'u')).kind).toBe('SNAPSHOT');
    const hidden = { ...player.tables.unitState, hide: ['health'] };
    await change({ roles: { player: { ...player, tables: { unitState: hidden } } } });
    await sandbox.commit('match', 2);
    const message = await socket.receive(
      ({ id, payload }) =>
        id === 'u' && (payload.errors || payload.data.unitStateChanges.rows.length > 0),
    );
    expect(JSON.stringify(message)).toContain('FORBIDDEN');
    expect(message.payload.data.unitStateChanges.rows).toEqual([{ unitId: 0, health: null }]);
    await change({ follow: ['player'] });
    socket.close();
  });

  test('ends subscriptions to what may no longer be seen', async () => {
    const socket = await socketOf('player', { player_id: '1', subject: 'cid' });
    socket.subscribe('u', units);
    expect((await nextOf(socket, 'u')).kind).toBe('SNAPSHOT');
    await change({ roles: { player: { class: 'GAMEPLAY' } } });
    const { type, payload } = await nextOf(socket, 'u');
    expect([type, payload[0].extensions.code]).toEqual(['error', 'FORBIDDEN']);
    await change({ follow: ['player'] });
    socket.close();
  });

  test('refuses ticks from its position on, and answers retries of those before', async () => {
    expect(codeOf(await sandbox.commit('match', 3))).toBe('OK');
    const { roles } = await rolesNow();
    const server = roles.find(({ name }) => name === 'game-server')?.definition;
    await change({ roles: { 'game-server': { ...server, capabilities: ['session'] } } });
    expect(codeOf(await sandbox.commit('match', 4))).toBe('FORBIDDEN');
    const again = await sandbox.commit('match', 3);
    expect(codeOf(again)).toBe('OK');
    await change({ follow: ['game-server'] });
    expect(codeOf(await sandbox.commit('match', 4))).toBe('OK');
  });
});

describe('a subject whose tokens are revoked', () => {
  const revoke =
    'mutation ($subject: String!) { revoke(subject: $subject, reason: "bots") { subject by reason } }';
  const liveops = '{ matchPulse { rows { actions } } }';

  test('loses what runs within a second, and gets in again by a later token alone', async () => {
    const token = await sandbox.token('liveops', { subject: 'mallory' });
    const authorization = `Bearer ${token}`;
    const socket = await FrameSocket.connect(sandbox.url, { authorization });
    socket.subscribe('p', 'subscription { matchPulseChanges { kind } }');
    expect((await socket.next('p')).frame.kind).toBe('SNAPSHOT');
    const beganMs = performance.now();
    const answer = await sandbox.ask('liveops', revoke, { subject: 'mallory' });
    expect(answer.data?.revoke).toMatchObject({ subject: 'mallory', reason: 'bots' });
    expect((await socket.closed).reason).toBe('UNAUTHENTICATED');
    expect(performance.now() - beganMs).toBeLessThan(1_000);
    const ask = () =>
      fetch(`${sandbox.url}/ashfall/graphql`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify({ query: liveops }),
      });
    expect((await ask()).status).toBe(401);
    await sandbox.restart();
    expect((await ask()).status).toBe(401);
    const { data } = await sandbox.ask('liveops', '{ revocations { subject reason } }');
    expect(data?.revocations).toEqual([{ subject: 'mallory', reason: 'bots' }]);
    const back = await sandbox.ask('liveops', 'mutation { unrevoke(subject: "mallory") }');
    expect(back.data?.unrevoke).toBe(true);
    expect((await ask()).status).toBe(200);
    const none = await sandbox.ask('liveops', 'mutation { unrevoke(subject: "mallory") }');
    expect(none.data?.unrevoke).toBe(false);
  });

  test('is told so at the end of its event stream', async () => {
    const token = await sandbox.token('liveops', { subject: 'eve' });
    const response = await fetch(`${sandbox.url}/ashfall/graphql`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'text/event-stream',
      },
      body: JSON.stringify({ query: 'subscription { matchPulseChanges { kind } }' }),
    });
    const events = readEvents(response);
    await events.next();
    await sandbox.ask('liveops', revoke, { subject: 'eve' });
    let last = '';
    for await (const event of events) last += JSON.stringify(event);
    expect(last).toContain('UNAUTHENTICATED');
  });

  test('may be revoked by roles with the capability alone', async () => {
    expect(codeOf(await sandbox.ask('analyst', revoke, { subject: 'eve' }))).toBe('FORBIDDEN');
    expect(codeOf(await sandbox.ask('liveops', revoke, { subject: '' }))).toBe('BAD_USER_INPUT');
    const { rulingReasonLengthMax } = limits;
    const long = `mutation { revoke(subject: "x", reason: "${'x'.repeat(rulingReasonLengthMax + 1)}") { by } }`;
    expect(codeOf(await sandbox.ask('liveops', long))).toBe('BAD_USER_INPUT');
  });
});
