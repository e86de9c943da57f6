import { expect, test } from 'vitest';
import { allKinds } from '../schema/all-kinds.ts';
import { openTitleApi, type TitleApi } from './title-api.ts';

const id = '123e4567-e89b-12d3-a456-426614174000';
const key = { id };
const row = {
  flag: true,
  tiny: 1,
  small: 1,
  whole: 1,
  wide: 1,
  utiny: 1,
  usmall: 1,
  uwhole: 1,
  uwide: 1,
  half: 1,
  real: 1,
  text: 'x',
  colour: 'RED',
  ref: id,
  at: '2026-01-31',
  data: 1,
  raw: '',
  place: { x: 1, y: 2, z: 3 },
};

async function open(): Promise<TitleApi> {
  const api = await openTitleApi(allKinds);
  await api.as('all').data('mutation { openSession(input: { sessionId: "s" }) { fence } }');
  await commit(api, 1, [{ thing: { insert: { id, ...row } } }]);
  return api;
}

async function commit(api: TitleApi, tick: number, effects: object[]) {
  const actions = effects.map((effect, i) => {
    return { ...row, actionId: `a${i}`, wides: [], refs: [], effects: [effect] };
  });
  const { commitTick } = await api.as('all').data(
    `mutation ($input: CommitTickInput!) {
      commitTick(input: $input) { results { verdict conflict { code message } } }
    }`,
    { input: { sessionId: 's', tick, actions } },
  );
  return commitTick.results;
}

async function placeOf(api: TitleApi) {
  const { thing } = await api
    .as('all')
    .data('query ($key: ThingKey!) { thing(key: $key) { place { x y z } maybePlace { x y z } } }', {
      key: { sessionId: 's', id },
    });
  return thing;
}

test('some parts of a vector are added to, the others stay as they are', async () => {
  const api = await open();
  const add = { place: { x: 1, z: -0.5 }, maybePlace: { y: 4 } };
  const [result] = await commit(api, 2, [{ thing: { adjust: { key, add } } }]);
  expect(result).toEqual({ verdict: 'ACCEPTED', conflict: null });
  expect(await placeOf(api)).toEqual({
    place: { x: 2, y: 2, z: 2.5 },
    maybePlace: { x: 0, y: 4, z: 0 },
  });
});

test('a part past the range of f32 is a conflict that tells the row and the sum', async () => {
  const api = await open();
  const results = await commit(api, 2, [
    { thing: { adjust: { key, add: { place: { x: 3.4e38 } } } } },
    { thing: { adjust: { key, add: { place: { x: 3.4e38 } } } } },
    { thing: { upsert: { key, set: { place: { x: 1e39, y: 0, z: 0 } } } } },
  ]);
  expect(results[1]?.conflict).toMatchObject({ code: 'OUT_OF_RANGE' });
  expect(results[1]?.conflict.message).toContain('cannot hold the sum: place {"x":3.39');
  expect(results[2]?.conflict.message).toContain('place is out of the range of vec3');
});

test('a require compares parts', async () => {
  const api = await open();
  const write = (require: object) => {
    return { thing: { upsert: { key, set: { text: 'y' }, require } } };
  };
  const results = await commit(api, 2, [
    write({ place: { x: { eq: 1 }, y: { gt: 1.5 } } }),
    write({ place: { z: { lt: 3 } } }),
    write({ maybePlace: { isNull: true } }),
    write({ maybePlace: { x: { gte: 0 } } }),
  ]);
  expect(results.map((result: { verdict: string }) => result.verdict)).toEqual([
    'ACCEPTED',
    'REJECTED',
    'ACCEPTED',
    'REJECTED',
  ]);
});

/** The ids of all pages of two rows, by their last digit. */
async function ordered(api: TitleApi, orderBy: object[]): Promise<string> {
  let after: string | null = null;
  let ids = '';
  do {
    const { thingList } = await api.as('all').data(
      `query ($orderBy: [ThingOrder!], $after: String) {
        thingList(first: 2, orderBy: $orderBy, after: $after) {
          nodes { id } pageInfo { hasNextPage endCursor }
        }
      }`,
      { orderBy, after },
    );
    for (const { id } of thingList.nodes) ids += id.at(-1);
    after = thingList.pageInfo.hasNextPage ? thingList.pageInfo.endCursor : null;
  } while (after !== null);
  return ids;
}

