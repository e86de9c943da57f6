import { isNumeric, isPosition, kindOf } from '../engine/model/kinds.ts';
import type { Row } from '../engine/model/types.ts';
import { aggregateValue, columnValue } from '../resolvers/column-value.ts';
import {
  type GroupList,
  type GroupNode,
  groupAggregate,
  groupKey,
  groupQuantile,
  rowGroups,
} from '../resolvers/groups.ts';
import { personalColumnValue } from '../resolvers/personal.ts';
import { coveredPosition } from '../resolvers/position.ts';
import { type AnyType, anyType } from './any-type.ts';
import type { RelationColumn } from './relation.ts';
import type { SchemaScope } from './scope.ts';
import type { SharedTypes } from './shared-types.ts';
import {
  addOrderType,
  type ColumnEnumValues,
  columnEnumValues,
  isComparable,
  type TableTypes,
} from './table-types.ts';

/** `actionLogGroups(…)`: rows grouped by columns and buckets of ticks, and aggregated. */
export function addGroupFields(scope: SchemaScope, shared: SharedTypes, types: TableTypes): void {
  const { table, relation, where, column } = types;
  const order = addOrderType(
    scope,
    shared,
    `${relation.typeName}GroupOrder`,
    addGroupColumnEnum(scope, types),
    `${table.name}Groups`,
  );
  const groups = addGroupsType(scope, types);
  const field = `${table.name}Groups`;
  scope.builder.queryField(field, (t) =>
    t.field({
      type: groups,
      description: `Rows of \`${table.name}\` grouped and aggregated in the column store. Only the aggregates that are selected are computed. Without \`by\` and \`tickBucket\` there is one group: all rows.`,
      args: {
        where: t.arg({ type: where, description: 'Which rows; all where it is left out.' }),
        by: t.arg({ type: [column], description: 'The columns that make a group.' }),
        ...(table.kind === 'state'
          ? {}
          : {
              tickBucket: t.arg.int({
                description: 'Also group by buckets of so many ticks; see `key.tickBucket`.',
              }),
            }),
        orderBy: t.arg({
          type: [order],
          description: 'The order of the groups; by key otherwise.',
        }),
        first: t.arg.int({ description: 'Groups at most; 100 where it is left out.' }),
        minPosition: t.arg({
          type: 'Position',
          description:
            'The answer must cover at least this; it waits a moment, then fails with `NOT_CAUGHT_UP`.',
        }),
      },
      resolve: rowGroups(table, field),
    }),
  );
}

function addGroupColumnEnum(scope: SchemaScope, { relation, table }: TableTypes) {
  const bucket =
    table.kind === 'state' ? {} : { tickBucket: { description: 'The first tick of the bucket.' } };
  return scope.builder.enumType(`${relation.typeName}GroupColumn`, {
    description: `What to order groups of \`${relation.name}\` by: columns they are grouped by, and their size.`,
    values: {
      ...columnEnumValues(relation.columns.filter(isComparable)),
      ...bucket,
      count: { description: 'Number of rows of the group.' },
    } as ColumnEnumValues,
  });
}

function addGroupsType(scope: SchemaScope, types: TableTypes) {
  const group = addGroupType(scope, types);
  return scope.builder.objectRef<GroupList>(`${types.relation.typeName}Groups`).implement({
    description: `Groups of \`${types.table.name}\`.`,
    fields: (t) => ({
      nodes: t.expose('nodes', { type: [group], description: 'The groups.' }),
      truncated: t.exposeBoolean('truncated', {
        description: 'There are more groups than `first`: ask for more, or narrow by `where`.',
      }),
      coveredPosition: t.field({
        type: 'Position',
        description: 'Everything committed up to here is in the answer.',
        resolve: coveredPosition,
      }),
    }),
  });
}

