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
