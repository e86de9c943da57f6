import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runs } from '../budget.ts';
import { codeOf } from '../serve/sandbox.ts';
import {
  ask,
  columns,
  commit,
  fieldOf,
  position,
  sandbox,
  texts,
  told,
  toldByBoth,
  useTwoWorlds,
  type World,
  worlds,
} from './two-worlds.ts';

useTwoWorlds();

const inMatch = { sessionId: { eq: 'match' }, ownerId: { eq: 1 } };

/** Fields that are shown to both roles. */
const plain = 'unitId ownerId health version';

describe.each(['player', 'scout'])('the role %s', (role) => {
  // A list of all that this role sees.
  const where = role === 'player' ? inMatch : { sessionId: { eq: 'match' }, ownerId: { eq: 1 } };

  test('sees pseudonyms and nulls in the place of masked values, and its rows', async () => {
    const query = `query ($where: UnitsWhere) { unitsList(where: $where) { nodes { ${plain} name note } } }`;
    const answer = await toldByBoth(role, query, { where });
    const { nodes } = fieldOf<{ nodes: { name: string; note: unknown }[] }>(answer, 'unitsList');
    expect(nodes).toHaveLength(4);
    expect(nodes.map(({ note }) => note)).toEqual([null, null, null, null]);
    const names = nodes.map(({ name }) => name);
    expect(new Set(names).size).toBe(4);
    for (const name of names) expect(name).toMatch(/^[\w-]{22}$/);
    const again = await toldByBoth(role, query, { where });
    expect(again.data).toEqual(answer.data);
  });

  test.each(['secret', 'orders'])(
    'may not select the hidden column %s anywhere',
    async (column) => {
      const selections = [
        `{ units(key: { sessionId: "match", unitId: 1 }) { ${column} } }`,
        `{ unitsList(where: { sessionId: { eq: "match" }, ownerId: { eq: 1 } }) { nodes { ${column} } } }`,
        `{ unitsList(where: { sessionId: { eq: "match" }, ownerId: { eq: 1 } }) { edges { node { unitId a: ${column} } } } }`,
      ];
      for (const query of selections)
        expect(codeOf(await toldByBoth(role, query))).toBe('FORBIDDEN');
    },
  );

  test.each(columns)(
    'learns nothing by conditions on %s, orders, groups and aggregates',
    async (column) => {
      const isPlain = plain.includes(column);
      const conditions = [{ isNull: true }, { isNull: false }];
      for (const condition of conditions) {
        const asked = { and: [where, { not: { [column]: condition } }] };
        const answer = await toldByBoth(
          role,
          'query ($where: UnitsWhere) { unitsList(where: $where) { nodes { unitId } } }',
          { where: asked },
        );
        expect(codeOf(answer), column).toBe(isPlain ? 'OK' : 'FORBIDDEN');
      }
      if (column === 'orders') return;
      const ordered = await toldByBoth(
        role,
        `query ($where: UnitsWhere) { unitsList(where: $where, orderBy: [{ column: ${column} }], first: 2) { nodes { unitId } pageInfo { endCursor hasNextPage } } }`,
        { where },
      );
      expect(codeOf(ordered), column).toBe(isPlain ? 'OK' : 'FORBIDDEN');
      for (const part of [
        `by: [${column}]) { nodes { count } }`,
        `by: [ownerId]) { nodes { countDistinct { ${column} } } }`,
        `by: [ownerId]) { nodes { min { ${column} } max { ${column} } } }`,
      ]) {
        await toldByBoth(
          role,
          `query ($where: UnitsWhere, $position: Position) { unitsGroups(where: $where, minPosition: $position, ${part} }`,
          { where, position },
        );
      }
    },
  );

  test('learns nothing of the parts of a hidden column', async () => {
    const queries = [
      'where: $where, orderBy: [{ column: place_x }]) { nodes { unitId } } }',
      'where: { and: [$where, { place: { x: { gt: 0 } } }] }) { nodes { unitId } } }',
      'where: { and: [$where, { place: { isNull: true } }] }) { nodes { unitId } } }',
      'where: $where) { nodes { place { x } } } }',
    ];
    for (const query of queries) {
      const answer = await toldByBoth(role, `query ($where: UnitsWhere!) { unitsList(${query}`, {
        where,
      });
      expect(codeOf(answer), query).toBe('FORBIDDEN');
    }
  });

  test('learns nothing by any condition that it can think of', async () => {
    const leaf = fc.oneof(
      fc
        .record({ column: fc.constantFrom(...texts), op: fc.constantFrom('eq', 'like', 'lt') })
        .map(({ column, op }) => ({
          [column]: { [op]: op === 'like' ? '%secret%' : 'light note 1' },
        })),
      fc
        .record({ column: fc.constantFrom(...columns), isNull: fc.boolean() })
        .map(({ column, isNull }) => ({ [column]: { isNull } })),
      fc.integer({ min: 0, max: 70 }).map((health) => ({ health: { gt: health } })),
      fc.constantFrom(1, 2).map((ownerId) => ({ ownerId: { eq: ownerId } })),
    );
    const { condition } = fc.letrec((tie) => ({
      condition: fc.oneof(
        { maxDepth: 3 },
        leaf,
        fc.array(tie('condition'), { maxLength: 3 }).map((and) => ({ and })),
        fc.array(tie('condition'), { minLength: 1, maxLength: 3 }).map((or) => ({ or })),
        tie('condition').map((not) => ({ not })),
      ),
    }));
    const seen = role === 'player' ? [] : [inMatch];
    await fc.assert(
      fc.asyncProperty(condition, async (random) => {
        await toldByBoth(
          role,
          'query ($where: UnitsWhere) { unitsList(where: $where, first: 3) { nodes { unitId } pageInfo { hasNextPage } } }',
          { where: { and: [...(role === 'player' ? [inMatch] : seen), random] } },
        );
      }),
      { numRuns: runs(60) },
    );
  });

  test('gets a first frame without what is hidden', async () => {
    for (const selection of [plain, 'unitId note', 'unitId secret']) {
      const frames = await Promise.all(
        worlds.map((world) => firstEvent(world, role, `rows { ${selection} }`)),
      );
      expect(JSON.stringify(frames)).not.toMatch(/(note|secret) \d/);
      expect(frames[1]).toEqual(frames[0]);
    }
  });
});

