import { expect, test } from 'vitest';
import { openTitleApi } from './title-api.ts';

const tick = `mutation ($tick: Int!) {
  commitTick(input: { sessionId: "m1", tick: $tick, actions: [
    { actionId: "a", playerId: 1, kind: MOVE, effects: [
      { unitState: { upsert: { key: { unitId: 7 }, set: { ownerId: 1 } } } }
    ] }
  ] }) { position }
}`;

test('while the audit log can take no more, what it would record is refused before it is done, and ticks go on', async () => {
  const api = await openTitleApi();
  const server = api.as('game-server');
  await server.data('mutation { openSession(input: { sessionId: "m1" }) { fence } }');
  await server.data(tick, { tick: 1 });
  api.auditRefuses = true;
  const before = api.audit.length;

  const swap = `mutation { compareAndSetUnitState(input: {
    key: { sessionId: "m1", unitId: 7 }, expectedVersion: 1, set: { ownerId: 2 }
  }) { applied } }`;
  for (const [role, source] of [
    ['game-server', 'mutation { openSession(input: { sessionId: "m2" }) { fence } }'],
    ['game-server', 'mutation { closeSession(input: { sessionId: "m1" }) { fence } }'],
    ['game-server', swap],
    ['analyst', '{ sql(query: "SELECT 1") { rows } }'],
    ['analyst', 'mutation { createExport(input: { table: "actionLog" }) { id } }'],
    ['liveops', 'mutation { killQuery(id: "x") }'],
    ['liveops', '{ auditLog { nodes { at } } }'],
  ] as const) {
    expect(await api.as(role).refusal(source), source).toMatchObject({ code: 'UNAVAILABLE' });
  }
  expect(api.audit).toHaveLength(before);
  expect(api.columns.queries).toEqual([]);
  expect(await server.data('{ session(sessionId: "m2") { open } }')).toEqual({ session: null });
  expect(await server.data('{ session(sessionId: "m1") { open } }')).toEqual({
    session: { open: true },
  });
  const row = '{ unitState(key: { sessionId: "m1", unitId: 7 }) { ownerId version } }';
  expect(await server.data(row)).toEqual({ unitState: { ownerId: 1, version: 1 } });
  expect(await server.data(tick, { tick: 2 })).toMatchObject({ commitTick: {} });

  // What was refused without it is refused as before, and counted by the log.
  expect(await api.as('player').refusal('{ auditLog { nodes { at } } }')).toMatchObject({
    code: 'FORBIDDEN',
  });
  api.auditRefuses = false;
  const later = swap.replace('expectedVersion: 1', 'expectedVersion: 2');
  expect(await server.data(later)).toMatchObject({ compareAndSetUnitState: { applied: true } });
});
