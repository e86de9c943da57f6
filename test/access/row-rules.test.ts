import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Catalog, parseManifest, rowPredicate, rowsSeen } from '../../engine/index.ts';
import {
  actionTable,
  defineTitle,
  eventTable,
  stateTable,
  t,
} from '../../engine/manifest/index.ts';
import type { RoleDefinition, Row, RowRule, TableGrant } from '../../engine/model/types.ts';
import { runs } from '../budget.ts';
import { answerOf, codeOf, Sandbox } from '../serve/sandbox.ts';
import { boundedTitle } from './bounded-title.ts';

const catalog = new Catalog(boundedTitle('arena'));
const units = catalog.table('units');
const columns = catalog.columnsOf(units);
const role: RoleDefinition = {
  name: 'player',
  class: 'GAMEPLAY',
  capabilities: [],
  tables: [],
  views: [],
};

function seen(rowFilter: RowRule, claims: Readonly<Record<string, unknown>>) {
  const grant: TableGrant = {
    table: 'units',
    read: true,
    aggregate: false,
    write: false,
    rowFilter,
  };
  return rowsSeen(role, units, columns, grant, claims);
}

/** Whether the rule lets the row be seen; false where it names no rows at all. */
function sees(rule: RowRule, claims: Readonly<Record<string, unknown>>, row: Row): boolean {
  const answer = seen(rule, claims);
  return 'condition' in answer && answer.condition !== null && rowPredicate(answer.condition)(row);
}

const row: Row = { sessionId: 's', unitId: 1, ownerId: 3, health: 5, name: 'red' };

describe('a rule for rows', () => {
  test.each<[RowRule, object, boolean]>([
    [{ column: 'ownerId', claim: 'player_id' }, { player_id: 3 }, true],
    [{ column: 'ownerId', claim: 'player_id' }, { player_id: '3' }, true],
    [{ column: 'ownerId', claim: 'player_id' }, { player_id: [2, '3'] }, false],
    [{ ownerId: { eq: { claim: 'player_id' } } }, { player_id: [2, '3'] }, true],
    [{ ownerId: { eq: { claim: 'player_id' } } }, { player_id: [] }, false],
    [{ column: 'ownerId', claim: 'player_id' }, { player_id: null }, false],
    [{ column: 'ownerId', claim: 'player_id' }, {}, false],
    [{ ownerId: { eq: { claim: 'player_id' } } }, { player_id: 3 }, true],
    [{ ownerId: { eq: { claim: 'player_id' }, in: [4] } }, { player_id: [3] }, false],
    [{ ownerId: { in: { claim: 'team' } } }, { team: [1, 3] }, true],
    [{ ownerId: { in: { claim: 'team' } } }, { team: 3 }, true],
    [{ ownerId: { in: [9, { claim: 'team' }] } }, { team: [3, 4] }, true],
    [{ ownerId: { ne: { claim: 'foes' } } }, { foes: [1, 2] }, true],
    [{ ownerId: { ne: { claim: 'foes' } } }, { foes: [1, 3] }, false],
    [{ ownerId: { between: [{ claim: 'low' }, 3] } }, { low: 2 }, true],
    [{ health: { gt: { claim: 'least' } } }, { least: [1] }, false],
    [{ or: [{ ownerId: { eq: { claim: 'me' } } }, { name: { eq: 'red' } }] }, { me: 8 }, true],
    [{ or: [{ ownerId: { eq: { claim: 'me' } } }, { name: { eq: 'red' } }] }, {}, false],
    [{ not: { ownerId: { eq: { claim: 'me' } } } }, {}, false],
    [{ not: { ownerId: { eq: { claim: 'me' } } } }, { me: 8 }, true],
    [{ name: { eq: 'red' } }, {}, true],
    [{ ownerId: { eq: { claim: 'me' } } }, { me: { or: [] } }, false],
    [{ ownerId: { eq: { claim: 'toString' } } }, {}, false],
  ])('%j under the claims %j: %s', (rule, claims, isSeen) => {
    expect(sees(rule, { ...claims }, row)).toBe(isSeen);
  });

  test('that lacks a claim says which, and none of the values of others', () => {
    const rule = { ownerId: { eq: { claim: 'me' } }, name: { eq: { claim: 'squad' } } };
    const answer = seen(rule, { me: 77_001 });
    expect(answer).toMatchObject({ allowed: false, needs: { claim: 'squad' } });
    expect(JSON.stringify(answer)).not.toContain('77001');
  });

  test('is the condition with the values in the place of the claims, whatever it is', () => {
    const claims = { one: 3, list: [1, 3, 5], text: 'red' };
    const leaf = fc.constantFrom<[RowRule, (row: Row) => boolean]>(
      [{ ownerId: { eq: { claim: 'one' } } }, ({ ownerId }) => ownerId === 3],
      [{ ownerId: { ne: { claim: 'list' } } }, (r) => !claims.list.includes(r.ownerId as number)],
      [{ ownerId: { in: { claim: 'list' } } }, (r) => claims.list.includes(r.ownerId as number)],
      [{ unitId: { eq: { claim: 'list' } } }, (r) => claims.list.includes(r.unitId as number)],
      [{ name: { eq: { claim: 'text' } } }, ({ name }) => name === 'red'],
      [
        { health: { lte: { claim: 'one' } } },
        ({ health }) => health !== null && Number(health) <= 3,
      ],
    );
    type Tree = [RowRule, (row: Row) => boolean];
    const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        leaf,
        fc
          .array(tie('tree'), { maxLength: 3 })
          .map(
            (all): Tree => [
              { and: all.map(([rule]) => rule) },
              (r) => all.every(([, holds]) => holds(r)),
            ],
          ),
        fc
          .array(tie('tree'), { maxLength: 3 })
          .map(
            (any): Tree => [
              { or: any.map(([rule]) => rule) },
              (r) => any.some(([, holds]) => holds(r)),
            ],
          ),
        tie('tree').map(([rule, holds]): Tree => [{ not: rule }, (r) => !holds(r)]),
      ),
    }));
    const rows = fc.record({
      sessionId: fc.constant('s'),
      unitId: fc.nat(6),
      ownerId: fc.nat(6),
      health: fc.option(fc.nat(6)),
      name: fc.option(fc.constantFrom('red', 'blue')),
    });
    fc.assert(
      fc.property(tree, rows, ([rule, holds], some) => {
        expect(sees(rule, claims, some)).toBe(holds(some));
      }),
      { numRuns: runs(300) },
    );
  });
});

