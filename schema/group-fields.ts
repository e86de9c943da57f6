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
  timeBucketOf,
} from '../resolvers/groups.ts';
import { listPageInfo } from '../resolvers/list-page.ts';
import { personalColumnValue } from '../resolvers/personal.ts';
import { coveredPosition } from '../resolvers/position.ts';
import { type AnyType, anyType } from './any-type.ts';
import { addGroupOrder, addHaving, isOrdered } from './group-inputs.ts';
import type { RelationColumn } from './relation.ts';
import type { SchemaScope } from './scope.ts';
import { asOfDescription, minPositionDescription, type SharedTypes } from './shared-types.ts';
import { isComparable, type TableTypes } from './table-types.ts';

/** `actionLogGroups(…)`: rows grouped by columns and buckets of ticks, and aggregated. */
export function addGroupFields(scope: SchemaScope, shared: SharedTypes, types: TableTypes): void {
  const { table, where, column } = types;
  const order = addGroupOrder(scope, shared, types);
  const having = addHaving(scope, types);
  const groups = addGroupsType(scope, shared, types);
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
        timeBucketSeconds: t.arg.int({
          description:
            'Also group by buckets of so many seconds of `committedAt`; see `key.timeBucket`.',
        }),
        having: t.arg({ type: having, description: 'Which groups; all where it is left out.' }),
        orderBy: t.arg({
          type: [order],
          description: 'The order of the groups; by key otherwise.',
        }),
        first: t.arg.int({ description: 'Groups at most; 100 where it is left out.' }),
        after: t.arg.string({
          description:
            'The cursor after which the page begins; its groups are as of the position of the page that gave it.',
        }),
        minPosition: t.arg({ type: 'Position', description: minPositionDescription }),
        asOf: t.arg({ type: shared.asOf, description: asOfDescription }),
      },
      resolve: rowGroups(table, field),
    }),
  );
}

function addGroupsType(scope: SchemaScope, shared: SharedTypes, types: TableTypes) {
  const group = addGroupType(scope, types);
  return scope.builder.objectRef<GroupList>(`${types.relation.typeName}Groups`).implement({
    description: `Groups of \`${types.table.name}\`.`,
    fields: (t) => ({
      nodes: t.expose('nodes', { type: [group], description: 'The groups.' }),
      truncated: t.exposeBoolean('truncated', {
        description:
          'There are more groups than `first`: ask for more, go on behind `pageInfo.endCursor`, or narrow by `where`.',
      }),
      pageInfo: t.field({
        type: shared.pageInfo,
        description:
          'Whether and how the groups go on. A page that tells it is exactly as of a position.',
        resolve: listPageInfo,
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
  const chosen = comparable.filter(
    ({ definition }) => !definition.personal && !isPosition(definition),
  );
  const key = addGroupKeyType(scope, types, comparable);
  const distinct = addAggregateType(scope, types, 'CountDistinct', comparable, () =>
    anyType('BigInt'),
  );
  const sum = addAggregateType(scope, types, 'Sum', numeric, sumTypeOf);
  const avg = addAggregateType(scope, types, 'Avg', numeric, () => anyType('Float'));
  const stddev = addAggregateType(scope, types, 'Stddev', numeric, () => anyType('Float'));
  const first = addAggregateType(scope, types, 'First', chosen, (c) => scope.columns.scalarOf(c));
  const last = addAggregateType(scope, types, 'Last', chosen, (c) => scope.columns.scalarOf(c));
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
      stddev: t.field({
        type: stddev,
        description: 'Standard deviations, as of a sample; null of fewer than two values.',
        resolve: groupAggregate('stddev', namesOf(numeric)),
      }),
      first: t.field({
        type: first,
        description: 'Values that were committed first, of those present.',
        resolve: groupAggregate('first', namesOf(chosen)),
      }),
      last: t.field({
        type: last,
        description: 'Values that were committed last, of those present.',
        resolve: groupAggregate('last', namesOf(chosen)),
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
      timeBucket: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'When the bucket begins; null without the argument `timeBucketSeconds`.',
        resolve: timeBucketOf,
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
