import { afterAll, beforeAll, expect, test } from 'vitest';
import { limits } from '../../engine/model/limits.ts';
import { FrameSocket } from './frame-socket.ts';
import { codeOf, Sandbox } from './sandbox.ts';
import { unlimitedAshfall } from './unlimited-ashfall.ts';

/** More rows of unitState than may be looked at; few of them are of player 7. */
const rowsATick = 5_001;
const ownRows = 12;
const commit = `mutation ($input: CommitTickInput!) { commitTick(input: $input) { position aborted } }`;
const list = `query ($where: UnitStateWhere) {
  unitStateList(where: $where, orderBy: [{ column: unitId }]) { nodes { unitId health } position }
}`;
const changes = `subscription ($where: UnitStateWhere) {
  unitStateChanges(where: $where) { kind position rows { unitId health } removed { unitId } }
}`;

let sandbox: Sandbox;
let player: { authorization: string };
let tick = 0;

async function write(effects: readonly object[]): Promise<string> {
  tick += 1;
  const input = { sessionId: 'match', tick, effects };
  const answer = await sandbox.ask('game-server', commit, { input });
  expect(answer.data?.commitTick).toMatchObject({ aborted: false });
  const written = answer.data?.commitTick as { position: string } | undefined;
  return written?.position ?? '';
}

async function ask(where: object, headers: Record<string, string> = {}) {
  const body = JSON.stringify({ query: list, variables: { where } });
  return sandbox.post(body, { ...player, 'content-type': 'application/json', ...headers });
}

const setHealth = (unitId: number, health: number) => ({
  unitState: { upsert: { key: { unitId }, set: { ownerId: 7, health } } },
});

beforeAll(async () => {
  sandbox = await Sandbox.start({}, unlimitedAshfall);
  await sandbox.openSession('match');
  for (let first = 0; first <= limits.scanRowsMax; first += rowsATick) {
    await write(
      Array.from({ length: rowsATick }, (_, i) => {
        const ownerId = first + i < ownRows ? 7 : 8;
        return { unitState: { insert: { unitId: first + i, ownerId, health: 1 } } };
      }),
    );
  }
  const token = await sandbox.token('player', { subject: 'watcher', player_id: '7' });
  player = { authorization: `Bearer ${token}` };
}, 120_000);
afterAll(() => sandbox.stop());

test('GAMEPLAY may neither list nor watch what no key or index serves, and is told what would', async () => {
  const where = { sessionId: { eq: 'match' } };
  const listed = await sandbox.ask('game-server', list, { where });
  expect(codeOf(listed)).toBe('SCAN_REFUSED');
  expect(listed.errors?.[0]?.message).toMatch(
    /give sessionId and unitId, or sessionId and ownerId/,
  );
  const socket = await FrameSocket.connect(sandbox.url, {
    ...(await sandbox.authorization('game-server')),
  });
  socket.send({ id: 'w', type: 'subscribe', payload: { query: changes, variables: { where } } });
  const { payload } = await socket.receive(({ id }) => id === 'w');
  expect((payload.errors ?? payload)[0].extensions.code).toBe('SCAN_REFUSED');
  socket.close();
  await socket.closed;
  const served = await sandbox.ask('game-server', list, {
    where: { ...where, ownerId: { eq: 7 } },
  });
  expect(codeOf(served)).toBe('OK');
});

test('others get them from the column store, with every row that they have seen', async () => {
  for (let health = 2; health < 6; health++) {
    const position = await write([setHealth(3, health)]);
    const answer = await ask({ health: { gt: 1 } }, { 'x-tickloom-read-after': position });
    expect(answer.data?.unitStateList).toEqual({ nodes: [{ unitId: 3, health }], position });
  }
});

test('a first frame of them is joined by what comes next, without a gap', async () => {
  const socket = await FrameSocket.connect(sandbox.url, player);
  const variables = { where: { health: { gte: 0 } } };
  socket.send({ id: 's', type: 'subscribe', payload: { query: changes, variables } });
  for (let unitId = 0; unitId < ownRows; unitId++) await write([setHealth(unitId, 50 + unitId)]);
  await write([{ unitState: { delete: { key: { unitId: 0 } } } }]);
  const rows = new Map<number, number>();
  while (rows.get(0) !== undefined || rows.get(ownRows - 1) !== 50 + ownRows - 1) {
    const { payload } = await socket.receive(({ id }) => id === 's');
    const frame = payload.data.unitStateChanges;
    if (rows.size === 0) expect(frame.kind).toBe('SNAPSHOT');
    for (const { unitId } of frame.removed) rows.delete(unitId);
    for (const { unitId, health } of frame.rows) rows.set(unitId, health);
  }
  expect([...rows]).toHaveLength(ownRows - 1);
  for (let unitId = 1; unitId < ownRows; unitId++) expect(rows.get(unitId)).toBe(50 + unitId);
  socket.close();
  await socket.closed;
});
