import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { RoleLimits } from '../../engine/model/types.ts';
import { AshfallClient } from '../../examples/ashfall/tickloom.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { FrameSocket } from '../serve/frame-socket.ts';
import { codeOf, Sandbox } from '../serve/sandbox.ts';
import { StoppedClock } from './stopped-clock.ts';

/** The reference title, in which a dashboard has a bound too. */
const limits: RoleLimits = { requestsPerSecond: 4 };
const title = {
  ...ashfall,
  roles: ashfall.roles.map((role) => (role.name === 'liveops' ? { ...role, limits } : role)),
};

let sandbox: Sandbox;
beforeAll(async () => {
  const flags = { titleRequestsPerSecond: '6', titleSubscriptions: '1' };
  sandbox = await Sandbox.start(flags, title);
  await sandbox.openSession('match');
});
afterAll(() => sandbox.stop());

const clock = new StoppedClock();
afterEach(() => clock.start());

const session = '{ session(sessionId: "match") { lastTick } }';

test('the SDK waits as long as it is told, and its calls succeed', async () => {
  const client = new AshfallClient({ url: sandbox.url, token: () => sandbox.token('liveops') });
  const asked = Array.from({ length: 10 }, () => client.actionLog.groups({ by: ['kind'] }));
  expect(await Promise.all(asked)).toHaveLength(10);
  expect(await sandbox.metrics()).toMatch(
    /tickloom_rate_limited_total\{title="ashfall",role="liveops",bound="requestsPerSecond",of="client"\} [1-9]/,
  );
});

test('a title has a bound for all its clients, which does not hold up those who commit', async () => {
  clock.stop();
  clock.pass(60_000);
  const codes: string[] = [];
  for (let i = 0; i < 4; i++) codes.push(codeOf(await sandbox.ask('liveops', session)));
  for (let i = 0; i < 3; i++) codes.push(codeOf(await sandbox.ask('player', '{ __typename }')));
  expect(codes).toEqual([...Array(6).fill('OK'), 'RATE_LIMITED']);
  const refused = await sandbox.ask('analyst', '{ __typename }');
  expect(refused.errors?.[0]?.extensions.details).toEqual({
    bound: 'requestsPerSecond',
    of: 'title',
    max: 6,
  });
  for (let tick = 1; tick <= 20; tick++) {
    expect(codeOf(await sandbox.commit('match', tick))).toBe('OK');
  }
  clock.pass(1_000);
  expect(codeOf(await sandbox.ask('analyst', '{ __typename }'))).toBe('OK');
});

test('a title has a bound for its subscriptions', async () => {
  clock.stop();
  clock.pass(10_000);
  const authorization = await sandbox.authorization('liveops');
  const first = await FrameSocket.connect(sandbox.url, authorization);
  const second = await FrameSocket.connect(sandbox.url, authorization);
  const pulse = 'subscription { matchPulseChanges { kind } }';
  first.subscribe('1', pulse);
  expect((await first.receive(({ id }) => id === '1')).payload.errors).toBeUndefined();
  second.subscribe('1', pulse);
  const { payload } = await second.receive(({ id }) => id === '1');
  expect(payload.errors[0].extensions).toMatchObject({
    code: 'QUOTA_EXCEEDED',
    details: { bound: 'subscriptions', of: 'title', max: 1 },
  });
  first.close();
  second.close();
});
