import type { GraphQLSchema } from 'graphql';
import type { Catalog } from '../engine/model/catalog.ts';
import { addAccessFields } from './access-fields.ts';
import { addAuditFields } from './audit-fields.ts';
import { createBuilder } from './builder.ts';
import { ColumnTypes } from './column-types.ts';
import { addContentionFields } from './contention-fields.ts';
import { addExportFields } from './export-fields.ts';
import { addGroupFields } from './group-fields.ts';
import { addInsightFields } from './insight-fields.ts';
import { addQueryFields } from './query-fields.ts';
import { addRowFields } from './row-fields.ts';
import type { SchemaScope } from './scope.ts';
import { addSessionFields } from './session-fields.ts';
import { addSharedTypes } from './shared-types.ts';
import { addSubscriptionFields } from './subscription-fields.ts';
import { addTableTypes } from './table-types.ts';
import { addTickFields } from './tick-fields.ts';
import { addRowChangesField, addViewFields } from './view-fields.ts';
import { withWideNumbers } from './wide-numbers.ts';

/**
 * The typed API of one title: its manifest, as GraphQL. One schema serves all roles; what a role
 * may do is decided when a field is asked for. The manifest must be valid.
 */
export function buildSchema(catalog: Catalog): GraphQLSchema {
  const builder = createBuilder();
  const scope: SchemaScope = { catalog, builder, columns: new ColumnTypes(builder) };
  const { title, views } = catalog.manifest;
  builder.queryType({ description: `Reads of the title \`${title}\`.` });
  builder.mutationType({ description: `Writes to the title \`${title}\`.` });
  if (views.length + catalog.stateTables.length > 0) {
    builder.subscriptionType({ description: `What happens in \`${title}\`, as it happens.` });
  }

  const shared = addSharedTypes(scope);
  const tables = catalog.manifest.tables.map((table) => addTableTypes(scope, shared, table));
  addSessionFields(scope, shared);
  addTickFields(scope, tables);
  for (const types of tables) {
    addRowFields(scope, shared, types);
    addGroupFields(scope, shared, types);
    if (types.table.kind === 'state') addRowChangesField(scope, shared, types);
  }
  for (const view of views) addViewFields(scope, shared, view);
  addExportFields(scope);
  addQueryFields(scope, shared);
  addContentionFields(scope);
  addInsightFields(scope, shared);
  addSubscriptionFields(scope);
  addAccessFields(scope);
  addAuditFields(scope, shared);
  // In the order of the manifest: sorted, `actionId` would stand apart from what an action is.
  return withWideNumbers(builder.toSchema({ sortSchema: false }));
}
