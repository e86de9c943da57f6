import { isNumeric, isPosition, kindOf } from '../model/kinds.ts';
import { limits } from '../model/limits.ts';
import { didYouMean } from '../model/nearest-name.ts';
import { allColumns, systemColumns } from '../model/system-columns.ts';
import type {
  ColumnDefinition,
  GroupViewDefinition,
  TableDefinition,
  TopViewDefinition,
  ViewAggregate,
  ViewColumnDefinition,
  ViewDefinition,
  WhereInput,
} from '../model/types.ts';
import { viewColumnNameProblem } from './names.ts';
import { type Problems, placeOf } from './problems.ts';
import { readDescription } from './validate-description.ts';
import { identityProblem } from './validate-keys.ts';
import { checkDistinct, columnNamed, readName } from './validate-names.ts';
import { readWhere } from './validate-where.ts';
import { viewColumns } from './view-columns.ts';

/** Reads the views against the tables that could be read. */
export function readViews(
  problems: Problems,
  entries: readonly unknown[],
  tables: readonly TableDefinition[],
): ViewDefinition[] {
  const groups: GroupViewDefinition[] = [];
  const read = entries.map((entry, i): ViewDefinition | null => {
    const place = placeOf('views', i, entry);
    if (isTop(entry)) return readTop(problems, entry, place);
    const view = readGroup(problems, entry, place, tables);
    if (view) groups.push(view);
    return view;
  });
  const views = read.filter((view) => view !== null);
  for (const view of views) {
    if (view.kind === 'top') checkTop(problems, view, groups, tables);
  }
  checkDistinct(problems, 'views', views);
  return views;
}

function isTop(entry: unknown): boolean {
  return typeof entry === 'object' && entry !== null && 'kind' in entry && entry.kind === 'top';
}

function readGroup(
  problems: Problems,
  value: unknown,
  place: string,
  tables: readonly TableDefinition[],
): GroupViewDefinition | null {
  const members = [
    'name',
    'description',
    'kind',
    'from',
    'groupBy',
    'tickWindow',
    'columns',
  ] as const;
  const view = problems.object(value, place, members, ['description']);
  if (!view) return null;
  const name = readName(problems, view.name, place);
  const description = readDescription(problems, view.description, place);
  const kind = problems.oneOf(view.kind, `${place}.kind`, ['group', 'top'] as const);
  const from = problems.string(view.from, `${place}.from`);
  const tickWindow =
    view.tickWindow === null
      ? null
      : problems.integer(view.tickWindow, `${place}.tickWindow`, 1, 2 ** 32 - 1);
  if (name === null || kind === null || from === null) return null;
  const source = tables.find((table) => table.name === from);
  if (!source) {
    const mend = didYouMean(
      from,
      tables.map((table) => table.name),
    );
    problems.add(`${place}.from`, `there is no table "${from}"; ${mend}`);
    return null;
  }
  if (source.kind === 'state' && tickWindow !== null) {
    problems.add(
      `${place}.tickWindow`,
      `"${from}" is a state table, whose rows are of no one tick; drop it, or group an event or action table`,
    );
  }
  const columns = { known: sourceColumns(source), taken: takenNames(source) };
  const groupBy = readGroupBy(problems, view.groupBy, `${place}.groupBy`, columns);
  const values = readViewColumns(problems, view.columns, `${place}.columns`, columns);
  const keyNames = tickWindow === null ? groupBy : [...groupBy, 'tickWindow'];
  checkDistinct(problems, `${place}.columns`, [
    ...keyNames.map((key) => ({ name: key })),
    ...values,
  ]);
  return { name, ...description, kind: 'group', from, groupBy, tickWindow, columns: values };
}

/** What a view can read of its table. */
interface SourceColumns {
  readonly known: readonly ColumnDefinition[];
  /** The system columns that a view cannot read. */
  readonly taken: readonly string[];
}

/**
 * The columns of a table that its views can read. A state table offers its declared ones alone: a
 * view takes a row back as it was, and what the server wrote beside it is not kept.
 */
function sourceColumns(table: TableDefinition): readonly ColumnDefinition[] {
  return table.kind === 'state' ? table.columns : allColumns(table);
}

function takenNames(table: TableDefinition): readonly string[] {
  return table.kind === 'state' ? systemColumns(table).map((column) => column.name) : [];
}

/** Whether the name is of a column that is there, and that the view cannot read. */
function isTaken(problems: Problems, name: unknown, place: string, taken: readonly string[]) {
  if (typeof name !== 'string' || !taken.includes(name)) return false;
  problems.add(
    place,
    `"${name}" is written anew with every change of a row, and a view of a state table takes rows back as they were; name a declared column, or group an event or action table`,
  );
  return true;
}

function readGroupBy(
  problems: Problems,
  value: unknown,
  place: string,
  { known: columns, taken }: SourceColumns,
): string[] {
  const names = columns.map((column) => column.name);
  const readable = Array.isArray(value)
    ? value.filter((name) => !isTaken(problems, name, place, taken))
    : value;
  const groupBy = problems.names(readable, place, names, 'column');
  if (Array.isArray(value) && value.length === 0) {
    problems.add(place, 'a view has at least one column to group by; name it');
  }
  for (const column of columns) {
    const problem = groupBy.includes(column.name) ? identityProblem(column) : null;
    if (problem !== null) problems.add(place, problem);
  }
  return groupBy;
}

