import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  columnShown,
  holdsRight,
  maySet,
  roleDifferences,
} from '../../engine/access/access-differences.ts';
import {
  decideCapability,
  decideExport,
  decideSession,
  decideView,
} from '../../engine/access/decide.ts';
import { planAccess } from '../../engine/index.ts';
import { Problems } from '../../engine/manifest/problems.ts';
import { readRoleJson, roleJson } from '../../engine/manifest/role-json.ts';
import { capabilities } from '../../engine/manifest/vocabulary.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import type { RoleDefinition, TableGrant } from '../../engine/model/types.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { runs } from '../budget.ts';

const catalog = new Catalog(ashfall);
const units = catalog.table('unitState');
const optional = ['blueprint', 'orderKind', 'health'];

const grant: fc.Arbitrary<TableGrant> = fc
  .record({
    read: fc.boolean(),
    aggregate: fc.boolean(),
    rest: fc.oneof(
      fc.constant({ write: false, rowFilter: null }),
      fc.constant({ write: false, append: true as const, rowFilter: null }),
      fc.constant({ write: true, rowFilter: null }),
      fc.subarray(['health', 'x'], { minLength: 1 }).map((writable) => ({
        write: true,
        rowFilter: null,
        writable,
      })),
      fc.constantFrom('player_id', 'team').map((claim) => ({
        write: false,
        rowFilter: { column: 'ownerId', claim },
      })),
    ),
    hidden: fc.option(fc.subarray(optional.slice(0, 2), { minLength: 1 }), { nil: undefined }),
    isMasked: fc.boolean(),
  })
  .map(({ read, aggregate, rest, hidden, isMasked }) => ({
    table: 'unitState',
    read: read || rest.rowFilter !== null,
    aggregate,
    ...rest,
    ...(hidden ? { hidden } : {}),
    ...(isMasked ? { masked: [{ column: 'health', as: 'null' as const }] } : {}),
  }))
  .filter(({ read, aggregate, write, ...more }) => read || aggregate || write || 'append' in more);

const role: fc.Arbitrary<RoleDefinition> = fc.record({
  name: fc.constant('some'),
  class: fc.constantFrom('GAMEPLAY', 'OPERATOR'),
  capabilities: fc.subarray([...capabilities]),
  tables: fc.option(grant).map((one) => (one === null ? [] : [one])),
  views: fc.subarray([...catalog.views.keys()]),
});

/** Every decision about a role, each under a name. */
function decisions(one: RoleDefinition): Map<string, unknown> {
  const all = new Map<string, unknown>();
  for (const name of capabilities)
    all.set(`CAPABILITY ${name}`, decideCapability(one, name).allowed);
  all.set('SESSIONS', decideSession(one).allowed);
  for (const name of catalog.views.keys()) all.set(`VIEW ${name}`, decideView(one, name).allowed);
  for (const table of catalog.tables.values()) {
    for (const right of ['read', 'aggregate', 'append', 'write'] as const) {
      all.set(`TABLE ${table.name} ${right}`, holdsRight(one, table, right));
    }
    all.set(`TABLE ${table.name} export`, decideExport(one, table.name).allowed);
    for (const column of catalog.columnsOf(table).keys()) {
      all.set(`COLUMNS ${table.name} read ${column}`, columnShown(one, table.name, column));
    }
    for (const { name } of table.columns) {
      if (!table.key.includes(name)) {
        all.set(`COLUMNS ${table.name} write ${name}`, maySet(one, table, name));
      }
    }
  }
  return all;
}

test('a plan tells exactly what other decisions there are', () => {
  fc.assert(
    fc.property(role, role, (before, after) => {
      const [did, does] = [decisions(before), decisions(after)];
      const changed = [...did.keys()].filter((name) => did.get(name) !== does.get(name)).sort();
      const told = roleDifferences(catalog, before, after)
        .filter(({ subject }) => !['CLASS', 'ROWS', 'LIMITS', 'AUDIT'].includes(subject))
        .flatMap(({ subject, name, right, columns }) => {
          const place = [subject, name, right].filter((part) => part !== null).join(' ');
          return columns.length === 0 ? [place] : columns.map((column) => `${place} ${column}`);
        });
      expect(told.sort()).toEqual(changed);
    }),
    { numRuns: runs(300) },
  );
});

test('rows that a role sees are told as gained where there are more, as lost where there are fewer', () => {
  const of = (rowFilter: TableGrant['rowFilter']): RoleDefinition => ({
    name: 'some',
    class: 'OPERATOR',
    capabilities: [],
    tables: [{ table: units.name, read: true, aggregate: false, write: false, rowFilter }],
    views: [],
  });
  const [all, own] = [of(null), of({ column: 'ownerId', claim: 'player_id' })];
  const rows = (one: RoleDefinition | null, other: RoleDefinition | null) =>
    roleDifferences(catalog, one, other)
      .filter(({ subject }) => subject === 'ROWS')
      .map(({ effect, before, after }) => [effect, before, after]);
  const own_ = 'rows whose "ownerId" equals the token\'s claim "player_id"';
  expect(rows(all, own)).toEqual([['LOSES', 'all rows', own_]]);
  expect(rows(own, all)).toEqual([['GAINS', own_, 'all rows']]);
  expect(rows(own, null)).toEqual([['LOSES', own_, null]]);
});

test('a role reads back from its JSON as it was', () => {
  fc.assert(
    fc.property(role, (one) => {
      const problems = new Problems();
      const json = JSON.parse(JSON.stringify(roleJson(one)));
      const { tables, views } = catalog.manifest;
      expect(readRoleJson(problems, one.name, json, tables, views)).toEqual(one);
    }),
    { numRuns: runs(100) },
  );
});

test.each<[object, string]>([
  [
    { roles: { player: { class: 'GAMEPLAY', tables: { unitSate: ['read'] } } } },
    'no table "unitSate"',
  ],
  [{ roles: { player: { class: 'FAST' } } }, 'roles.player.class'],
  [{ roles: { player: { class: 'GAMEPLAY', tables: { unitState: ['reed'] } } } }, '"reed"'],
  [{ roles: { player: { class: 'GAMEPLAY', tables: { unitState: { acces: [] } } } } }, 'acces'],
  [{ roles: { player: { class: 'GAMEPLAY', veiws: [] } } }, 'veiws'],
  [{ roles: { player: 7 } }, 'roles.player: must be an object'],
  [{ roles: [] }, 'must be an object of roles'],
  [{ remove: ['nobody'] }, 'there is no role "nobody"'],
  [{ follow: ['nobody'] }, 'there is no role "nobody"'],
  [{ remove: ['player'], follow: ['player'] }, 'named twice'],
  [{ remove: ['admin'] }, 'no role would be left with the capability "roles"'],
  [{ roles: { admin: { class: 'OPERATOR' } } }, 'no role would be left'],
])('the change %j is refused', (asked, problem) => {
  const input = { roles: undefined, remove: [], follow: [], ...asked };
  expect(() => planAccess(catalog, catalog.roles, input)).toThrow(problem);
});
