import {
  type FieldNode,
  GraphQLFloat,
  GraphQLIncludeDirective,
  type GraphQLResolveInfo,
  GraphQLSkipDirective,
  getDirectiveValues,
  type SelectionNode,
  valueFromAST,
} from 'graphql';
import { aggregateName, type GroupAggregate } from '../engine/index.ts';
import { EngineError } from '../engine/model/errors.ts';

/** Fields of a group that aggregate columns; each selects the columns it wants below it. */
export const aggregateFields = [
  'countDistinct',
  'sum',
  'avg',
  'stddev',
  'min',
  'max',
  'first',
  'last',
  'quantile',
] as const;
type AggregateField = (typeof aggregateFields)[number];

/**
 * The aggregates an operation asks for below `nodes`, each once: only these are computed.
 * `@skip`, `@include`, fragments and aliases are honoured, so `p50: quantile(q: 0.5) { x }` beside
 * `p99: quantile(q: 0.99) { x }` are two.
 */
export function selectedAggregates(info: GraphQLResolveInfo): GroupAggregate[] {
  const selected = new Map<string, GroupAggregate>();
  for (const nodes of fieldsBelow(info, info.fieldNodes)) {
    if (nodes.name.value !== 'nodes') continue;
    for (const field of fieldsBelow(info, [nodes])) {
      const op = aggregateFields.find((name) => name === field.name.value);
      if (!op) continue;
      for (const { name } of fieldsBelow(info, [field])) {
        if (name.value.startsWith('__')) continue;
        const aggregate = aggregateOf(op, name.value, field, info);
        selected.set(aggregateName(aggregate), aggregate);
      }
    }
  }
  return [...selected.values()];
}

function aggregateOf(
  op: AggregateField,
  column: string,
  field: FieldNode,
  info: GraphQLResolveInfo,
): GroupAggregate {
  if (op !== 'quantile') return { op, column };
  const argument = field.arguments?.find(({ name }) => name.value === 'q');
  const q = valueFromAST(argument?.value, GraphQLFloat, info.variableValues);
  if (typeof q !== 'number' || !(q >= 0 && q <= 1)) {
    throw new EngineError('BAD_USER_INPUT', `quantile: q must be from 0 to 1, not ${String(q)}`, {
      details: { path: 'q' },
    });
  }
  return { op, column, q };
}

/** Whether the answer is to tell where its page ends. */
export function selectsPage(info: GraphQLResolveInfo): boolean {
  for (const { name } of fieldsBelow(info, info.fieldNodes)) {
    if (name.value === 'pageInfo') return true;
  }
  return false;
}

/** The fields selected by these, fragments opened. The groups' types have no abstract ones. */
function* fieldsBelow(
  info: GraphQLResolveInfo,
  fields: readonly FieldNode[],
): Generator<FieldNode, void> {
  for (const field of fields) yield* fieldsIn(info, field.selectionSet?.selections ?? []);
}

function* fieldsIn(
  info: GraphQLResolveInfo,
  selections: readonly SelectionNode[],
): Generator<FieldNode, void> {
  for (const selection of selections) {
    if (!isIncluded(info, selection)) continue;
    switch (selection.kind) {
      case 'Field':
        yield selection;
        break;
      case 'InlineFragment':
        yield* fieldsIn(info, selection.selectionSet.selections);
        break;
      case 'FragmentSpread':
        yield* fieldsIn(info, info.fragments[selection.name.value]?.selectionSet.selections ?? []);
        break;
    }
  }
}

function isIncluded(info: GraphQLResolveInfo, selection: SelectionNode): boolean {
  const skip = getDirectiveValues(GraphQLSkipDirective, selection, info.variableValues);
  if (skip?.if === true) return false;
  const include = getDirectiveValues(GraphQLIncludeDirective, selection, info.variableValues);
  return include?.if !== false;
}
