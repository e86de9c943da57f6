import {
  isInputObjectType,
  isIntrospectionType,
  isObjectType,
  lexicographicSortSchema,
  printSchema,
  validateSchema,
} from 'graphql';
import { expect, test } from 'vitest';
import { Catalog } from '../../engine/model/catalog.ts';
import { buildSchema } from '../../schema/build-schema.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { describedTitle } from '../manifest/described-title.ts';
import { allKinds } from './all-kinds.ts';

const schema = buildSchema(new Catalog(ashfall));

test('the schema of ashfall is a valid GraphQL schema', () => {
  expect(validateSchema(schema)).toEqual([]);
});

test('the schema of ashfall is the one under review', async () => {
  const sdl = printSchema(lexicographicSortSchema(schema));
  await expect(`${sdl}\n`).toMatchFileSnapshot('ashfall.graphql');
});

test('a title with every kind of column, and a table that is nothing but its key, is valid', () => {
  const kinds = buildSchema(new Catalog(allKinds));
  expect(validateSchema(kinds)).toEqual([]);
  expect(printSchema(kinds)).toContain('refs: [ID!] = []');
});

test('what an author says of tables, columns and views comes first in their descriptions', () => {
  const described = buildSchema(new Catalog(describedTitle));
  expect(validateSchema(described)).toEqual([]);
  const fieldOf = (type: string, field: string) => {
    const found = described.getType(type);
    if (!isObjectType(found) && !isInputObjectType(found)) throw new Error(`no ${type}`);
    return found.getFields()[field]?.description ?? null;
  };
  expect(described.getType('Ledger')?.description).toBe(
    'Every credit that moved.\nIts comment would end here: */\n\nA row of `ledger`, an event table: appended by accepted effects, never changed.',
  );
  const health = 'From 0 to 1.\n\nA 32-bit floating-point number, finite; may be null.';
  expect(fieldOf('Units', 'health')).toBe(health);
  expect(fieldOf('UnitsRow', 'health')).toBe(health);
  expect(fieldOf('UnitsWhere', 'health')).toBe(health);
  expect(described.getType('Mix')?.description).toMatch(/^How a match is played\.\n\n/);
  expect(fieldOf('Query', 'mix')).toMatch(/^How a match is played\.\n\nThe rows of the view/);
  expect(fieldOf('Mix', 'kind')).toMatch(/^What is ordered\.\n\n/);
  expect(fieldOf('Mix', 'orders')).toBe('Orders given, obeyed or not.\n\nNumber of rows.');
  expect(fieldOf('Mix', 'lastTick')).toMatch(/^Greatest of `tick`/);
  expect(described.getType('Favourites')?.description).toMatch(/^The three most given kinds\./);
});

test('everything a reader meets is described', () => {
  const silent: string[] = [];
  const note = (place: string, described: { readonly description?: string | null | undefined }) => {
    if (!described.description?.endsWith('.')) silent.push(place);
  };
  for (const type of Object.values(schema.getTypeMap())) {
    if (isIntrospectionType(type) || ['String', 'Boolean', 'ID', 'Float'].includes(type.name))
      continue;
    note(type.name, type);
    if (!isObjectType(type) && !isInputObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      note(`${type.name}.${field.name}`, field);
      if (!('args' in field)) continue;
      for (const arg of field.args) note(`${type.name}.${field.name}(${arg.name})`, arg);
    }
  }
  expect(silent).toEqual([]);
});