test('live rows are ordered by parts, page by page, those without a value last', async () => {
  const api = await open();
  const others = [
    { place: { x: -2.5, y: 0, z: 3 }, maybePlace: { x: 0.1, y: 7, z: 0 } },
    { place: { x: 1, y: 9, z: -3 }, maybePlace: { x: 0.1, y: 8, z: 0 } },
    { place: { x: 1e30, y: 0, z: 3 }, maybePlace: { x: -1, y: 0, z: 0 } },
    { place: { x: 0.1, y: 0, z: 0 }, maybePlace: null },
  ];
  const inserted = others.map((places, i) => {
    return { thing: { insert: { ...row, ...places, id: `${id.slice(0, -1)}${i + 1}` } } };
  });
  await commit(api, 2, inserted);
  expect(await ordered(api, [{ column: 'place_x' }])).toBe('14023');
  expect(await ordered(api, [{ column: 'place_x', direction: 'DESC' }])).toBe('30241');
  const byBoth = [{ column: 'maybePlace_x', direction: 'DESC' }, { column: 'maybePlace_y' }];
  expect(await ordered(api, byBoth)).toBe('12304');
  expect(await ordered(api, [{ column: 'place_z' }, { column: 'place_y' }])).toBe('24130');
});

test('rows are not ordered by a vector as a whole, and not grouped by its parts', async () => {
  const api = await open();
  for (const query of [
    '{ thingList(orderBy: [{ column: place }]) { nodes { id } } }',
    '{ thingList(orderBy: [{ column: place_w }]) { nodes { id } } }',
    '{ thingGroups(by: [place_x]) { nodes { count } } }',
  ]) {
    expect((await api.as('all').refusal(query)).code).toBe('BAD_USER_INPUT');
  }
});

test('a subscription follows the rows whose parts match', async () => {
  const api = await open();
  const frames = await api.as('all').subscribe(`subscription {
    thingChanges(where: { place: { x: { gt: 3 } } }) {
      kind rows { place { x y z } } removed { id }
    }
  }`);
  const next = async () => (await frames.next()).value.data.thingChanges;
  expect(await next()).toMatchObject({ kind: 'SNAPSHOT', rows: [] });
  await commit(api, 2, [{ thing: { adjust: { key, add: { place: { x: 3 } } } } }]);
  expect(await next()).toMatchObject({ rows: [{ place: { x: 4, y: 2, z: 3 } }] });
  await commit(api, 3, [{ thing: { adjust: { key, add: { place: { x: -3 } } } } }]);
  expect(await next()).toMatchObject({ rows: [], removed: [{ id }] });
  await frames.return?.();
});

test.each([
  [{ place: { eq: { x: 1, y: 2, z: 3 } } }],
  [{ place: { w: { eq: 1 } } }],
  [{ place: { x: 1 } }],
  [{ place: { x: { like: '1' } } }],
])('the condition %j is refused', async (where) => {
  const api = await open();
  const refused = await api
    .as('all')
    .refusal('query ($where: ThingWhere) { thingList(where: $where) { position } }', { where });
  expect(refused.code).toBe('BAD_USER_INPUT');
});

test.each([
  [{ x: 1, y: 2 }],
  [{ x: 1, y: 2, z: null }],
  [[1, 2, 3]],
  ['x'],
  [{ x: 'a', y: 1, z: 1 }],
])('the vector %j is refused', async (place) => {
  const api = await open();
  const refused = await api
    .as('all')
    .refusal('mutation ($input: CommitTickInput!) { commitTick(input: $input) { tick } }', {
      input: { sessionId: 's', tick: 2, effects: [{ thing: { upsert: { key, set: { place } } } }] },
    });
  expect(refused.code).toBe('BAD_USER_INPUT');
});
