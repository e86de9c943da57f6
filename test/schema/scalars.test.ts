import { graphql } from 'graphql';
import { expect, test } from 'vitest';
import { openTitleApi } from '../resolvers/title-api.ts';
import { allKinds } from './all-kinds.ts';

const values = {
  flag: true,
  tiny: -128,
  small: 32767,
  whole: -2147483648,
  wide: '-9223372036854775808',
  utiny: 255,
  usmall: 65535,
  uwhole: 2147483647,
  uwide: '18446744073709551615',
  half: 0.5,
  real: 1e300,
  text: 'héllo \u{1f680}',
  colour: 'GREEN',
  ref: '123E4567-E89B-12D3-A456-426614174000',
  at: '2026-01-31T13:00:00+01:00',
  data: { deep: [1, null, 'x'] },
  raw: 'AAEC/w==',
  place: { x: 1.5, y: -2, z: 0.25 },
};
const answered = {
  ...values,
  ref: '123e4567-e89b-12d3-a456-426614174000',
  at: '2026-01-31T12:00:00.000Z',
};
const id = 'AAAAAAAA-0000-0000-0000-000000000001';
const columns = Object.keys(values).join(' ').replace('place', 'place { x y z }');

async function openTitle() {
  const api = await openTitleApi(allKinds);
  const caller = api.as('all');
  await caller.data('mutation { openSession(input: { sessionId: "s" }) { fence } }');
  return { api, caller };
}

test('a value of every kind is written, read back and found, by variables', async () => {
  const { caller } = await openTitle();
  const { commitTick } = await caller.data(
    'mutation ($input: CommitTickInput!) { commitTick(input: $input) { aborted } }',
    {
      input: {
        sessionId: 's',
        tick: 1,
        effects: [
          { thing: { insert: { id, ...values, maybeWide: 9007199254740991 } } },
          { badge: { upsert: { key: { name: 'first' } } } },
        ],
      },
    },
  );
  expect(commitTick.aborted).toBe(false);
  const { thing } = await caller.data(
    `query ($key: ThingKey!) { thing(key: $key) { ${columns} maybeWide maybeAt maybePlace { x } } }`,
    { key: { sessionId: 's', id } },
  );
  expect(thing).toEqual({
    ...answered,
    maybeWide: 9007199254740991,
    maybeAt: null,
    maybePlace: null,
  });
  for (const where of [
    { wide: { eq: values.wide } },
    { uwide: { gte: '18446744073709551615' } },
    { at: { between: ['2026-01-31T12:00:00Z', '2026-01-31'] } },
    { ref: { in: [values.ref] } },
    { raw: { eq: values.raw } },
    { maybeAt: { isNull: true } },
    { place: { x: { gt: 1, lte: 1.5 }, y: { eq: -2 } } },
    { maybePlace: { isNull: true }, not: { place: { z: { lt: 0 } } } },
    { half: { lt: 1 }, text: { like: 'h_llo%' }, not: { flag: { eq: false } } },
  ]) {
    const { thingList } = await caller.data(
      'query ($where: ThingWhere) { thingList(where: $where) { nodes { id } } }',
      { where },
    );
    const isEmpty = 'at' in where;
    expect(thingList.nodes, JSON.stringify(where)).toHaveLength(isEmpty ? 0 : 1);
  }
});

test('the same values are written as literals', async () => {
  const { caller } = await openTitle();
  const literal = `{
    id: "${id}", flag: true, tiny: -128, small: 1, whole: 1, wide: -9223372036854775808,
    utiny: 1, usmall: 1, uwhole: 1, uwide: 18446744073709551615, half: 1, real: 1.5, text: "x",
    colour: RED, ref: "${id}", at: "2026-01-31", data: { a: [1, "b"], c: null }, raw: "",
    place: { x: 1, y: 2.5, z: -3 }
  }`;
  await caller.data(`mutation {
    commitTick(input: { sessionId: "s", tick: 1, effects: [{ thing: { insert: ${literal} } }] }) { tick }
  }`);
  const { thing } = await caller.data(
    `{ thing(key: { sessionId: "s", id: "${id}" }) { wide uwide at data raw place { x y z } } }`,
  );
  expect(thing).toEqual({
    wide: '-9223372036854775808',
    uwide: '18446744073709551615',
    at: '2026-01-31T00:00:00.000Z',
    data: { a: [1, 'b'], c: null },
    raw: '',
    place: { x: 1, y: 2.5, z: -3 },
  });
});

test('a value that is no such scalar is refused, as variable and as literal', async () => {
  const { api, caller } = await openTitle();
  const wrong: readonly [column: string, value: unknown][] = [
    ['wide', 1.5],
    ['wide', 'x'],
    ['wide', true],
    ['uwide', '18446744073709551616'],
    ['at', 'yesterday'],
    ['at', '2026-01-31T12:00:00'],
    ['at', 5],
    ['raw', 'not base64'],
    ['position', '1:2:3'],
    ['position', 7],
    ['uwhole', 2 ** 32],
    ['real', '1'],
  ];
  for (const [column, value] of wrong) {
    const refused = await caller.refusal(
      'query ($where: ThingWhere) { thingList(where: $where) { position } }',
      { where: { [column]: { eq: value } } },
    );
    expect(refused, `${column} ${value}`).toMatchObject({ code: 'BAD_USER_INPUT' });
    const literal = JSON.stringify(value);
    const result = await graphql({
      schema: api.schema,
      source: `{ thingList(where: { ${column}: { eq: ${literal} } }) { position } }`,
      contextValue: caller.context(),
    });
    expect(result.errors, `${column} ${literal}`).toHaveLength(1);
  }
});

test('a key that is the whole row is compared and swapped without columns to set', async () => {
  const { caller } = await openTitle();
  await caller.data(`mutation {
    commitTick(input: { sessionId: "s", tick: 1, effects: [{ badge: { insert: { name: "a" } } }] }) { tick }
  }`);
  const { compareAndSetBadge } = await caller.data(`mutation {
    compareAndSetBadge(input: { key: { name: "a" }, expectedVersion: 1 }) { applied row { version } }
  }`);
  expect(compareAndSetBadge).toEqual({ applied: true, row: { version: 2 } });
});
