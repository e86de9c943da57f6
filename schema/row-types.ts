import type { Row, TableDefinition, WhereInput } from '../engine/model/types.ts';
import { boundColumnValue, columnValue, jsonColumnValue } from '../resolvers/column-value.ts';
import { personalColumnValue } from '../resolvers/personal.ts';
import type { Relation, RelationColumn } from './relation.ts';
import type { SchemaScope } from './scope.ts';

/**
 * An object type whose values are rows of the engine: a field a column. `table`: the one whose rows they
 * are, of which roles may see some columns masked, or not at all.
 */
export function addRowType(
  scope: SchemaScope,
  name: string,
  columns: readonly RelationColumn[],
  description: string,
  table: TableDefinition | null = null,
) {
  return scope.builder.objectRef<Row>(name).implement({
    description,
    fields: (t) =>
      Object.fromEntries(
        columns.map((column) => [
          column.definition.name,
          t.field({
            type: scope.columns.typeOf(column),
            nullable: column.definition.optional,
            description: column.description,
            resolve: resolverOf(table, column),
          }),
        ]),
      ),
  });
}
export type RowType = ReturnType<typeof addRowType>;

/** The `where` of a table or view: a member a column, and the connectives. */
export function addWhereType(scope: SchemaScope, relation: Relation) {
  return addFilterType(
    scope,
    `${relation.typeName}Where`,
    relation.columns,
    `Which rows of \`${relation.name}\`. Everything in one object must hold; an empty object holds for every row.`,
  );
}

/** A `where` over some columns, under a name of its own. */
export function addFilterType(
  scope: SchemaScope,
  name: string,
  columns: readonly RelationColumn[],
  description: string,
) {
  const filter = scope.builder.inputRef<WhereInput>(name);
  scope.builder.inputType(filter, {
    description,
    fields: (t) => ({
      ...Object.fromEntries(
        columns.map((column) => [
          column.definition.name,
          t.field({ type: scope.columns.filterOf(column), description: column.description }),
        ]),
      ),
      and: t.field({ type: [filter], description: 'All of these hold; none given: holds.' }),
      or: t.field({
        type: [filter],
        description: 'One of these holds; none given: does not hold.',
      }),
      not: t.field({ type: filter, description: 'This does not hold.' }),
    }),
  });
  return filter;
}
export type FilterType = ReturnType<typeof addFilterType>;

/** Any role may be given a rule for any column while the title runs, so each value is looked at. */
function resolverOf(table: TableDefinition | null, column: RelationColumn) {
  const { name, kind, personal } = column.definition;
  if (personal) return personalColumnValue(table, name);
  if (table !== null) return boundColumnValue(table, name, kind === 'json');
  return kind === 'json' ? jsonColumnValue(name) : columnValue(name);
}
