import type { GraphQLResolveInfo } from 'graphql';
import {
  aggregateName,
  type Condition,
  type Group,
  type GroupAggregate,
  namedColumns,
} from '../engine/index.ts';
import { EngineError } from '../engine/model/errors.ts';
import type { Lsn } from '../engine/model/position.ts';
import type { Row, TableDefinition, Value, WhereInput } from '../engine/model/types.ts';
import { type AsOf, asOfLsn } from './as-of.ts';
import { auditedRead } from './audited.ts';
import { authoriseTable, authoriseUse, bothOf, rowRuleOf } from './authorise.ts';
import { answerRows, conditionOf } from './bounded-work.ts';
import {
  ComparedAggregates,
  type GroupOrderInput,
  type HavingInput,
} from './compared-aggregates.ts';
import type { RequestContext } from './context.ts';
import { waitForCovered } from './fresh-reads.ts';
import type { ListPage } from './list-page.ts';
import { groupColumnsOf, orderOf, pageSizeOf, queryBoundsOf, withinClass } from './query-bounds.ts';
import { reportQuery } from './rows.ts';
import { selectedAggregates, selectsPage } from './selected-aggregates.ts';
import { refusePersonalOrder } from './stored-personal.ts';

export interface GroupsArguments {
  readonly where?: WhereInput | null | undefined;
  readonly by?: readonly string[] | null | undefined;
  readonly tickBucket?: number | null | undefined;
  readonly timeBucketSeconds?: number | null | undefined;
  readonly having?: HavingInput | null | undefined;
  readonly orderBy?: readonly GroupOrderInput[] | null | undefined;
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly minPosition?: string | null | undefined;
  readonly asOf?: AsOf | null | undefined;
}

export interface GroupList extends ListPage<GroupNode> {
  /** There are more groups than were asked for. */
  readonly truncated: boolean;
  readonly coveredLsn: Lsn;
}

/** A group, its aggregates by `aggregateName`. */
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
    const compared = new ComparedAggregates(columns);
    const orderBy = orderOf(compared.order(args.orderBy));
    refusePersonalOrder(orderBy, columns);
    const having = await havingOf(context, compared, args.having);
    const keys = new Set(columns.keys());
    authoriseUse(context, table, [
      ...namedColumns(asked),
      ...by,
      ...[...aggregates, ...compared.all].map(({ column }) => column),
      ...orderBy.map(({ column }) => column).filter((column) => keys.has(column)),
    ]);
    const after = args.after ?? null;
    const asOf = await asOfLsn(context, args.asOf);
    const request = {
      table: table.name,
      where: bothOf(visible, asked),
      by,
      tickBucket: bucketOf('tickBucket', 'tick', args.tickBucket),
      timeBucketMs: timeBucketMsOf(args.timeBucketSeconds),
      aggregates,
      compared: compared.all,
      having,
      orderBy,
      first: pageSizeOf(args.first),
      after,
      isPaged: selectsPage(info),
      asOf,
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
      hasNextPage: result.truncated,
      isAfter: after !== null,
      cursorAt: result.cursorAt,
      lsn: result.coveredLsn,
      coveredLsn: result.coveredLsn,
    };
  };
  return auditedRead('read.groups', table.name, ({ nodes }) => nodes.length, read);
}

export function groupKey(group: GroupNode): Row {
  return group.key;
}

/** When the bucket of a group begins, in milliseconds; null where groups have none. */
export function timeBucketOf(key: Row): number | null {
  return (key.timeBucket as number | undefined) ?? null;
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
    const value = group.values.get(aggregateName(aggregateOf(column)));
    if (value !== undefined) row[column] = value;
  }
  return row;
}

function groupNode(group: Group, aggregates: readonly GroupAggregate[]): GroupNode {
  const values = new Map<string, Value>();
  for (const [i, aggregate] of aggregates.entries()) {
    values.set(aggregateName(aggregate), group.values[i] ?? null);
  }
  return { key: group.key, count: group.count, values };
}

async function havingOf(
  context: RequestContext,
  compared: ComparedAggregates,
  having: HavingInput | null | undefined,
): Promise<Condition | null> {
  if (having === null || having === undefined) return null;
  return conditionOf(context, compared.where(having), compared.values, 'having');
}

function bucketOf(argument: string, unit: string, width: number | null | undefined) {
  if (width === null || width === undefined) return null;
  if (width >= 1) return width;
  throw new EngineError('BAD_USER_INPUT', `${argument}: must be 1 ${unit} or more, not ${width}`, {
    details: { path: argument },
  });
}

function timeBucketMsOf(seconds: number | null | undefined): number | null {
  const width = bucketOf('timeBucketSeconds', 'second', seconds);
  return width === null ? null : width * 1_000;
}
