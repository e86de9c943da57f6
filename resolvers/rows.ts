import {
  type ColumnListRequest,
  type Condition,
  coerceScalar,
  conjunction,
  namedColumns,
  type OrderBy,
  type QueryStatistics,
  type RowPage,
  rowPredicate,
  type StatePageRequest,
} from '../engine/index.ts';
import type { Lsn } from '../engine/model/position.ts';
import type {
  ColumnDefinition,
  Row,
  Scalar,
  TableDefinition,
  Value,
  WhereInput,
} from '../engine/model/types.ts';
import { type AsOf, asOfLsn } from './as-of.ts';
import { auditedRead } from './audited.ts';
import { authoriseTable, authoriseUse, bothOf, rowRuleOf } from './authorise.ts';
import { answerRows, conditionOf, runBounded } from './bounded-work.ts';
import type { RequestContext } from './context.ts';

import { sawApplied, waitForCovered, waitForCoveredRows, waitForMinimum } from './fresh-reads.ts';
import type { ListPage } from './list-page.ts';
import { orderOf, pageSizeOf, queryBoundsOf, withinClass } from './query-bounds.ts';
import { keyOfStored, refusePersonalOrder } from './stored-personal.ts';

export type RowList = ListPage<Row>;

export interface RowListArguments {
  readonly where?: WhereInput | null | undefined;
  readonly orderBy?: readonly OrderBy[] | null | undefined;
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  /** Which position the answer must cover. */
  readonly minPosition?: string | null | undefined;
  readonly asOf?: AsOf | null | undefined;
}

/** A row by its key, live or as it was; a row the role's rule hides is as if it were not there. */
export function rowByKey(table: TableDefinition, field: string) {
  const read = async (
    _root: unknown,
    args: { readonly key: Row; readonly asOf?: AsOf | null | undefined },
    context: RequestContext,
  ): Promise<Row | null> => {
    const visible = visibleRows(context, table);
    const columns = columnsOf(context, table);
    const key = keyOfStored(context, keyOf(args.key, columns), columns);
    const asOf = await asOfLsn(context, args.asOf);
    if (asOf !== null) {
      const where = bothOf(visible, keyCondition(key));
      const asked = { table: table.name, where, orderBy: [], first: 1, after: null, asOf };
      const { nodes } = await columnRowList(context, asked, field, true);
      return nodes[0] ?? null;
    }
    const row = context.engine.state.get(context.ticket, table.name, key);
    const shown = row !== null && rowPredicate(visible)(row) ? row : null;
    // What is hidden is not counted either.
    context.report.readRows(shown === null ? 0 : 1);
    answerRows(context, 1);
    return shown;
  };
  return auditedRead('read.row', table.name, (row) => (row === null ? 0 : 1), read);
}

/** A page of a table's rows: live ones where a key or an index leads to them, else from the column store. */
export function rowListOf(table: TableDefinition, field: string) {
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
    const request = { where, orderBy, first, after: args.after ?? null };
    const hidesRows = visible !== null;
    const asOf = await asOfLsn(context, args.asOf);
    const isLive =
      table.kind === 'state' &&
      asOf === null &&
      context.engine.state.placeOf(context.ticket, table.name, where) === 'live';
    if (isLive) {
      await waitForMinimum(context, args.minPosition);
      return liveRowList(context, table, request, hidesRows);
    }
    if (table.kind === 'state') await waitForCoveredRows(context, args.minPosition);
    else await waitForCovered(context, args.minPosition);
    return columnRowList(context, { ...request, table: table.name, asOf }, field, hidesRows);
  };
  return auditedRead('read.list', table.name, ({ nodes }) => nodes.length, read);
}

async function liveRowList(
  context: RequestContext,
  table: TableDefinition,
  request: StatePageRequest,
  hidesRows: boolean,
): Promise<RowList> {
  const { ticket, engine } = context;
  const work = engine.state.list(ticket, table.name, request);
  const advice = engine.state.adviceFor(ticket, table.name, request.where);
  const page = await runBounded(context, work, advice);
  answerRows(context, page.rows.length);
  // How many rows there are that the role may not see is not told either.
  context.report.readRows(hidesRows ? page.rows.length : page.rowsRead);
  return rowList(page, request, sawApplied(context));
}

async function columnRowList(
  context: RequestContext,
  asked: Omit<ColumnListRequest, 'bounds'>,
  field: string,
  hidesRows: boolean,
): Promise<RowList> {
  const request = { ...asked, bounds: queryBoundsOf(context.ticket) };
  const page = await context.running.run(context.ticket, { field, sql: null }, (ticket) =>
    context.engine.columns.list(withinClass(ticket), request),
  );
  answerRows(context, page.rows.length);
  reportQuery(context, page.statistics, hidesRows ? page.rows.length : null);
  return rowList(page, request, page.coveredLsn);
}

function rowList(page: RowPage, { after }: { readonly after: string | null }, lsn: Lsn): RowList {
  const isAfter = after !== null;
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

function keyCondition(key: Row): Condition {
  return conjunction(
    Object.entries(key).map(([column, value]) => {
      return { kind: 'compare', column, op: 'eq', value: value as Scalar };
    }),
  );
}

function visibleRows(context: RequestContext, table: TableDefinition): Condition | null {
  const grant = authoriseTable(context, table.name, 'read');
  return rowRuleOf(context, table, columnsOf(context, table), grant);
}

function columnsOf(context: RequestContext, table: TableDefinition) {
  return context.engine.catalog.columnsOf(table);
}
