import { expect, test } from 'vitest';
import { fixedFields, fixedTypes, generatedNames } from '../../engine/manifest/graphql-names.ts';
import {
  actionTable,
  count,
  defineTitle,
  eventTable,
  stateTable,
  t,
} from '../../engine/manifest/index.ts';
import { Catalog } from '../../engine/model/catalog.ts';
import type { TitleManifest } from '../../engine/model/types.ts';
import { buildSchema } from '../../schema/build-schema.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';

/** Column kinds that ashfall has no use for. */
const everyKind = defineTitle({
  title: 'every-kind',
  version: 1,
  tables: {
    act: actionTable({ at: t.timestamp(), what: t.enum('A', 'B'), ids: t.list(t.uuid()) }),
    log: eventTable({ big: t.i64(), huge: t.u64(), data: t.bytes(), on: t.bool(), any: t.json() }),
    row: stateTable(
      { id: t.uuid(), mood: t.enum('UP', 'DOWN').optional(), blob: t.bytes().optional() },
      { key: ['sessionId', 'id'] },
    ),
  },
  views: {
    moods: { kind: 'group', from: 'act', groupBy: ['what', 'conflict'], columns: { n: count() } },
  },
});

test.each<[string, TitleManifest]>([
  ['ashfall', ashfall],
  ['a title with every kind of column', everyKind],
])('every GraphQL name of %s is one that validation keeps apart from others', (_, manifest) => {
  const schema = buildSchema(new Catalog(manifest));
  const known = new Set([
    ...fixedTypes,
    ...fixedFields,
    ...generatedNames(manifest.tables, manifest.views).flatMap(({ names }) => names),
  ]);
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  const names = [
    ...Object.keys(schema.getTypeMap()).filter((name) => !name.startsWith('__')),
    ...roots.flatMap((root) => Object.keys(root?.getFields() ?? {})),
  ];
  expect(names.length).toBeGreaterThan(30);
  expect(names.filter((name) => !known.has(name))).toEqual([]);
});
