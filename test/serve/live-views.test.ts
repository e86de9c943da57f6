import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ashfallOfOwners } from '../units-by-owner.ts';
import { FrameSocket } from './frame-socket.ts';
import { commitTick, Sandbox } from './sandbox.ts';

const fields = 'sessionId ownerId units health weakest blueprints';
const changes = `subscription Units($cursor: String) {
  unitsByOwnerChanges(cursor: $cursor) {
    kind cursor rows { ${fields} } removed { sessionId ownerId }
  }
}`;

let sandbox: Sandbox;
let tick = 0;

beforeAll(async () => {
  sandbox = await Sandbox.start({}, ashfallOfOwners);
  await sandbox.openSession('live');
});
afterAll(() => sandbox.stop());

async function commit(...effects: readonly object[]): Promise<void> {
  const input = { sessionId: 'live', tick: ++tick, effects };
  const answer = await sandbox.ask('game-server', commitTick, { input });
  expect(answer.data?.commitTick).toMatchObject({ tick, aborted: false });
}

async function rowsOf(view: string): Promise<unknown> {
  const answer = await sandbox.ask('liveops', `{ ${view} { rows { ${fields} } } }`);
  if (!answer.data) throw new Error(JSON.stringify(answer.errors));
  return (answer.data[view] as { rows: unknown }).rows;
}

async function connect(): Promise<FrameSocket> {
  return FrameSocket.connect(sandbox.url, { ...(await sandbox.authorization('liveops')) });
}

async function nextFrame(socket: FrameSocket): Promise<unknown> {
  const { payload } = await socket.receive((message) => message.id === '1');
  return payload.data.unitsByOwnerChanges;
}

const upsert = (unitId: number, ownerId: number, health: number, blueprint = 'tank') => ({
  unitState: { upsert: { key: { unitId }, set: { ownerId, health, blueprint } } },
});
const remove = (unitId: number) => ({ unitState: { delete: { key: { unitId } } } });
const owner = (ownerId: number, units: number, health: number, weakest: number, kinds = 1) => ({
  sessionId: 'live',
  ownerId,
  units,
  health,
  weakest,
  blueprints: kinds,
});

describe('a view of live rows', () => {
  test('follows rows that change and go, in queries, frames and tops, over a restart', async () => {
    let socket = await connect();
    socket.subscribe('1', changes);
    expect(await nextFrame(socket)).toMatchObject({ kind: 'SNAPSHOT', rows: [] });

    await commit(upsert(1, 7, 100), upsert(2, 7, 50, 'scout'), upsert(3, 8, 80));
    expect(await nextFrame(socket)).toMatchObject({
      kind: 'DELTA',
      rows: [owner(7, 2, 150, 50, 2), owner(8, 1, 80, 80)],
      removed: [],
    });
    expect(await rowsOf('strongestOwner')).toEqual([owner(7, 2, 150, 50, 2)]);

    // Captured, and killed: two groups change. Then the last unit of a player goes.
    await commit(upsert(2, 8, 50, 'scout'), remove(1));
    const frame = await nextFrame(socket);
    expect(frame).toMatchObject({
      kind: 'DELTA',
      rows: [owner(8, 2, 130, 50, 2)],
      removed: [{ sessionId: 'live', ownerId: 7 }],
    });
    expect(await rowsOf('unitsByOwner')).toEqual([owner(8, 2, 130, 50, 2)]);
    expect(await rowsOf('strongestOwner')).toEqual([owner(8, 2, 130, 50, 2)]);
    socket.close();

    await sandbox.restart();
    expect(await rowsOf('unitsByOwner')).toEqual([owner(8, 2, 130, 50, 2)]);
    expect(await rowsOf('strongestOwner')).toEqual([owner(8, 2, 130, 50, 2)]);
    socket = await connect();
    socket.subscribe('1', changes, { cursor: (frame as { cursor: string }).cursor });
    expect(await nextFrame(socket)).toMatchObject({ kind: 'DELTA', rows: [], removed: [] });
    await commit(remove(2), upsert(3, 8, 80.5));
    expect(await nextFrame(socket)).toMatchObject({
      kind: 'DELTA',
      rows: [owner(8, 1, 80.5, 80.5)],
      removed: [],
    });
    socket.close();
  });
});