/** A title in which players see their squad's units, and add to a table of reports. */
function squads() {
  return defineTitle({
    title: 'squads',
    version: 1,
    tables: {
      orders: actionTable({ playerId: t.u32() }),
      reports: eventTable({ playerId: t.u32(), text: t.string() }),
      units: stateTable(
        { unitId: t.u32(), ownerId: t.u32(), squad: t.string() },
        { key: ['sessionId', 'unitId'] },
      ),
    },
    roles: {
      simulator: {
        class: 'OPERATOR',
        capabilities: ['session', 'commit'],
        tables: { orders: ['write'], reports: ['write'], units: ['read', 'write'] },
      },
      reporter: {
        class: 'OPERATOR',
        capabilities: ['commit'],
        tables: { orders: ['append'], reports: ['append'], units: ['append'] },
      },
      mate: {
        class: 'OPERATOR',
        tables: {
          units: {
            access: ['read'],
            onlyWhere: {
              or: [
                { ownerId: { eq: { claim: 'player_id' } } },
                { squad: { in: { claim: 'squads' } } },
              ],
            },
          },
        },
      },
    },
  });
}

describe('a manifest', () => {
  test('with conditions of claims reads back as it was written', () => {
    const manifest = squads();
    expect(parseManifest(JSON.stringify(manifest))).toEqual(manifest);
  });

  test.each<[object, string]>([
    [{ ownr: { eq: { claim: 'me' } } }, 'there is no column "ownr"'],
    [{ ownerId: { equals: { claim: 'me' } } }, 'there is no operator "equals"'],
    [{ ownerId: { eq: 'three' } }, 'rowFilter.ownerId.eq: must be an integer'],
    [{ ownerId: { eq: { claim: 3 } } }, 'rowFilter.ownerId.eq: must be an integer'],
    [{ ownerId: { isNull: { claim: 'me' } } }, 'must be true or false'],
    [{ orders: { eq: { claim: 'me' } } }, 'column has no "eq"'],
    [{ ownerId: { eq: { claim: '' } } }, 'must name a claim'],
    [{}, 'holds for every row'],
    [{ column: 'ownr', claim: 'me' }, 'there is no column "ownr"; known'],
  ])('is refused whose rule is %j', (rowFilter, problem) => {
    const grant = { table: 'units', read: true, aggregate: false, write: false, rowFilter };
    const roles = [{ ...role, tables: [grant] }];
    const changed = { ...catalog.manifest, roles };
    expect(() => parseManifest(JSON.stringify(changed))).toThrow(problem);
  });
});

