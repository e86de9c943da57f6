import type { GraphQLResolveInfo } from 'graphql';
import { type Group, type GroupAggregate, namedColumns, type OrderBy } from '../engine/index.ts';
import { EngineError } from '../engine/model/errors.ts';
import type { Lsn } from '../engine/model/position.ts';
import type { Row, TableDefinition, Value, WhereInput } from '../engine/model/types.ts';
import { auditedRead } from './audited.ts';
import { authoriseTable, authoriseUse, bothOf, rowRuleOf } from './authorise.ts';
import { answerRows, conditionOf } from './bounded-work.ts';
import type { RequestContext } from './context.ts';
import { waitForCovered } from './fresh-reads.ts';

import { groupColumnsOf, orderOf, pageSizeOf, queryBoundsOf, withinClass } from './query-bounds.ts';
import { reportQuery } from './rows.ts';

import { aggregateKey, selectedAggregates } from './selected-aggregates.ts';

export interface GroupsArguments {
  readonly where?: WhereInput | null | undefined;
  readonly by?: readonly string[] | null | undefined;
  readonly tickBucket?: number | null | undefined;
  readonly orderBy?: readonly OrderBy[] | null | undefined;
  readonly first?: number | null | undefined;
  readonly minPosition?: string | null | undefined;
}

export interface GroupList {
  readonly nodes: readonly GroupNode[];
  /** There are more groups than were asked for. */
  readonly truncated: boolean;
  readonly coveredLsn: Lsn;
}

/** A group, its aggregates by `aggregateKey`. */
export interface GroupNode {
  readonly key: Row;
  readonly count: bigint;
  readonly values: ReadonlyMap<string, Value>;
}

/** Rows of a table grouped and aggregated in the column store. */
export function rowGroups(table: TableDefinition, field: string) {
  const read = async (
    _root: unknown,
    args: GroupsArguments,
    context: RequestContext,
    info: GraphQLResolveInfo,
  ): Promise<GroupList> => {
    const grant = authoriseTable(context, table.name, 'aggregate');
    const columns = context.engine.catalog.columnsOf(table);
    const visible = rowRuleOf(context, table, columns, grant);
    const asked = await conditionOf(context, args.where, columns);
    const by = groupColumnsOf(args.by);
    const aggregates = selectedAggregates(info);
    const orderBy = orderOf(args.orderBy);
    authoriseUse(context, table, [
      ...namedColumns(asked),
      ...by,
      ...[...aggregates, ...orderBy].map(({ column }) => column),
    ]);
    const request = {
      table: table.name,
      where: bothOf(visible, asked),
      by,
      tickBucket: tickBucketOf(args.tickBucket),
      aggregates,
      orderBy,
      first: pageSizeOf(args.first),
      asOf: null,
      bounds: queryBoundsOf(context.ticket),
    };
    await waitForCovered(context, args.minPosition);
    const result = await context.running.run(context.ticket, { field, sql: null }, (ticket) =>
      context.engine.columns.groups(withinClass(ticket), request),
    );
    answerRows(context, result.groups.length);
    reportQuery(context, result.statistics, visible === null ? null : result.groups.length);
    return {
      nodes: result.groups.map((group) => groupNode(group, request.aggregates)),
      truncated: result.truncated,
      coveredLsn: result.coveredLsn,
    };
  };
  return auditedRead('read.groups', table.name, ({ nodes }) => nodes.length, read);
}

export function groupKey(group: GroupNode): Row {
  return group.key;
}

/** The columns one aggregate field of a group answers, as a row of them. */
export function groupAggregate(op: Exclude<GroupAggregate['op'], 'quantile'>, columns: string[]) {
  return (group: GroupNode): Row => valuesOf(group, columns, (column) => ({ op, column }));
}

export function groupQuantile(columns: string[]) {
  return (group: GroupNode, args: { readonly q: number }): Row =>
    valuesOf(group, columns, (column) => ({ op: 'quantile', column, q: args.q }));
}

function valuesOf(
  group: GroupNode,
  columns: readonly string[],
  aggregateOf: (column: string) => GroupAggregate,
): Row {
  const row: { [column: string]: Value } = {};
  for (const column of columns) {
    const value = group.values.get(aggregateKey(aggregateOf(column)));
    if (value !== undefined) row[column] = value;
  }
  return row;
}

function groupNode(group: Group, aggregates: readonly GroupAggregate[]): GroupNode {
  const values = new Map<string, Value>();
  for (const [i, aggregate] of aggregates.entries()) {
    values.set(aggregateKey(aggregate), group.values[i] ?? null);
  }
  return { key: group.key, count: group.count, values };
}

function tickBucketOf(width: number | null | undefined): number | null {
  if (width === null || width === undefined) return null;
  if (width >= 1) return width;
  throw new EngineError('BAD_USER_INPUT', `tickBucket: must be 1 tick or more, not ${width}`, {
    details: { path: 'tickBucket' },
  });
}
