import {
  type Condition,
  coerceScalar,
  namedColumns,
  type OrderBy,
  type QueryStatistics,
  type RowPage,
  rowPredicate,
} from '../engine/index.ts';
import type { Lsn } from '../engine/model/position.ts';
import type {
  ColumnDefinition,
  Row,
  TableDefinition,
  Value,
  WhereInput,
} from '../engine/model/types.ts';
import { auditedRead } from './audited.ts';
import { authoriseTable, authoriseUse, bothOf, rowRuleOf } from './authorise.ts';
import { answerRows, conditionOf, runBounded } from './bounded-work.ts';
import type { RequestContext } from './context.ts';

import { sawApplied, waitForApplied, waitForCovered } from './fresh-reads.ts';
import type { ListPage } from './list-page.ts';
import { orderOf, pageSizeOf, queryBoundsOf, withinClass } from './query-bounds.ts';
import { keyOfStored, refusePersonalOrder } from './stored-personal.ts';

export type RowList = ListPage<Row>;

export interface RowListArguments {
  readonly where?: WhereInput | null | undefined;
  readonly orderBy?: readonly OrderBy[] | null | undefined;
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  /** Which position the column store must cover first; lists of action and event tables only. */
  readonly minPosition?: string | null | undefined;
}

/** A live row; a row the role's rule hides is as if it were not there. */
export function rowByKey(table: TableDefinition) {
  const read = async (
    _root: unknown,
    args: { readonly key: Row },
    context: RequestContext,
  ): Promise<Row | null> => {
    const visible = visibleRows(context, table);
    const columns = columnsOf(context, table);
    const key = keyOfStored(context, keyOf(args.key, columns), columns);
    await waitForApplied(context);
    const row = context.engine.state.get(context.ticket, table.name, key);
    const shown = row !== null && rowPredicate(visible)(row) ? row : null;
    // What is hidden is not counted either.
    context.report.readRows(shown === null ? 0 : 1);
    answerRows(context, 1);
    return shown;
  };
  return auditedRead('read.row', table.name, (row) => (row === null ? 0 : 1), read);
}

/** A page of live rows. GAMEPLAY may not scan: a key or an index must serve the condition. */
export function stateRowList(table: TableDefinition) {
  const read = async (
    _root: unknown,
    args: RowListArguments,
    context: RequestContext,
  ): Promise<RowList> => {
    const visible = visibleRows(context, table);
    const orderBy = orderOf(args.orderBy);
    refusePersonalOrder(orderBy, columnsOf(context, table));
    const first = pageSizeOf(args.first);
    const asked = await conditionOf(context, args.where, columnsOf(context, table));
    authoriseUse(context, table, [...namedColumns(asked), ...orderBy.map(({ column }) => column)]);
    const where = bothOf(visible, asked);
    await waitForApplied(context);
    const { ticket, engine } = context;
    const request = { where, orderBy, first, after: args.after ?? null };
    const work = engine.state.list(ticket, table.name, request);
    const advice = engine.state.adviceFor(ticket, table.name, where);
    const page = await runBounded(context, work, advice);
    answerRows(context, page.rows.length);
    // How many rows there are that the role may not see is not told either.
    context.report.readRows(visible === null ? page.rowsRead : page.rows.length);
    return rowList(page, args, sawApplied(context));
  };
  return auditedRead('read.list', table.name, ({ nodes }) => nodes.length, read);
}

/** A page of an action or event table, from the column store. */
export function columnRowList(table: TableDefinition, field: string) {
  const read = async (
    _root: unknown,
    args: RowListArguments,
    context: RequestContext,
  ): Promise<RowList> => {
    const visible = visibleRows(context, table);
    const orderBy = orderOf(args.orderBy);
    refusePersonalOrder(orderBy, columnsOf(context, table));
    const first = pageSizeOf(args.first);
    const asked = await conditionOf(context, args.where, columnsOf(context, table));
    authoriseUse(context, table, [...namedColumns(asked), ...orderBy.map(({ column }) => column)]);
    const where = bothOf(visible, asked);
    await waitForCovered(context, args.minPosition);
    const bounds = queryBoundsOf(context.ticket);
    const after = args.after ?? null;
    const request = { table: table.name, where, orderBy, first, after, bounds };
    const page = await context.running.run(context.ticket, { field, sql: null }, (ticket) =>
      context.engine.columns.list(withinClass(ticket), request),
    );
    answerRows(context, page.rows.length);
    reportQuery(context, page.statistics, visible === null ? null : page.rows.length);
    return rowList(page, args, page.coveredLsn);
  };
  return auditedRead('read.list', table.name, ({ nodes }) => nodes.length, read);
}

function rowList(page: RowPage, { after }: RowListArguments, lsn: Lsn): RowList {
  const isAfter = (after ?? null) !== null;
  const { rows: nodes, hasNextPage } = page;
  return { nodes, hasNextPage, isAfter, lsn, cursorAt: (index) => page.cursorAt(index) };
}

/** What a query used; of one that may not see all rows, only how many it shows. */
export function reportQuery(
  context: RequestContext,
  statistics: QueryStatistics,
  rowsShown: number | null,
): void {
  if (rowsShown === null) context.report.ranQuery(statistics);
  else context.report.readRows(rowsShown);
}

/** A key in the engine's shapes: a UUID in lower case, numbers within the column's range. */
function keyOf(key: Row, columns: ReadonlyMap<string, ColumnDefinition>): Row {
  const checked: { [column: string]: Value } = {};
  for (const [name, value] of Object.entries(key)) {
    const column = columns.get(name);
    if (column) checked[name] = coerceScalar(column, value, `key.${name}`);
  }
  return checked;
}

function visibleRows(context: RequestContext, table: TableDefinition): Condition | null {
  const grant = authoriseTable(context, table.name, 'read');
  return rowRuleOf(context, table, columnsOf(context, table), grant);
}

function columnsOf(context: RequestContext, table: TableDefinition) {
  return context.engine.catalog.columnsOf(table);
}