function addGroupType(scope: SchemaScope, types: TableTypes) {
  const { relation } = types;
  const comparable = relation.columns.filter(isComparable);
  const numeric = comparable.filter(({ definition }) => isNumeric(definition));
  const ordered = comparable.filter(isOrdered);
  const key = addGroupKeyType(scope, types, comparable);
  const distinct = addAggregateType(scope, types, 'CountDistinct', comparable, () =>
    anyType('BigInt'),
  );
  const sum = addAggregateType(scope, types, 'Sum', numeric, sumTypeOf);
  const avg = addAggregateType(scope, types, 'Avg', numeric, () => anyType('Float'));
  const min = addAggregateType(scope, types, 'Min', ordered, (c) => scope.columns.scalarOf(c));
  const max = addAggregateType(scope, types, 'Max', ordered, (c) => scope.columns.scalarOf(c));
  const quantile = addAggregateType(scope, types, 'Quantile', numeric, () => anyType('Float'));
  return scope.builder.objectRef<GroupNode>(`${relation.typeName}Group`).implement({
    description: `One group of \`${relation.name}\` and its aggregates.`,
    fields: (t) => ({
      key: t.field({
        type: key,
        description: 'What the rows of the group share.',
        resolve: groupKey,
      }),
      count: t.expose('count', { type: 'BigInt', description: 'Number of rows.' }),
      countDistinct: t.field({
        type: distinct,
        description: 'Numbers of different values.',
        resolve: groupAggregate('countDistinct', namesOf(comparable)),
      }),
      sum: t.field({
        type: sum,
        description: 'Sums.',
        resolve: groupAggregate('sum', namesOf(numeric)),
      }),
      avg: t.field({
        type: avg,
        description: 'Means of the values that are present.',
        resolve: groupAggregate('avg', namesOf(numeric)),
      }),
      min: t.field({
        type: min,
        description: 'Least values.',
        resolve: groupAggregate('min', namesOf(ordered)),
      }),
      max: t.field({
        type: max,
        description: 'Greatest values.',
        resolve: groupAggregate('max', namesOf(ordered)),
      }),
      quantile: t.field({
        type: quantile,
        description: 'Values below which a share of the values lies. Aliases give several at once.',
        args: {
          q: t.arg.float({
            required: true,
            description: 'The share: 0.5 for the median, 0.99 for the 99th percentile.',
          }),
        },
        resolve: groupQuantile(namesOf(numeric)),
      }),
    }),
  });
}

function addGroupKeyType(
  scope: SchemaScope,
  { relation, table }: TableTypes,
  columns: readonly RelationColumn[],
) {
  return scope.builder.objectRef<Row>(`${relation.typeName}GroupKey`).implement({
    description: 'The columns grouped by; those not named in `by` are null.',
    fields: (t) => ({
      ...Object.fromEntries(
        columns.map((column) => [
          column.definition.name,
          t.field({
            type: scope.columns.scalarOf(column),
            nullable: true,
            description: column.description,
            resolve: column.definition.personal
              ? personalColumnValue(null, column.definition.name)
              : columnValue(column.definition.name),
          }),
        ]),
      ),
      ...(table.kind === 'state'
        ? {}
        : {
            tickBucket: t.field({
              type: anyType('Int'),
              nullable: true,
              description: 'The first tick of the bucket; null without the argument `tickBucket`.',
              resolve: columnValue('tickBucket'),
            }),
          }),
    }),
  });
}

function addAggregateType(
  scope: SchemaScope,
  { relation }: TableTypes,
  suffix: string,
  columns: readonly RelationColumn[],
  typeOf: (column: RelationColumn) => AnyType,
) {
  return scope.builder.objectRef<Row>(relation.typeName + suffix).implement({
    description: `One aggregate of columns of \`${relation.name}\`; null where no row of the group has a value.`,
    fields: (t) =>
      Object.fromEntries(
        columns.map((column) => [
          column.definition.name,
          t.field({
            type: typeOf(column),
            nullable: true,
            description: column.description,
            resolve: aggregateValue(column.definition.name),
          }),
        ]),
      ),
  });
}

function namesOf(columns: readonly RelationColumn[]): string[] {
  return columns.map((column) => column.definition.name);
}

function sumTypeOf({ definition }: RelationColumn): AnyType {
  return anyType(kindOf(definition).sum === 'f64' ? 'Float' : 'BigInt');
}

/**
 * Kinds whose order means something to a reader: not true and false, ids, or places in an enum; nor what
 * stands for a personal value.
 */
function isOrdered({ definition }: RelationColumn): boolean {
  if (definition.personal) return false;
  return kindOf(definition).hasExtremes && !isPosition(definition);
}
