import { type ExportRequest, type ExportSource, namedColumns, shownAs } from '../engine/index.ts';
import { EngineError } from '../engine/model/errors.ts';
import { formatPosition, type Lsn, parsePosition } from '../engine/model/position.ts';
import type { ColumnDefinition, TableGrant, WhereInput } from '../engine/model/types.ts';
import { type AsOf, asOfLsn } from './as-of.ts';
import { auditConditionOf } from './audit-log.ts';
import { audited, type Told, touches } from './audited.ts';
import {
  authoriseCapability,
  authorisePseudonyms,
  authoriseShow,
  authoriseSql,
  authoriseTableExport,
  authoriseUse,
  bothOf,
  rowRuleOf,
} from './authorise.ts';
import { conditionOf } from './bounded-work.ts';
import type { ExportInfo, ExportSpec, RequestContext } from './context.ts';
import { auditedSql, sqlParameters } from './queries.ts';
import { checkColumnList, queryBoundsOf, withinClass } from './query-bounds.ts';

export interface CreateExportArguments {
  readonly table?: string | null | undefined;
  readonly sql?: string | null | undefined;
  readonly audit?: boolean | null | undefined;
  readonly parameters?: unknown;
  readonly where?: WhereInput | null | undefined;
  readonly columns?: readonly string[] | null | undefined;
  readonly format?: ExportRequest['format'] | null | undefined;
  readonly compression?: ExportRequest['compression'] | null | undefined;
  readonly sincePosition?: string | null | undefined;
  readonly asOf?: AsOf | null | undefined;
}

/** Orders an export; its rows are fixed now, however late the link is read. */
export async function createExport(
  _root: unknown,
  args: { readonly input: CreateExportArguments },
  context: RequestContext,
): Promise<ExportInfo> {
  const { input } = args;
  authoriseCapability(context, 'export');
  const source = await sourceOf(input, context);
  if (source.kind === 'sql') {
    // What is wrong with it is told now, not to whoever follows the link.
    await context.engine.columns.checkSql(
      withinClass(context.ticket),
      source.query,
      source.parameters,
      queryBoundsOf(context.ticket),
      source.seen,
    );
  }
  if (source.kind === 'table') touches(context, source.table);
  const format = input.format ?? 'ARROW_STREAM';
  const sinceLsn = positionOf(input.sincePosition, 'input.sincePosition');
  const asOf = (await asOfLsn(context, input.asOf, 'input.asOf')) ?? context.engine.appliedLsn;
  if (sinceLsn !== null && sinceLsn > asOf) {
    const end = formatPosition(asOf);
    throw invalid('sincePosition', `nothing is between it and ${end}, which the rows are as of`);
  }
  await context.use.take('export', context);
  const order = () =>
    context.exports.create(
      {
        source,
        format,
        compression: input.compression ?? 'NONE',
        sinceLsn,
        asOfLsn: asOf,
      },
      context.principal,
    );
  return audited(
    context,
    'export.create',
    toldOf(context, source, format),
    order,
    ({ id, lsn }) => ({
      lsn,
      details: { id },
    }),
  );
}

function toldOf(context: RequestContext, source: ExportSpec['source'], format: string): Told {
  switch (source.kind) {
    case 'table':
      return { table: source.table, columns: source.columns ?? [], details: { format } };
    case 'sql':
      return { details: { format, sql: auditedSql(context, source.query) } };
    case 'audit':
      return { details: { format, of: 'audit' } };
  }
}

/** The export of an id; null where there is none, or it is another's. */
export async function exportById(
  _root: unknown,
  args: { readonly id: string },
  context: RequestContext,
): Promise<ExportInfo | null> {
  authoriseCapability(context, 'export');
  return context.exports.get(args.id, context.principal);
}

export function exportExpiresAt(info: ExportInfo): number {
  return info.expiresAtMs;
}