test('over HTTP a role sees the rows of its rule, and one that may add rows changes none', async () => {
  const sandbox = await Sandbox.start({}, squads());
  try {
    const ask = async (name: string, query: string, claims: Record<string, string> = {}) => {
      const token = await sandbox.token(name, { title: 'squads', ...claims });
      const response = await fetch(`${sandbox.url}/squads/graphql`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ query }),
      });
      return answerOf(response);
    };
    const tick = (effects: string) =>
      `mutation { commitTick(input: { sessionId: "m", effects: [${effects}] }) { aborted } }`;
    await ask('simulator', 'mutation { openSession(input: { sessionId: "m" }) { fence } }');
    const unit = (unitId: number, ownerId: number, squad: string) =>
      `mutation { commitTick(input: { sessionId: "m", tick: ${unitId}, effects: [{ units: { insert: { unitId: ${unitId}, ownerId: ${ownerId}, squad: "${squad}" } } }] }) { aborted } }`;
    for (const [i, [owner, squad]] of (
      [
        [1, 'red'],
        [2, 'red'],
        [3, 'blue'],
      ] as const
    ).entries()) {
      expect(codeOf(await ask('simulator', unit(i + 1, owner, squad)))).toBe('OK');
    }
    const list = '{ unitsList(where: { sessionId: { eq: "m" } }) { nodes { unitId } } }';
    const mine = await ask('mate', list, { player_id: '3', squads: 'red' });
    expect(mine.errors).toBeUndefined();
    expect(mine.data?.unitsList).toEqual({ nodes: [{ unitId: 1 }, { unitId: 2 }, { unitId: 3 }] });
    const less = await ask('mate', list, { player_id: '3', squads: 'green' });
    expect(less.data?.unitsList).toEqual({ nodes: [{ unitId: 3 }] });
    expect(codeOf(await ask('mate', list, { player_id: '3' }))).toBe('FORBIDDEN');

    const insert = '{ units: { insert: { unitId: 9, ownerId: 1, squad: "red" } } }';
    const report = '{ reports: { append: { playerId: 1, text: "hello" } } }';
    const asTick = (n: number, effects: string) =>
      tick(effects).replace('"m",', `"m", tick: ${n},`);
    expect(codeOf(await ask('reporter', asTick(10, `${report}, ${insert}`)))).toBe('OK');
    for (const change of [
      'upsert: { key: { unitId: 1 }, set: { ownerId: 4 } }',
      'delete: { key: { unitId: 1 } }',
      'adjust: { key: { unitId: 1 }, add: { ownerId: 1 } }',
      'compareAndSet: { key: { unitId: 1 }, expectedVersion: 1, set: { ownerId: 4 } }',
    ]) {
      const answer = await ask('reporter', asTick(11, `{ units: { ${change} } }`));
      expect(codeOf(answer), change).toBe('FORBIDDEN');
    }
    expect(
      codeOf(await ask('reporter', '{ units(key: { sessionId: "m", unitId: 1 }) { ownerId } }')),
    ).toBe('FORBIDDEN');
  } finally {
    await sandbox.stop();
  }
});
