import type { Row, WhereInput } from '../engine/model/types.ts';
import { columnValue, jsonColumnValue } from '../resolvers/column-value.ts';
import type { Relation, RelationColumn } from './relation.ts';
import type { SchemaScope } from './scope.ts';

/** An object type whose values are rows of the engine: a field a column. */
export function addRowType(
  scope: SchemaScope,
  name: string,
  columns: readonly RelationColumn[],
  description: string,
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
            resolve: resolverOf(column),
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

function resolverOf(column: RelationColumn) {
  const { name, kind } = column.definition;
  return kind === 'json' ? jsonColumnValue(name) : columnValue(name);
}
