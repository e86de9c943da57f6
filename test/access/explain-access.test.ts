import { afterAll, beforeAll, expect, test } from 'vitest';
import { answerOf, codeOf, Sandbox } from '../serve/sandbox.ts';
import { boundedTitle } from './bounded-title.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.start({}, boundedTitle('arena'));
  await ask('simulator', 'mutation { openSession(input: { sessionId: "match" }) { fence } }');
  const set = 'set: { ownerId: 1, secret: "x" }';
  await ask(
    'simulator',
    `mutation { commitTick(input: { sessionId: "match", tick: 1, effects: [{ units: { upsert: { key: { unitId: 1 }, ${set} } } }] }) { tick } }`,
  );
});
afterAll(() => sandbox.stop());

async function ask(role: string, query: string) {
  const token = await sandbox.token(role, { title: 'arena' });
  const response = await fetch(`${sandbox.url}/arena/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  return answerOf(response);
}

const whole = 'key: { sessionId: "match", unitId: 1 }';

test.each([
  ['role: "player", claims: { player_id: 1 }', whole, true, 'whose "ownerId" equals'],
  ['role: "player", claims: { player_id: "1" }', whole, true, 'whose "ownerId" equals'],
  ['role: "player", claims: { player_id: 2 }', whole, false, "this row's does not"],
  ['role: "player"', whole, false, 'need the token\'s claim "player_id"'],
  ['role: "player", claims: { player_id: 1 }', '', true, 'whose "ownerId" equals'],
  [
    'role: "player", claims: { player_id: 1 }',
    'key: { sessionId: "x", unitId: 1 }',
    false,
    'no row',
  ],
  ['role: "scout"', whole, true, 'no rule for rows'],
])('%s, %s: %s, since %s', async (who, key, visible, rule) => {
  const { data, errors } = await ask(
    'admin',
    `{ explainAccess(${who}, table: "units" ${key}) { visible rule } }`,
  );
  expect(errors).toBeUndefined();
  expect(data?.explainAccess).toEqual({ visible, rule: expect.stringContaining(rule) });
});

test('rights and columns are told with the rule that decided', async () => {
  const { data } = await ask(
    'admin',
    '{ explainAccess(role: "player", table: "units") { rights { right allowed rule } columns { column shown } } }',
  );
  expect(data?.explainAccess).toEqual({
    rights: [
      { right: 'read', allowed: true, rule: 'the role "player" has "read" on the table "units"' },
      {
        right: 'aggregate',
        allowed: false,
        rule: 'the role "player" lacks "aggregate" on the table "units"',
      },
      {
        right: 'append',
        allowed: false,
        rule: 'the role "player" lacks "append" on the table "units"',
      },
      {
        right: 'write',
        allowed: false,
        rule: 'the role "player" lacks "write" on the table "units"',
      },
    ],
    columns: expect.arrayContaining([
      { column: 'health', shown: 'PLAIN' },
      { column: 'name', shown: 'HASH' },
      { column: 'note', shown: 'NULL' },
      { column: 'secret', shown: 'HIDDEN' },
    ]),
  });
});

test.each([
  ['role: "palyer", table: "units"', 'BAD_USER_INPUT'],
  ['role: "player", table: "unit"', 'BAD_USER_INPUT'],
  ['role: "player", table: "orders", key: { sessionId: "m" }', 'BAD_USER_INPUT'],
  [
    'role: "player", claims: { player_id: 1 }, table: "units", key: { unitId: 1 }',
    'BAD_USER_INPUT',
  ],
  ['role: "player", claims: 7, table: "units"', 'BAD_USER_INPUT'],
])('%s answers %s', async (args, code) => {
  expect(codeOf(await ask('admin', `{ explainAccess(${args}) { visible } }`))).toBe(code);
});

test('only who manages roles may ask', async () => {
  const query = '{ explainAccess(role: "player", table: "units") { visible } }';
  for (const role of ['player', 'scout', 'simulator', 'medic']) {
    expect(codeOf(await ask(role, query))).toBe('FORBIDDEN');
  }
});
