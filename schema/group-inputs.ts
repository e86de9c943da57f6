import { isNumeric, isPosition, kindOf } from '../engine/model/kinds.ts';
import type { ColumnDefinition } from '../engine/model/types.ts';
import type {
  AggregateInput,
  GroupOrderInput,
  HavingInput,
} from '../resolvers/compared-aggregates.ts';
import { type AnyType, anyType } from './any-type.ts';
import type { RelationColumn } from './relation.ts';
import type { SchemaScope } from './scope.ts';
import type { SharedTypes } from './shared-types.ts';
import {
  type ColumnEnumValues,
  columnEnumValues,
  isComparable,
  type TableTypes,
} from './table-types.ts';

/** What groups of a table are ordered by: a column they are grouped by, their size, or any aggregate. */
export function addGroupOrder(scope: SchemaScope, shared: SharedTypes, types: TableTypes) {
  const { typeName, name } = types.relation;
  const column = addGroupColumnEnum(scope, types);
  const aggregate = addAggregateInput(scope, types);
  const order = scope.builder.inputRef<GroupOrderInput>(`${typeName}GroupOrder`);
  scope.builder.inputType(order, {
    description: `What to order groups of \`${name}\` by, a column or an aggregate; earlier ones of a list weigh more.`,
    fields: (t) => ({
      column: t.field({ type: column, description: 'The column to compare.' }),
      aggregate: t.field({ type: aggregate, description: 'The aggregate to compare.' }),
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

function addGroupColumnEnum(scope: SchemaScope, { relation, table }: TableTypes) {
  const bucket =
    table.kind === 'state' ? {} : { tickBucket: { description: 'The first tick of the bucket.' } };
  return scope.builder.enumType(`${relation.typeName}GroupColumn`, {
    description: `What to order groups of \`${relation.name}\` by: columns they are grouped by, and their size.`,
    values: {
      ...columnEnumValues(relation.columns.filter(isComparable)),
      ...bucket,
      timeBucket: { description: 'When the bucket begins.' },
      count: { description: 'Number of rows of the group.' },
    } as ColumnEnumValues,
  });
}

const aggregateDescriptions = {
  countDistinct: 'Number of different values of a column.',
  sum: 'Sum of a column.',
  avg: 'Mean of a column.',
  stddev: 'Standard deviation of a column.',
  min: 'Least value of a column.',
  max: 'Greatest value of a column.',
  first: 'Value of a column that was committed first.',
  last: 'Value of a column that was committed last.',
} as const;

function addAggregateInput({ builder }: SchemaScope, { relation, column }: TableTypes) {
  const { typeName, name } = relation;
  const quantile = builder.inputType(`${typeName}GroupQuantile`, {
    description: `A quantile of a column of \`${name}\`.`,
    fields: (t) => ({
      q: t.float({ required: true, description: 'The share: 0.5 for the median.' }),
      column: t.field({ type: column, required: true, description: 'The column.' }),
    }),
  });
  const aggregate = builder.inputRef<AggregateInput>(`${typeName}GroupAggregate`);
  builder.inputType(aggregate, {
    description: `One aggregate of groups of \`${name}\`.`,
    isOneOf: true,
    fields: (t) =>
      ({
        ...Object.fromEntries(
          Object.entries(aggregateDescriptions).map(([op, description]) => [
            op,
            t.field({ type: column, description }),
          ]),
        ),
        quantile: t.field({ type: quantile, description: 'Quantile of a column.' }),
      }) as never,
  });
  return aggregate;
}

/** Conditions on groups: as a `where` over their size and their aggregates. */
export function addHaving(scope: SchemaScope, { relation }: TableTypes) {
  const { builder, columns } = scope;
  const { typeName, name } = relation;
  const comparable = relation.columns.filter(isComparable);
  const numeric = comparable.filter(({ definition }) => isNumeric(definition));
  const wholes = columns.filterOf(valueColumn('i64'));
  const numbers = columns.filterOf(valueColumn('f64'));
  const add = (
    suffix: string,
    some: readonly RelationColumn[],
    filterOf: (column: RelationColumn) => AnyType,
  ) =>
    builder.inputType(`${typeName}${suffix}`, {
      description: `Conditions on one aggregate of columns of \`${name}\`.`,
      fields: (t) =>
        Object.fromEntries(
          some.map((column) => [
            column.definition.name,
            t.field({ type: filterOf(column), description: column.description }),
          ]),
        ),
    });
  const counts = add('HavingCounts', comparable, () => wholes);
  const sums = add('HavingSums', numeric, ({ definition }) =>
    kindOf(definition).sum === 'f64' ? numbers : wholes,
  );
  const figures = add('HavingNumbers', numeric, () => numbers);
  const values = add('HavingValues', comparable.filter(isOrdered), (column) =>
    columns.filterOf(column),
  );
  const quantile = builder.inputType(`${typeName}HavingQuantile`, {
    description: `Conditions on a quantile of columns of \`${name}\`.`,
    fields: (t) => ({
      q: t.float({ required: true, description: 'The share: 0.5 for the median.' }),
      of: t.field({ type: figures, required: true, description: 'The columns.' }),
    }),
  });
  const having = builder.inputRef<HavingInput>(`${typeName}Having`);
  const ofOp = { countDistinct: counts, sum: sums, avg: figures, stddev: figures };
  const ofValues = { min: values, max: values, first: values, last: values };
  builder.inputType(having, {
    description: `Which groups of \`${name}\`, by their size and aggregates. Everything in one object must hold; a comparison with no value does not.`,
    fields: (t) =>
      ({
        count: t.field({ type: wholes, description: 'Number of rows.' }),
        ...Object.fromEntries(
          Object.entries({ ...ofOp, ...ofValues }).map(([op, type]) => [
            op,
            t.field({
              type: anyType(type),
              description: aggregateDescriptions[op as keyof typeof aggregateDescriptions],
            }),
          ]),
        ),
        quantile: t.field({ type: [quantile], description: 'Quantiles of columns.' }),
        and: t.field({ type: [having], description: 'All of these hold; none given: holds.' }),
        or: t.field({
          type: [having],
          description: 'One of these holds; none given: does not hold.',
        }),
        not: t.field({ type: having, description: 'This does not hold.' }),
      }) as never,
  });
  return having;
}

/**
 * Kinds whose order means something to a reader: not true and false, ids, or places in an enum; nor what
 * stands for a personal value.
 */
export function isOrdered({ definition }: RelationColumn): boolean {
  if (definition.personal) return false;
  return kindOf(definition).hasExtremes && !isPosition(definition);
}

function valueColumn(kind: ColumnDefinition['kind']): RelationColumn {
  const definition = { name: 'value', kind, optional: true, list: false, values: [] };
  return { definition, enumName: null, description: '' };
}
