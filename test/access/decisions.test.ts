import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decideCapability,
  decideColumnWrites,
  decideExport,
  decideNames,
  decideSession,
  decideShow,
  decideTable,
  decideUse,
  decideView,
  sightOf,
  validateManifest,
} from '../../engine/index.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import type { RoleDefinition } from '../../engine/model/types.ts';
import { boundedTitle } from './bounded-title.ts';

const manifest = boundedTitle('arena');
const catalog = new Catalog(manifest);
const units = catalog.table('units');
const nobody: RoleDefinition = {
  name: 'nobody',
  class: 'ARCHIVAL',
  capabilities: [],
  tables: [],
  views: [],
};
const column = fc.constantFrom(...units.columns.map(({ name }) => name));

describe('nothing is allowed that no rule grants', () => {
  test('a role without rules may do nothing', () => {
    fc.assert(
      fc.property(fc.array(column, { minLength: 1 }), (columns) => {
        const decisions = [
          decideCapability(nobody, 'commit'),
          decideTable(nobody, 'units', 'read'),
          decideView(nobody, 'any'),
          decideSession(nobody),
          decideCapability(nobody, 'sql'),
          decideNames(nobody, catalog, sightOf(nobody, catalog, {}), new Set(['units'])),
          decideExport(nobody, 'units'),
          decideUse(nobody, units, columns),
          decideShow(nobody, units, columns[0] as string),
          decideColumnWrites(nobody, units, { right: 'append', wholeRow: false, columns }),
          decideColumnWrites(nobody, units, { right: 'write', wholeRow: false, columns }),
        ];
        expect(decisions.filter(({ allowed }) => allowed)).toEqual([]);
      }),
    );
  });

  test('a right more never takes one away, and a rule for columns never gives one', () => {
    const right = fc
      .record({
        read: fc.boolean(),
        aggregate: fc.boolean(),
        write: fc.boolean(),
        append: fc.constantFrom<{ append?: true }>({}, { append: true }),
      })
      .map(({ append, ...rights }) => ({ ...rights, ...append }));
    const rules = fc.record({
      hidden: fc.subarray(['secret', 'orders', 'note']),
      writable: fc.option(fc.subarray(['health', 'name'], { minLength: 1 }), { nil: undefined }),
    });
    const asked = fc.array(column, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(
        right,
        rules,
        asked,
        fc.boolean(),
        (rights, { hidden, writable }, columns, wholeRow) => {
          const plainGrant = { table: 'units', ...rights, rowFilter: null };
          const bound = { ...plainGrant, hidden, ...(writable ? { writable } : {}) };
          const all = { ...bound, read: true, aggregate: true, write: true };
          const allowedBy = (grant: RoleDefinition['tables'][number]) => {
            const role = { ...nobody, tables: [grant] };
            return [
              decideTable(role, 'units', 'read'),
              decideTable(role, 'units', 'aggregate'),
              decideTable(role, 'units', 'append'),
              decideTable(role, 'units', 'write'),
              decideUse(role, units, columns),
              decideColumnWrites(role, units, { right: 'append', wholeRow, columns }),
              decideColumnWrites(role, units, { right: 'write', wholeRow, columns }),
            ].map(({ allowed }) => Number(allowed));
          };
          const [least, some, most] = [bound, plainGrant, all].map(allowedBy);
          for (const [i, decision] of (least ?? []).entries()) {
            expect(decision).toBeLessThanOrEqual(some?.[i] as number);
            expect(decision).toBeLessThanOrEqual(most?.[i] as number);
          }
        },
      ),
    );
  });
});

describe('a manifest is refused whose rule for columns', () => {
  test.each<[string, object, string]>([
    ['hides the key', { hidden: ['unitId'] }, 'cannot be hidden'],
    ['hides a system column', { hidden: ['version'] }, 'cannot be hidden'],
    ['hides what there is not', { hidden: ['secrets'] }, 'secret'],
    ['masks the key', { masked: [{ column: 'unitId', as: 'null' }] }, 'cannot be masked'],
    [
      'masks what is never null by null',
      { masked: [{ column: 'ownerId', as: 'null' }] },
      'never null',
    ],
    ['gives numbers pseudonyms', { masked: [{ column: 'health', as: 'hash' }] }, 'is no text'],
    [
      'hides and masks one',
      { hidden: ['note'], masked: [{ column: 'note', as: 'null' }] },
      'hidden',
    ],
    ['masks one twice', { masked: Array(2).fill({ column: 'note', as: 'null' }) }, 'masked twice'],
    ['names writable columns without write', { writable: ['health'] }, 'goes with "write"'],
    ['lets the key be written', { write: true, writable: ['unitId'] }, 'of the key'],
    ['lets nothing be written', { write: true, writable: [] }, 'names no column'],
  ])('%s', (_what, rule, problem) => {
    const grant = { table: 'units', read: true, aggregate: false, write: false, rowFilter: null };
    const role = { ...nobody, tables: [{ ...grant, ...rule }] };
    const changed = { ...manifest, roles: [role] };
    expect(() => validateManifest(JSON.parse(JSON.stringify(changed)))).toThrow(problem);
  });
});
