import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { arrowTick } from './arrow-tick.ts';
import { Sandbox } from './sandbox.ts';

let sandbox: Sandbox;

// Everything is slow, so that what is listed does not depend on the machine.
beforeAll(async () => {
  sandbox = await Sandbox.start({ slowMs: 'gameplay=0,operator=0,archival=0' });
  await sandbox.openSession('match');
  await sandbox.commit('match', 1, 3);
});
afterAll(() => sandbox.stop());

const operationsQuery =
  '{ operations(first: 50, orderBy: COUNT) { fingerprint name text kind count failed lastCode totalMs p50Ms p99Ms maxMs rowsRead roles } }';

async function operationsNow() {
  const answer = await sandbox.ask('liveops', operationsQuery);
  expect(answer.errors).toBeUndefined();
  return answer.data?.operations as {
    name: string | null;
    text: string;
    kind: string;
    count: number;
    failed: number;
    lastCode: string | null;
    p99Ms: number;
    maxMs: number;
    rowsRead: number;
    roles: string[];
  }[];
}

describe('what operations came to', () => {
  test('is told by shape over all transports, with counts, roles and codes', async () => {
    for (const tick of [1, 2, 3]) {
      await sandbox.ask(
        'liveops',
        `query Bucket { actionLogGroups(where: {tick: {lt: ${tick}}}) { nodes { count } } }`,
      );
    }
    for (const seconds of [10, 20]) {
      await sandbox.ask(
        'liveops',
        `query Pulse { matchPulse(where: {sessionId: {eq: "m${seconds}"}}) { position } }`,
      );
    }
    await sandbox.ask(
      'analyst',
      'query Ask { sql(query: "SELECT count() FROM actionLog WHERE tick > 7") { rows } }',
    );
    await sandbox.ask(
      'analyst',
      'query Ask { sql(query: "SELECT count() FROM actionLog WHERE tick > 8") { rows } }',
    );
    const found = await operationsNow();
    const named = (name: string) => found.filter((operation) => operation.name === name);
    expect(named('Pulse')).toMatchObject([
      { kind: 'QUERY', count: 2, failed: 0, roles: ['liveops'] },
    ]);
    expect(named('Pulse')[0]?.text).not.toContain('m10');
    const [bucket] = named('Bucket');
    expect(bucket).toMatchObject({ count: 3, roles: ['liveops'] });
    const [ask, ...others] = named('Ask');
    expect(others).toEqual([]);
    expect(ask).toMatchObject({ count: 2, failed: 0 });
    expect(ask?.text).toMatch(/^SELECT count\(\) FROM actionLog WHERE tick > \? -- /);
    for (const operation of found) {
      expect(operation.p99Ms).toBeLessThanOrEqual(operation.maxMs);
    }
  });

  test('counts ticks by the commit endpoint, those that fail among them', async () => {
    const headers = {
      ...(await sandbox.authorization('game-server')),
      'content-type': 'application/vnd.apache.arrow.stream',
      'x-tickloom-fence': '1',
    };
    const post = async (tick: number) =>
      fetch(`${sandbox.url}/ashfall/sessions/match/ticks/${tick}`, {
        method: 'POST',
        headers,
        body: Buffer.from(await arrowTick(tick, 2)),
      });
    expect((await post(2)).status).toBe(200);
    expect((await post(1)).status).toBe(409);
    const [commit] = (await operationsNow()).filter(({ kind }) => kind === 'COMMIT');
    expect(commit).toMatchObject({ name: 'commit', count: 2, failed: 1, roles: ['game-server'] });
  });

  test('is told to roles with the capability "explain" alone', async () => {
    for (const field of ['operations { count }', 'slowQueries { name }', 'insights { kind }']) {
      const answer = await sandbox.ask('analyst', `{ ${field} }`);
      expect(answer.errors?.[0]?.extensions.code).toBe('FORBIDDEN');
      expect((await sandbox.ask('liveops', `{ ${field} }`)).errors).toBeUndefined();
    }
  });
});

describe('the slow log', () => {
  test('lists what was slow, the newest first, and counts it by class', async () => {
    await sandbox.ask('liveops', 'query Late { __typename }');
    const answer = await sandbox.ask(
      'liveops',
      '{ slowQueries(first: 3) { name text kind subject role class requestId elapsedMs waitMs rowsRead code endedAt } }',
    );
    const [newest] = (answer.data?.slowQueries ?? []) as Record<string, unknown>[];
    expect(newest).toMatchObject({
      name: 'Late',
      kind: 'QUERY',
      role: 'liveops',
      class: 'OPERATOR',
    });
    expect(newest?.code).toBeNull();
    expect(await sandbox.metrics()).toMatch(
      /tickloom_slow_operations_total\{title="ashfall",class="OPERATOR"\} [1-9]/,
    );
  });

  test('tells how much of the time was waiting for a position', async () => {
    const answer = await sandbox.ask(
      'liveops',
      'query Ahead { actionLogGroups(minPosition: "0:1") { nodes { count } } }',
    );
    expect(answer.errors).toBeUndefined();
    const slow = await sandbox.ask(
      'liveops',
      '{ slowQueries(first: 1) { name waitMs elapsedMs } }',
    );
    const [ahead] = (slow.data?.slowQueries ?? []) as {
      name: string;
      waitMs: number;
      elapsedMs: number;
    }[];
    expect(ahead?.name).toBe('Ahead');
    expect(ahead?.waitMs).toBeLessThanOrEqual(ahead?.elapsedMs ?? 0);
  });
});

test('insights name an operation that fails, with what to do', async () => {
  for (let i = 0; i < 20; i++) {
    await sandbox.ask('analyst', 'query Broken { sql(query: "SELECT throwIf(1)") { rows } }');
  }
  const answer = await sandbox.ask(
    'liveops',
    '{ insights { kind severity about cause evidence mend } }',
  );
  expect(answer.data?.insights).toContainEqual(
    expect.objectContaining({
      kind: 'FAILING_OPERATION',
      severity: 'WARNING',
      about: expect.stringContaining('Broken'),
    }),
  );
});
