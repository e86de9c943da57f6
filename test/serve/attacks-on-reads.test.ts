import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { limits } from '../../engine/model/limits.ts';
import { FrameSocket } from './frame-socket.ts';
import { type Answer, codeOf, Sandbox } from './sandbox.ts';
import { unlimitedAshfall } from './unlimited-ashfall.ts';

/** Rows of the attacker's own, so that its row filter hides none of them. */
const rowsOfAttacker = 20_000;
const rowsATick = 5_000;
const units = `query Units($where: UnitStateWhere, $orderBy: [UnitStateOrder!], $after: String) {
  unitStateList(where: $where, orderBy: $orderBy, first: 2, after: $after) {
    nodes { unitId }
    pageInfo { endCursor hasNextPage }
  }
}`;
const changes =
  'subscription Units($where: UnitStateWhere) { unitStateChanges(where: $where) { kind position rows { unitId } } }';
const commit = `mutation Commit($input: CommitTickInput!) { commitTick(input: $input) { accepted aborted } }`;

let sandbox: Sandbox;
let player: { authorization: string };
let tick = 0;

beforeAll(async () => {
  sandbox = await Sandbox.start({}, unlimitedAshfall);
  await sandbox.openSession('match');
  await sandbox.openSession('game');
  for (let first = 0; first < rowsOfAttacker; first += rowsATick) {
    const effects = Array.from({ length: rowsATick }, (_, i) => {
      const blueprint = `${'ab'.repeat(20)}${first + i}`;
      return {
        unitState: { insert: { unitId: first + i, ownerId: 7, blueprint, orderKind: 'x' } },
      };
    });
    tick += 1;
    const input = { sessionId: 'match', tick, effects };
    expect(codeOf(await sandbox.ask('game-server', commit, { input }))).toBe('OK');
  }
  const token = await sandbox.token('player', { subject: 'attacker', player_id: '7' });
  player = { authorization: `Bearer ${token}` };
}, 120_000);
afterAll(() => sandbox.stop());

async function ask(query: string, variables: Record<string, unknown> = {}): Promise<Answer> {
  const body = JSON.stringify({ query, variables });
  return sandbox.post(body, { ...player, 'content-type': 'application/json' });
}

/** Ticks of another match, one after the other, that are answered before the attack is. */
async function ticksDuring(attack: Promise<unknown>): Promise<number> {
  let over = false;
  void attack.then(() => {
    over = true;
  });
  let ticks = 0;
  while (!over) {
    ticks += 1;
    gameTick += 1;
    const answer = await sandbox.commit('game', gameTick);
    expect(codeOf(answer)).toBe('OK');
  }
  return ticks;
}
let gameTick = 0;

const costly = (likes: number, length = 100) => ({
  sessionId: { eq: 'match' },
  or: Array.from({ length: likes }, (_, i) => ({
    blueprint: { like: `%${'a_'.repeat(length / 2)}${i}%` },
  })),
});

