import {
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isObjectType,
  printSchema,
  validateSchema,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import { Catalog } from '../../engine/model/catalog.ts';
import type { RoleDefinition, TitleManifest } from '../../engine/model/types.ts';
import { buildSchema } from '../../schema/build-schema.ts';
import { fixedRoots, schemaOfRole } from '../../schema/role-schema.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { boundedTitle } from '../access/bounded-title.ts';

function partOf(manifest: TitleManifest, name: string, changed: Partial<RoleDefinition> = {}) {
  const catalog = new Catalog(manifest);
  const role = catalog.roles.get(name);
  if (role === undefined) throw new Error(`no role ${name}`);
  return schemaOfRole(buildSchema(catalog), catalog, { ...role, ...changed });
}

function membersOf(schema: GraphQLSchema | null, type: string): string[] | null {
  const found = schema?.getType(type);
  if (isObjectType(found) || isInputObjectType(found)) return Object.keys(found.getFields());
  return isEnumType(found) ? found.getValues().map(({ name }) => name) : null;
}

const bounded = boundedTitle('arena');

describe('the schema of a role', () => {
  test('is valid, for each role of the titles there are', () => {
    for (const manifest of [bounded, ashfall]) {
      for (const { name } of manifest.roles) {
        const part = partOf(manifest, name);
        if (part !== null) expect(validateSchema(part), name).toEqual([]);
      }
    }
  });

  test('has the fields that it may ask, and no others', () => {
    expect(membersOf(partOf(bounded, 'player'), 'Query')).toEqual(['units', 'unitsList']);
    expect(membersOf(partOf(bounded, 'player'), 'Subscription')).toEqual(['unitsChanges']);
    expect(membersOf(partOf(bounded, 'player'), 'Mutation')).toBe(null);
    expect(membersOf(partOf(bounded, 'agent'), 'Query')).toEqual([
      'chatsList',
      'chatsGroups',
      'units',
      'unitsList',
      'unitsGroups',
      'export',
      'sql',
    ]);
    expect(membersOf(partOf(bounded, 'agent'), 'Mutation')).toEqual(['createExport']);
    expect(membersOf(partOf(ashfall, 'liveops'), 'Mutation')).toEqual([
      'killQuery',
      'endSubscription',
      'revoke',
      'unrevoke',
    ]);
  });

  test('is null for a role that may ask nothing', () => {
    expect(partOf(bounded, 'player', { tables: [] })).toBe(null);
  });

  test('names hidden columns nowhere, and masked ones only where they are answered', () => {
    for (const name of ['player', 'agent', 'scout']) {
      const part = partOf(bounded, name);
      expect(printSchema(part as GraphQLSchema), name).not.toMatch(/secret|place(?:_x|: )|plan: /);
      expect(membersOf(part, 'Units')).toEqual(expect.arrayContaining(['unitId', 'name', 'note']));
      expect(membersOf(part, 'UnitsWhere')).not.toContain('name');
      expect(membersOf(part, 'UnitsOrderColumn')).not.toContain('name');
      expect(membersOf(part, 'UnitsOrderColumn')).not.toContain('place_x');
    }
  });

  test('has the effects that it may write', () => {
    const medic = partOf(bounded, 'medic');
    expect(membersOf(medic, 'EffectInput')).toEqual(['units']);
    expect(membersOf(medic, 'UnitsEffect')).toEqual(['compareAndSet', 'adjust']);
    expect(membersOf(medic, 'UnitsSet')).toEqual(['health']);
    expect(membersOf(medic, 'UnitsRequire')).not.toContain('secret');
    expect(membersOf(medic, 'CommitTickInput')).not.toContain('actions');
    const effect = medic?.getType('EffectInput');
    expect(isInputObjectType(effect) && effect.isOneOf).toBe(true);
    const simulator = partOf(bounded, 'simulator');
    expect(membersOf(simulator, 'EffectInput')).toEqual(['chats', 'units']);
    expect(membersOf(simulator, 'CommitTickInput')).toContain('actions');
  });

  test('leaves out what has no member left', () => {
    const grant = { read: true, aggregate: true, write: false, rowFilter: null } as const;
    const hidden = ['weight', 'ownerId', 'name', 'note', 'secret'];
    const part = partOf(bounded, 'player', { tables: [{ table: 'chats', ...grant, hidden }] });
    expect(validateSchema(part as GraphQLSchema)).toEqual([]);
    expect(membersOf(part, 'Chats')).not.toContain('weight');
  });

  test('knows what each root field needs', () => {
    for (const manifest of [bounded, ashfall]) {
      const catalog = new Catalog(manifest);
      const nobody = {
        name: 'nobody',
        class: 'ARCHIVAL',
        capabilities: [],
        tables: [],
        views: [],
      } as const;
      // A field whose need nobody has told would be shown to a role without any right.
      const queries = schemaOfRole(buildSchema(catalog), catalog, nobody);
      expect(queries === null ? [] : membersOf(queries, 'Query')).toEqual([]);
      const reader = { ...nobody, capabilities: ['manifest'], views: [], tables: [] } as const;
      expect(schemaOfRole(buildSchema(catalog), catalog, reader)).toBe(null);
      const schema = buildSchema(catalog);
      const generated = [...catalog.tables.values()].flatMap(({ name }) => {
        const type = `${name[0]?.toUpperCase()}${name.slice(1)}`;
        return [name, `${name}List`, `${name}Groups`, `${name}Changes`, `compareAndSet${type}`];
      });
      const ofViews = catalog.manifest.views.flatMap(({ name }) => [name, `${name}Changes`]);
      const known = new Set([...Object.keys(fixedRoots), ...generated, ...ofViews]);
      for (const root of [
        schema.getQueryType(),
        schema.getMutationType(),
        schema.getSubscriptionType(),
      ]) {
        for (const field of Object.keys(root?.getFields() ?? {})) expect(known).toContain(field);
      }
    }
  });
});
