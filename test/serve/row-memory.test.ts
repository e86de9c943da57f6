import { afterAll, beforeAll, expect, test } from 'vitest';
import { commitTick, Sandbox } from './sandbox.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.start({ rowMemory: '6MB' });
  await sandbox.openSession('match');
});
afterAll(() => sandbox.stop());

let tick = 0;
const commit = (effects: readonly object[]) =>
  sandbox.ask('game-server', commitTick, { input: { sessionId: 'match', tick: ++tick, effects } });

test('a server whose rows fill --row-memory refuses new ones with QUOTA_EXCEEDED; the rest goes on', async () => {
  const insert = (unitId: number) => ({ unitState: { insert: { unitId, ownerId: 1 } } });
  let inserted = 0;
  let answer = await commit([insert(inserted++)]);
  while (!answer.errors && inserted < 200_000) {
    answer = await commit(Array.from({ length: 4_000 }, () => insert(inserted++)));
  }
  expect(answer.errors?.[0]?.extensions).toMatchObject({
    code: 'QUOTA_EXCEEDED',
    category: 'overload',
    details: { limit: 'rowMemoryBytesMax', max: 6 * 2 ** 20 },
  });
  tick--;
  const update = {
    unitState: { compareAndSet: { key: { unitId: 1 }, expectedVersion: 1, set: { ownerId: 2 } } },
  };
  expect((await commit([update])).data?.commitTick).toMatchObject({ aborted: false });
  expect(
    (await commit([{ unitState: { delete: { key: { unitId: 2 } } } }])).data?.commitTick,
  ).toMatchObject({ aborted: false });
  expect((await commit([insert(1_000_000)])).errors?.[0]?.extensions.code).toBe('QUOTA_EXCEEDED');
  const read = await sandbox.ask(
    'game-server',
    '{ unitState(key: { sessionId: "match", unitId: 1 }) { ownerId version } }',
  );
  expect(read.data?.unitState).toEqual({ ownerId: 2, version: 2 });
});
