import type { OrderBy } from '../engine/index.ts';
import { kindOf, partColumns } from '../engine/model/kinds.ts';
import type { Row, TableDefinition } from '../engine/model/types.ts';
import { tableDescription } from './descriptions.ts';
import {
  type Relation,
  type RelationColumn,
  type TableRelation,
  tableRelation,
} from './relation.ts';
import { addRowType, addWhereType } from './row-types.ts';
import type { SchemaScope } from './scope.ts';
import type { SharedTypes } from './shared-types.ts';

/** The types of one table that several fields share. */
export function addTableTypes(scope: SchemaScope, shared: SharedTypes, table: TableDefinition) {
  const relation = tableRelation(table);
  const column = addColumnEnum(scope, relation);
  const orderColumn = addOrderColumnEnum(scope, relation) ?? column;
  return {
    table,
    relation,
    column,
    row: addRowType(scope, relation.typeName, relation.columns, tableDescription(table), table),
    where: addWhereType(scope, relation),
    order: addOrderType(scope, shared, `${relation.typeName}Order`, orderColumn, relation.name),
  };
}
export type TableTypes = ReturnType<typeof addTableTypes>;

/** `{ column, direction }` over some enum of columns. */
export function addOrderType(
  scope: SchemaScope,
  shared: SharedTypes,
  name: string,
  column: ReturnType<typeof addColumnEnum>,
  relationName: string,
) {
  const order = scope.builder.inputRef<OrderBy>(name);
  scope.builder.inputType(order, {
    description: `One column to order \`${relationName}\` by; earlier ones of a list weigh more.`,
    fields: (t) => ({
      column: t.field({ type: column, required: true, description: 'The column to compare.' }),
      direction: t.field({
        type: shared.direction,
        required: true,
        defaultValue: 'ASC',
        description: 'Which end comes first.',
      }),
    }),
  });
  return order;
}

/** The key of a state table, as an input. */
export function addKeyInput(scope: SchemaScope, relation: TableRelation) {
  const key = scope.builder.inputRef<Row>(`${relation.typeName}Key`);
  scope.builder.inputType(key, {
    description: `Names one row of \`${relation.name}\`.`,
    fields: (t) =>
      Object.fromEntries(
        relation.key.map((column) => [
          column.definition.name,
          t.field({
            type: scope.columns.typeOf(column),
            required: true,
            description: column.description,
          }),
        ]),
      ) as never,
  });
  return key;
}

/** The names of columns that have one order and one value to group by. */
function addColumnEnum(scope: SchemaScope, relation: Relation) {
  return scope.builder.enumType(`${relation.typeName}Column`, {
    description: `The columns of \`${relation.name}\` to order and group by.`,
    values: columnEnumValues(relation.columns.filter(isComparable)),
  });
}

/** The columns that rows are ordered by and their parts, which are not grouped by; null: there are no parts. */
function addOrderColumnEnum(scope: SchemaScope, relation: Relation) {
  const parts = relation.columns.flatMap(({ definition }) =>
    partColumns(definition).map((part, i) => {
      const key = kindOf(definition).parts?.names[i];
      const description = `The part \`${key}\` of \`${definition.name}\`.`;
      return [`${definition.name}_${key}`, { value: part.name, description }] as const;
    }),
  );
  if (parts.length === 0) return null;
  return scope.builder.enumType(`${relation.typeName}OrderColumn`, {
    description: `The columns of \`${relation.name}\` to order by, and the parts of its vectors.`,
    values: {
      ...columnEnumValues(relation.columns.filter(isComparable)),
      ...Object.fromEntries(parts),
    },
  });
}

export type ColumnEnumValues = Record<string, { value?: string; description: string }>;

export function columnEnumValues(columns: readonly RelationColumn[]): ColumnEnumValues {
  return Object.fromEntries(
    columns.map(({ definition, description }) => [definition.name, { description }]),
  );
}

/** One value of its own, not a list or a document. */
export function isComparable({ definition }: RelationColumn): boolean {
  return !definition.list && kindOf(definition).ordersRows;
}