function readViewColumns(
  problems: Problems,
  value: unknown,
  parent: string,
  source: SourceColumns,
): ViewColumnDefinition[] {
  const columns: ViewColumnDefinition[] = [];
  for (const [i, entry] of problems.list(value, parent, limits.tableColumnsMax).entries()) {
    const place = placeOf(parent, i, entry);
    const members = ['name', 'description', 'aggregate'] as const;
    const column = problems.object(entry, place, members, ['description']);
    if (!column) continue;
    const name = readName(problems, column.name, place);
    const description = readDescription(problems, column.description, place);
    const aggregate = readAggregate(problems, column.aggregate, place, source);
    if (name === null || !aggregate) continue;
    const problem = viewColumnNameProblem(name);
    if (problem !== null) problems.add(place, problem);
    columns.push({ name, ...description, aggregate });
  }
  if (Array.isArray(value) && value.length === 0) {
    problems.add(parent, 'a view has at least one aggregate; add it');
  }
  return columns;
}

const aggregateOps = ['count', 'countDistinct', 'sum', 'min', 'max', 'sumLength'] as const;

function readAggregate(
  problems: Problems,
  value: unknown,
  place: string,
  { known: source, taken }: SourceColumns,
): ViewAggregate | null {
  const aggregate = problems.object(value, place, ['op', 'column', 'where'] as const, [
    'column',
    'where',
  ]);
  if (!aggregate) return null;
  const op = problems.oneOf(aggregate.op, `${place}.op`, aggregateOps);
  if (op === null) return null;
  const where = readViewWhere(problems, aggregate.where, `${place}.where`, source);
  if (op === 'count') {
    if (aggregate.column !== undefined) {
      problems.add(`${place}.column`, 'a count counts rows; drop it, or count distinct values');
    }
    return { op, ...where };
  }
  if (aggregate.column === undefined) {
    problems.add(`${place}.column`, 'is missing');
    return null;
  }
  if (isTaken(problems, aggregate.column, `${place}.column`, taken)) return null;
  const name = problems.string(aggregate.column, `${place}.column`);
  const column = name === null ? null : columnNamed(problems, place, source, name);
  if (!column) return null;
  const problem = operandProblem(op, column);
  if (problem !== null) problems.add(place, problem);
  return { op, column: column.name, ...where };
}

function operandProblem(op: Exclude<ViewAggregate['op'], 'count'>, column: ColumnDefinition) {
  const shape = column.list ? `a list of ${column.kind}` : column.kind;
  const refusal = (wanted: string) => `${op} takes ${wanted}, and "${column.name}" is ${shape}`;
  switch (op) {
    case 'sumLength':
      return column.list ? null : refusal('a list');
    case 'sum':
      return isNumeric(column) ? null : refusal('a number');
    case 'min':
    case 'max': {
      // `position` is text whose order is not that of the log; a tick or a time says it.
      const isOrdered = !column.list && !isPosition(column) && kindOf(column).hasExtremes;
      return isOrdered ? null : refusal('a number, a timestamp or a string');
    }
    case 'countDistinct':
      return identityProblem(column);
  }
}

function readViewWhere(
  problems: Problems,
  value: unknown,
  place: string,
  source: readonly ColumnDefinition[],
): { where?: WhereInput } {
  if (value === undefined) return {};
  if (value === null) problems.add(place, 'drop it to count all');
  const where = value === null ? null : readWhere(problems, value, place, source);
  return where === null ? {} : { where };
}

function readTop(problems: Problems, value: unknown, place: string): TopViewDefinition | null {
  const members = [
    'name',
    'description',
    'kind',
    'from',
    'partitionBy',
    'orderBy',
    'limit',
  ] as const;
  const view = problems.object(value, place, members, ['description']);
  if (!view) return null;
  const name = readName(problems, view.name, place);
  const description = readDescription(problems, view.description, place);
  const from = problems.string(view.from, `${place}.from`);
  const orderBy = problems.string(view.orderBy, `${place}.orderBy`);
  const limit = problems.integer(view.limit, `${place}.limit`, 1, limits.topViewRowsMax);
  const partitionBy = problems
    .list(view.partitionBy, `${place}.partitionBy`, limits.tableColumnsMax)
    .map((entry, i) => problems.string(entry, `${place}.partitionBy[${i}]`))
    .filter((entry) => entry !== null);
  if (name === null || from === null || orderBy === null || limit === null) return null;
  return { name, ...description, kind: 'top', from, partitionBy, orderBy, limit };
}

function checkTop(
  problems: Problems,
  view: TopViewDefinition,
  groups: readonly GroupViewDefinition[],
  tables: readonly TableDefinition[],
): void {
  const place = `views.${view.name}`;
  const source = groups.find((candidate) => candidate.name === view.from);
  if (!source) {
    const names = groups.map((group) => group.name);
    const mend = didYouMean(view.from, names);
    problems.add(`${place}.from`, `there is no group view "${view.from}"; ${mend}`);
    return;
  }
  const { key, values } = viewColumns({ tables, views: groups }, source);
  const keyNames = key.map((column) => column.name);
  problems.names(
    view.partitionBy,
    `${place}.partitionBy`,
    keyNames,
    `key column of "${source.name}"`,
  );
  if (view.partitionBy.length === keyNames.length) {
    problems.add(
      `${place}.partitionBy`,
      'the whole key leaves one row a partition; name less of it',
    );
  }
  const orderColumn = columnNamed(problems, `${place}.orderBy`, values, view.orderBy);
  if (orderColumn && operandProblem('max', orderColumn) !== null) {
    problems.add(
      `${place}.orderBy`,
      `"${view.orderBy}" is ${orderColumn.kind}, which has no order`,
    );
  }
}
