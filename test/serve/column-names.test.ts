import { afterAll, beforeAll, expect, test } from 'vitest';
import { validateManifest } from '../../engine/manifest/validate.ts';
import type { ScalarKind } from '../../engine/model/types.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { codeOf, commitTick, Sandbox } from './sandbox.ts';

/** Names that SQL of the server's own gave once, and a column of wide integers. */
const kinds: Readonly<Record<string, ScalarKind>> = {
  c1: 'u32',
  k0: 'string',
  n: 'u32',
  a0: 'f64',
  wide: 'i64',
};
const columns = Object.entries(kinds).map(([name, kind]) => ({
  name,
  kind,
  optional: false,
  list: false,
  values: [],
}));
const granted = ['game-server', 'analyst'];
const manifest = validateManifest({
  ...ashfall,
  tables: [...ashfall.tables, { name: 'evs', kind: 'event', columns, key: [], indexes: [] }],
  roles: ashfall.roles.map((role) => ({
    ...role,
    tables: granted.includes(role.name)
      ? [
          ...role.tables,
          { table: 'evs', read: true, aggregate: true, write: true, rowFilter: null },
        ]
      : role.tables,
  })),
});

let sandbox: Sandbox;
const wide = '1796038000000000000';

beforeAll(async () => {
  sandbox = await Sandbox.start({}, manifest);
  await sandbox.openSession('m');
  const effects = [7, 8, 9, 7, 8, 9, 7].map((c1, i) => ({
    evs: { append: { c1, k0: `k${c1}`, n: 100 + i, a0: 0.5, wide } },
  }));
  const input = { sessionId: 'm', tick: 3, effects };
  expect(codeOf(await sandbox.ask('game-server', commitTick, { input }))).toBe('OK');
});
afterAll(() => sandbox.stop());

async function data(query: string): Promise<Record<string, unknown>> {
  const answer = await sandbox.ask('analyst', query, { min: await sandbox.position() });
  if (!answer.data) throw new Error(JSON.stringify(answer.errors));
  return answer.data;
}

test('a column c1 is answered, compared and ordered by as itself', async () => {
  const { evsList } = await data(`query ($min: Position) {
    evsList(where: { c1: { eq: 8 } }, orderBy: [{ column: n, direction: DESC }], minPosition: $min) {
      nodes { tick c1 k0 n a0 }
    }
  }`);
  expect(evsList).toEqual({
    nodes: [
      { tick: 3, c1: 8, k0: 'k8', n: 104, a0: 0.5 },
      { tick: 3, c1: 8, k0: 'k8', n: 101, a0: 0.5 },
    ],
  });
});

test('groups by such columns are theirs, and a mean of large integers is one of them', async () => {
  const { evsGroups } = await data(`query ($min: Position) {
    evsGroups(where: { n: { gte: 100 }, a0: { eq: 0.5 } }, by: [k0], minPosition: $min) {
      nodes { key { k0 } count sum { n wide } avg { wide } quantile(q: 0.5) { wide } }
    }
  }`);
  const group = (k0: string, count: number, n: number) => ({
    key: { k0 },
    count,
    sum: { n, wide: String(BigInt(count) * BigInt(wide)) },
    avg: { wide: Number(wide) },
    quantile: { wide: Number(wide) },
  });
  expect(evsGroups).toEqual({
    nodes: [group('k7', 3, 309), group('k8', 2, 205), group('k9', 2, 207)],
  });
});

test('the mean of seven such integers is not negative', async () => {
  const { evsGroups } = await data(
    'query ($min: Position) { evsGroups(minPosition: $min) { nodes { avg { wide } } } }',
  );
  expect(evsGroups).toEqual({ nodes: [{ avg: { wide: Number(wide) } }] });
});