async function sourceOf(
  input: CreateExportArguments,
  context: RequestContext,
): Promise<ExportSpec['source']> {
  const { table: tableName, sql } = input;
  if (input.audit === true) return auditSource(input, context);
  if (typeof tableName === 'string' && typeof sql !== 'string') {
    if (input.parameters !== null && input.parameters !== undefined) {
      throw invalid('parameters', 'goes with sql; a table has values in its where');
    }
    return tableSource(tableName, input, context);
  }
  if (typeof sql === 'string' && typeof tableName !== 'string') {
    const seen = authoriseSql(context, sql);
    for (const other of ['where', 'columns', 'asOf', 'sincePosition'] as const) {
      if (input[other] !== null && input[other] !== undefined) {
        throw invalid(other, `goes with a table; SQL says it itself${sayings[other]}`);
      }
    }
    const parameters = sqlParameters(input.parameters, context);
    return { kind: 'sql', query: sql, parameters, seen };
  }
  throw invalid('table', 'give either a table, sql or audit: true');
}

/** How SQL says what an input says of a table. */
const sayings = {
  where: '',
  columns: '',
  asOf: ', by the tick or position of the rows it reads',
  sincePosition: ', by the tick or position of the rows it reads',
} as const;

/** The audit log as it is now. */
async function auditSource(
  input: CreateExportArguments,
  context: RequestContext,
): Promise<ExportSpec['source']> {
  authoriseCapability(context, 'audit');
  for (const other of ['table', 'sql', 'parameters', 'columns', 'asOf', 'sincePosition'] as const) {
    if (input[other] !== null && input[other] !== undefined) {
      throw invalid(other, 'does not go with audit, which is exported whole, or by where');
    }
  }
  const where = await auditConditionOf(context, input.where, 'input.where');
  return { kind: 'audit', where, upToSequence: await context.auditLog.lastSequence() };
}

async function tableSource(
  name: string,
  input: CreateExportArguments,
  context: RequestContext,
): Promise<ExportSource> {
  const { catalog } = context.engine;
  const table = catalog.table(name);
  const grant = authoriseTableExport(context, name);
  const columns = catalog.columnsOf(table);
  checkColumnList('input.columns', input.columns ?? [], (column) => column, 'tableColumnsMax');
  for (const column of input.columns ?? []) catalog.column(table, column);
  if (input.columns?.length === 0) throw invalid('columns', 'name at least one, or leave it out');
  const isSince = input.sincePosition !== null && input.sincePosition !== undefined;
  const unnamed = table.key.filter((name) => input.columns?.includes(name) === false);
  if (table.kind === 'state' && isSince && unnamed.length > 0) {
    throw invalid(
      'columns',
      `rows deleted since a position are told by their key: name ${unnamed.join(', ')} too`,
    );
  }
  const where = await conditionOf(context, input.where, columns, 'input.where');
  authoriseUse(context, table, namedColumns(where));
  for (const column of input.columns ?? []) {
    const shown = authoriseShow(context, table, column);
    if (shown === 'hash') authorisePseudonyms(context, name, column);
  }
  const names = input.columns ?? shownNames(context, grant, columns);
  const masked = (grant.masked ?? []).filter(({ column }) => names?.includes(column) !== false);
  return {
    kind: 'table',
    table: name,
    where: bothOf(rowRuleOf(context, table, columns, grant), where),
    columns: names,
    ...(masked.length === 0 ? {} : { masked }),
  };
}

/** An export that names no columns has those the role sees, masked ones as it sees them; null for all. */
function shownNames(
  { engine }: RequestContext,
  grant: TableGrant,
  columns: ReadonlyMap<string, ColumnDefinition>,
): readonly string[] | null {
  const { makesPseudonyms } = engine.columns;
  const names = [...columns.keys()];
  const shown = names.filter((column) => {
    const as = shownAs(grant, column);
    return as !== 'hidden' && (as !== 'hash' || makesPseudonyms);
  });
  return shown.length === names.length ? null : shown;
}

function positionOf(text: string | null | undefined, path: string): Lsn | null {
  return text === null || text === undefined ? null : parsePosition(text, path);
}

function invalid(member: string, problem: string): EngineError {
  const path = `input.${member}`;
  return new EngineError('BAD_USER_INPUT', `${path}: ${problem}`, { details: { path } });
}
