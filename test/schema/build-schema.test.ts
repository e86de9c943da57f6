import { lexicographicSortSchema, printSchema, validateSchema } from 'graphql';
import { expect, test } from 'vitest';
import { Catalog } from '../../engine/manifest/catalog.ts';
import { buildSchema } from '../../schema/build-schema.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';

const schema = buildSchema(new Catalog(ashfall));

test('the schema of ashfall is a valid GraphQL schema', () => {
  expect(validateSchema(schema)).toEqual([]);
});

test('the schema of ashfall is the one under review', async () => {
  const sdl = printSchema(lexicographicSortSchema(schema));
  await expect(`${sdl}\n`).toMatchFileSnapshot('ashfall.graphql');
});
