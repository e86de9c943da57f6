import { buildClientSchema, getIntrospectionQuery } from 'graphql';
import { expect, test } from 'vitest';
import { codeOf } from '../serve/sandbox.ts';
import { ask, position, toldByBoth, useTwoWorlds } from './two-worlds.ts';

useTwoWorlds();

const inMatch = '{ sessionId: { eq: "match" }, ownerId: { eq: 1 } }';
const key = '{ sessionId: "match", unitId: 1 }';

/** One use of each root field, and who may make it; the others are refused. */
const operations: Readonly<Record<string, readonly [document: string, allowed: string[]]>> = {
  units: [
    `{ units(key: ${key}) { unitId health } }`,
    ['player', 'agent', 'scout', 'medic', 'simulator', 'admin'],
  ],
  unitsList: [
    `{ unitsList(where: ${inMatch}) { nodes { unitId health } } }`,
    ['player', 'agent', 'scout', 'medic', 'simulator', 'admin'],
  ],
  unitsGroups: [
    `query ($position: Position) { unitsGroups(where: ${inMatch}, minPosition: $position, by: [health]) { nodes { count } } }`,
    ['agent', 'scout'],
  ],
  chatsList: [
    'query ($position: Position) { chatsList(where: { ownerId: { eq: 1 } }, minPosition: $position) { nodes { weight } } }',
    ['agent', 'simulator'],
  ],
  chatsGroups: [
    'query ($position: Position) { chatsGroups(where: { ownerId: { eq: 1 } }, minPosition: $position) { nodes { count } } }',
    ['agent', 'simulator'],
  ],
  ordersList: [
    'query ($position: Position) { ordersList(minPosition: $position) { nodes { playerId } } }',
    ['scout'],
  ],
  ordersGroups: [
    'query ($position: Position) { ordersGroups(minPosition: $position) { nodes { count } } }',
    ['scout'],
  ],
  session: ['{ session(sessionId: "match") { open } }', ['scout', 'medic', 'simulator', 'admin']],
  sessions: ['{ sessions { nodes { open } } }', ['scout', 'medic', 'simulator', 'admin']],
  sql: [
    'query ($position: Position) { sql(query: "SELECT count() AS n FROM units WHERE ownerId = 1", minPosition: $position) { rows } }',
    ['agent', 'scout'],
  ],
  export: ['{ export(id: "none") { state } }', ['agent', 'scout']],
  createExport: [
    'mutation { createExport(input: { table: "units", columns: ["unitId"] }) { state } }',
    ['agent', 'scout'],
  ],
  runningQueries: ['{ runningQueries { id } }', []],
  killQuery: ['mutation { killQuery(id: "none") }', []],
  liveSubscriptions: ['{ liveSubscriptions { __typename } }', []],
  endSubscription: ['mutation { endSubscription(id: "none") }', []],
  contention: ['{ contention { __typename } }', []],
  operations: ['{ operations { __typename } }', []],
  slowQueries: ['{ slowQueries { __typename } }', []],
  insights: ['{ insights { __typename } }', []],
  auditLog: ['{ auditLog { nodes { action } } }', []],
  explainAccess: [
    `{ explainAccess(role: "player", claims: { player_id: 1 }, table: "units", key: ${key}) { visible } }`,
    ['admin'],
  ],
  access: ['{ access { __typename } }', ['admin']],
  applyAccess: [
    'mutation { applyAccess(dryRun: true, input: { follow: ["scout"] }) { __typename } }',
    ['admin'],
  ],
  revocations: ['{ revocations { __typename } }', []],
  revoke: ['mutation { revoke(subject: "nobody") { __typename } }', []],
  unrevoke: ['mutation { unrevoke(subject: "nobody") }', []],
  openSession: [
    'mutation { openSession(input: { sessionId: "other", takeOver: true }) { sessionId } }',
    ['medic', 'simulator'],
  ],
  closeSession: [
    'mutation { closeSession(input: { sessionId: "other" }) { sessionId } }',
    ['medic', 'simulator'],
  ],
  commitTick: [
    'mutation { commitTick(input: { sessionId: "match", tick: 9, effects: [{ units: { delete: { key: { unitId: 99 } } } }] }) { aborted } }',
    ['simulator'],
  ],
  compareAndSetUnits: [
    `mutation { compareAndSetUnits(input: { key: ${key}, expectedVersion: 99, set: { health: 1 } }) { applied } }`,
    ['medic', 'simulator'],
  ],
};

/** Roles to whom the two worlds differ in nothing that these ask of. */
const alike = ['player', 'agent', 'scout'];
const roles = [...alike, 'medic', 'simulator', 'admin'];

test('no root field is left out here', async () => {
  const whole = new Set<string>();
  for (const role of [...roles, 'everything']) {
    const answer = await ask('light', role, getIntrospectionQuery());
    const schema = buildClientSchema(answer.data as never);
    for (const type of [schema.getQueryType(), schema.getMutationType()]) {
      for (const field of Object.keys(type?.getFields() ?? {})) whole.add(field);
    }
  }
  expect([...whole].sort()).toEqual(Object.keys(operations).sort());
});

test.each(Object.entries(operations))(
  '%s answers who may ask, and tells others nothing',
  async (field, [document, allowed]) => {
    for (const role of roles) {
      const answer = alike.includes(role)
        ? await toldByBoth(role, document, { position })
        : await ask('light', role, document, { position });
      const code = codeOf(answer);
      if (allowed.includes(role)) expect(code, `${role} ${field}`).not.toBe('FORBIDDEN');
      else expect(code, `${role} ${field}`).toBe('FORBIDDEN');
    }
  },
);