describe('while a player reads what costs much, ticks are answered', () => {
  test('with hundreds of long patterns over its rows, which are refused with the mend', async () => {
    const attack = ask(units, { where: costly(900) });
    const ticks = await ticksDuring(attack);
    const answer = await attack;
    expect(codeOf(answer)).toBe('LIMIT_EXCEEDED');
    expect(answer.errors?.[0]?.message).toMatch(
      /give sessionId and unitId, or sessionId and ownerId/,
    );
    expect(answer.errors?.[0]?.extensions.details).toMatchObject({ limit: 'operationUnitsMax' });
    expect(ticks).toBeGreaterThan(1);
  });

  test('with one scan under many names: they share one budget', async () => {
    const where = costly(10);
    const fields = Array.from(
      { length: 200 },
      (_, i) => `a${i}: unitStateList(where: $where, first: 1) { nodes { unitId } }`,
    );
    const attack = ask(`query Many($where: UnitStateWhere) { ${fields.join(' ')} }`, { where });
    expect(await ticksDuring(attack)).toBeGreaterThan(1);
    expect(codeOf(await attack)).toBe('LIMIT_EXCEEDED');
  });

  test('with a list of values, which costs one look into a set a row', async () => {
    const values = Array.from({ length: 9_900 }, (_, i) => 1_000_000 + i);
    const where = { targetUnitId: { in: values } };
    const answer = await ask(units, { where });
    expect(codeOf(answer)).toBe('OK');
    expect(answer.data?.unitStateList).toMatchObject({ nodes: [] });
  });

  test('with exports of long lists under many names: they share one budget', async () => {
    const values = Array.from({ length: 9_900 }, (_, i) => i);
    const input = { table: 'unitState', where: { unitId: { in: values } } };
    const fields = Array.from(
      { length: 60 },
      (_, i) => `a${i}: createExport(input: $input) { id }`,
    );
    const query = `mutation Many($input: CreateExportInput!) { ${fields.join(' ')} }`;
    const attack = sandbox.ask('analyst', query, { input });
    expect(await ticksDuring(attack)).toBeGreaterThan(1);
    expect(codeOf(await attack)).toBe('LIMIT_EXCEEDED');
  });

  test('with a client that has left, whose read ends with it', async () => {
    const abort = new AbortController();
    const request = fetch(`${sandbox.url}/ashfall/graphql`, {
      method: 'POST',
      body: JSON.stringify({ query: units, variables: { where: costly(20) } }),
      headers: { ...player, 'content-type': 'application/json' },
      signal: abort.signal,
    }).catch(() => 'left');
    await sandbox.commit('game', ++gameTick);
    abort.abort();
    await request;
    expect(codeOf(await sandbox.commit('game', ++gameTick))).toBe('OK');
  });

  test('with subscriptions: a condition is bounded, and all of a subject together', async () => {
    const socket = await FrameSocket.connect(sandbox.url, player);
    const first = async (id: string) => {
      const { type, payload } = await socket.receive((message) => message.id === id);
      return type === 'error' || payload?.errors
        ? (payload.errors ?? payload)[0].extensions
        : { code: 'OK' };
    };
    socket.send({
      id: 'costly',
      type: 'subscribe',
      payload: { query: changes, variables: { where: costly(900) } },
    });
    expect(await first('costly')).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      details: { limit: 'subscriptionUnitsMax' },
    });
    const refused: string[] = [];
    const many = (async () => {
      for (let i = 0; i < 150; i++) {
        const where = {
          sessionId: { eq: 'match' },
          blueprint: { like: `%a%b%${i}%` },
          unitId: { gte: i },
        };
        socket.send({
          id: `s${i}`,
          type: 'subscribe',
          payload: { query: changes, variables: { where } },
        });
      }
      for (let i = 0; i < 150; i++) {
        const answer = await first(`s${i}`);
        if (answer.code !== 'OK') refused.push(answer.details.limit);
      }
    })();
    expect(await ticksDuring(many)).toBeGreaterThan(1);
    expect(new Set(refused)).toEqual(new Set(['subjectSubscriptionUnitsMax']));
    expect(refused.length).toBeLessThan(150);
    socket.close();
    await socket.closed;
  });
});

describe('a page after a cursor', () => {
  const page = async (variables: Record<string, unknown>) => {
    const answer = await ask(units, variables);
    return answer.data?.unitStateList as { pageInfo: { endCursor: string } };
  };

  test('is of the same where and order as the page before, else it is refused', async () => {
    const where = { sessionId: { eq: 'match' } };
    const orderBy = [{ column: 'health', direction: 'ASC' }];
    const { endCursor: after } = (await page({ where, orderBy })).pageInfo;
    expect(codeOf(await ask(units, { where, orderBy, after }))).toBe('OK');
    for (const other of [
      { where },
      { where, orderBy: [{ column: 'health', direction: 'DESC' }] },
      { where, orderBy: [{ column: 'x', direction: 'ASC' }] },
      { where: { ...where, unitId: { lt: 100 } }, orderBy },
    ]) {
      expect(codeOf(await ask(units, { ...other, after }))).toBe('BAD_USER_INPUT');
    }
  });

  test('is refused for a cursor that somebody has made up, whatever stands in it', async () => {
    const where = { sessionId: { eq: 'match' } };
    const { endCursor } = (await page({ where })).pageInfo;
    const [digest] = JSON.parse(Buffer.from(endCursor, 'base64url').toString()) as string[];
    const forged = [
      'x',
      '',
      Buffer.from('[1]').toString('base64url'),
      ...[
        [{}, {}],
        ['match', 'x'],
        ['match', -1],
        ['match', null],
        [1, 1],
        [null, null],
        ['match', 1e300],
      ].map((values) => Buffer.from(JSON.stringify([digest, ...values])).toString('base64url')),
    ];
    for (const after of forged) {
      expect(codeOf(await ask(units, { where, after }))).toBe('BAD_USER_INPUT');
    }
  });
});

test('a player is not told how many rows there are that it may not see', async () => {
  const token = await sandbox.token('player', { subject: 'other', player_id: '99' });
  const body = JSON.stringify({
    query:
      '{ unitStateList(first: 5) { nodes { unitId } } unitState(key: { sessionId: "match", unitId: 1 }) { unitId } }',
  });
  const answer = await sandbox.post(body, {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
  });
  expect(answer.data).toEqual({ unitStateList: { nodes: [] }, unitState: null });
  expect(answer.extensions?.tickloom).toMatchObject({ rowsRead: 0 });
});

test('the budget of an operation reads a table of a million rows with a usual condition', () => {
  expect(limits.operationUnitsMax).toBeGreaterThan(1_000_000 * (limits.rowReadUnits + 8));
});