test('the role scout exports what it sees, and may ask nothing else of an export', async () => {
  const make = (input: string) =>
    toldByBoth('scout', `mutation { createExport(input: { ${input} }) { state } }`);
  for (const column of ['secret', 'orders']) {
    expect(codeOf(await make(`table: "units", columns: ["unitId", "${column}"]`))).toBe(
      'FORBIDDEN',
    );
  }
  for (const column of ['secret', 'orders', 'note', 'name']) {
    expect(codeOf(await make(`table: "units", where: { ${column}: { isNull: true } }`))).toBe(
      'FORBIDDEN',
    );
  }
  expect(codeOf(await make('sql: "SELECT secret FROM units"'))).toBe('FORBIDDEN');
  const query = 'mutation { createExport(input: { table: "units" }) { url } }';
  for (const world of worlds) {
    const { url } = fieldOf<{ url: string }>(await ask(world, 'scout', query), 'createExport');
    const response = await fetch(url);
    const content = Buffer.from(await response.arrayBuffer()).toString('latin1');
    expect(content).toContain('health');
    expect(content).not.toMatch(/secret|note \d|orders|unit \d/);
  }
});

describe('the role medic', () => {
  const heal = (set: object, require: object | null = null) => ({
    sessionId: 'match',
    tick: null,
    actions: [],
    effects: [
      { units: { compareAndSet: { key: { unitId: 1 }, expectedVersion: 1, set, require } } },
    ],
  });
  let tick = 1;
  const commitAs = async (effects: object) => {
    const input = { ...heal({}), effects: [effects], tick: tick + 1 };
    return ask('light', 'medic', commit, { input });
  };

  test('nothing is written that a rule forbids', async () => {
    const key = { unitId: 1 };
    const before = await ask('light', 'simulator', whole);
    const refusals = [
      { units: { upsert: { key, set: { ownerId: 1, health: 1 } } } },
      { units: { insert: { unitId: 9, ownerId: 1 } } },
      { units: { delete: { key } } },
      { units: { compareAndSet: { key, expectedVersion: 1, set: { ownerId: 2 } } } },
      { units: { compareAndSet: { key, expectedVersion: 1, set: { health: 1, secret: 'x' } } } },
      // A guard on what it may not see would tell it, verdict by verdict.
      { units: { adjust: { key, add: { health: 1 }, require: { secret: { like: 'l%' } } } } },
    ];
    for (const effects of refusals) {
      expect(codeOf(await commitAs(effects)), JSON.stringify(effects)).toBe('FORBIDDEN');
    }
    const set = 'set: { ownerId: 2 }';
    const direct = await ask(
      'light',
      'medic',
      `mutation { compareAndSetUnits(input: { key: { sessionId: "match", unitId: 1 }, expectedVersion: 1, ${set} }) { applied } }`,
    );
    expect(codeOf(direct)).toBe('FORBIDDEN');
    expect((await ask('light', 'simulator', whole)).data).toEqual(before.data);
    const done = await commitAs({
      units: { adjust: { key, add: { health: 1 }, require: { health: { lt: 100 } } } },
    });
    expect([codeOf(done), done.data?.commitTick]).toEqual([
      'OK',
      { position: expect.any(String), aborted: false },
    ]);
    tick += 1;
  });
});

const whole =
  '{ unitsList(where: { sessionId: { eq: "match" } }) { nodes { unitId ownerId health secret version } } }';

/** The first event of a subscription to rows, without what tells one request from another. */
async function firstEvent(world: World, role: string, selection: string): Promise<unknown> {
  const token = await sandbox.token(role, { title: world, player_id: '1' });
  const query = `subscription { unitsChanges(where: { ownerId: { eq: 1 } }) { kind ${selection} } }`;
  const response = await fetch(`${sandbox.url}/${world}/graphql`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'text/event-stream',
    },
    body: JSON.stringify({ query }),
  });
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    const data = /^data: (\{.*\})$/m.exec(text)?.[1];
    if (data === undefined) continue;
    return told({ status: response.status, ...JSON.parse(data) });
  }
  throw new Error(`no event in ${text}`);
}
