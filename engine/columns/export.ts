import type { Ticket } from '../govern/ticket.ts';
import type { Catalog } from '../model/catalog.ts';
import type { ColumnDefinition } from '../model/types.ts';
import { type ArrowField, fieldOf } from '../vectors/arrow/arrow-type.ts';
import {
  endOfStream,
  fileFooter,
  fileMagic,
  schemaMessage,
} from '../vectors/arrow/ipc-messages.ts';
import { readMessages, requireSameLayout } from '../vectors/arrow/ipc-reader.ts';
import type { ClientQuery, ColumnClient } from './client.ts';
import type { ExportRequest, ExportSource } from './column-queries.ts';
import { withBytesColumns } from './parquet-footer.ts';
import { changedRows, goneMark } from './queries/changes-sql.ts';
import { type PadsSql, pseudonymSql } from './queries/pseudonym-sql.ts';
import { tableSource } from './queries/source-sql.ts';
import { SqlParameters } from './queries/sql-parameters.ts';
import { quoteName } from './queries/sql-text.ts';
import { checkedUserSql } from './queries/user-sql/user-sql.ts';
import type { HeldScope, SeenDatabases } from './seen-databases.ts';
import {
  exportExpression,
  exportedType,
  exportSql,
  exportSqlUnless,
  nullSql,
} from './stored-kinds.ts';

/**
 * Rows as one Arrow stream, Arrow file or Parquet file, at ClickHouse's own pace and in constant
 * memory. An export of a table has exactly the manifest's types; one of SQL has ClickHouse's.
 */
export async function exportRows(
  ticket: Ticket,
  client: ColumnClient,
  catalog: Catalog,
  seen: SeenDatabases,
  request: ExportRequest,
): Promise<AsyncIterable<Uint8Array>> {
  const { source } = request;
  if (source.kind === 'table') {
    return exportQuery(client, request, planTable(catalog, seen, request, source));
  }
  const scope = await seen.hold(source.seen);
  try {
    const { query, parameters } = source;
    const checked = await checkedUserSql(ticket, client, scope, { query, parameters });
    const plan = { query: checked, fields: null, bytesColumns: new Set<string>() };
    return releasing(await exportQuery(client, request, plan), scope);
  } catch (error) {
    scope.release();
    throw error;
  }
}

/** The bytes; whoever reads them, or gives them up, holds the scope no longer. */
async function* releasing(bytes: AsyncIterable<Uint8Array>, scope: HeldScope) {
  try {
    yield* bytes;
  } finally {
    scope.release();
  }
}

/** The rows of a query, in the format that `request` asks for. */
export async function exportQuery(
  client: ColumnClient,
  request: Pick<ExportRequest, 'format' | 'compression'>,
  plan: ExportPlan,
): Promise<AsyncIterable<Uint8Array>> {
  const { fields } = plan;
  // Only table exports know their fields; ClickHouse writes the other files by itself.
  const isRewritten = fields !== null && request.format !== 'PARQUET';
  const format = isRewritten ? 'ArrowStream' : formats[request.format];
  const bytes = await client.stream({
    ...plan.query,
    sql: `${plan.query.sql}\nFORMAT ${format}`,
    settings: { ...plan.query.settings, ...formatSettings(request) },
  });
  if (request.format === 'PARQUET') {
    return plan.bytesColumns.size === 0 ? bytes : withBytesColumns(bytes, plan.bytesColumns);
  }
  if (!isRewritten) return bytes;
  return request.format === 'ARROW_FILE' ? asFile(bytes, fields) : asStream(bytes, fields);
}

const formats = { ARROW_STREAM: 'ArrowStream', ARROW_FILE: 'Arrow', PARQUET: 'Parquet' } as const;

export interface ExportPlan {
  readonly query: ClientQuery;
  /** Null where the types are ClickHouse's. */
  readonly fields: readonly ArrowField[] | null;
  /** Columns of a table that are bytes and no text. */
  readonly bytesColumns: ReadonlySet<string>;
}

type TableSource = ExportSource & { readonly kind: 'table' };

function planTable(
  catalog: Catalog,
  seen: SeenDatabases,
  request: ExportRequest,
  source: TableSource,
): ExportPlan {
  const parameters = new SqlParameters();
  const isHashed = source.masked?.some(({ as }) => as === 'hash') ?? false;
  const pads = isHashed ? seen.padsIn(parameters) : null;
  const { columns, sql } = tableExport(catalog, request, source, parameters, pads?.sql ?? null);
  return {
    query: {
      sql,
      author: 'engine',
      parameters: parameters.values,
      ...(pads === null ? {} : { secrets: pads.secrets }),
      settings: { prefer_column_name_to_alias: 1 },
    },
    fields: columns.map((column) => fieldOf(column, exportedType(column))),
    bytesColumns: new Set(
      columns.filter(({ kind }) => kind === 'bytes').map((column) => column.name),
    ),
  };
}

/**
 * The columns of a table's export, and its rows. Rows of a state table that are gone since a position
 * have their key, what says when they went, and nulls; a mark tells them from the others.
 */
function tableExport(
  catalog: Catalog,
  { sinceLsn, asOfLsn }: ExportRequest,
  source: TableSource,
  parameters: SqlParameters,
  pads: PadsSql | null,
): { readonly columns: readonly ColumnDefinition[]; readonly sql: string } {
  const table = catalog.table(source.table);
  const columnsOf = catalog.columnsOf(table);
  const names = source.columns ?? [...columnsOf.keys()];
  const declared = names.map((name) => catalog.column(table, name));
  const masks = new Map(source.masked?.map(({ column, as }) => [column, as]));
  const shownSql = (column: ColumnDefinition): string => {
    const as = masks.get(column.name);
    if (as === undefined) return exportSql(column);
    if (as === 'hash' && pads !== null) return pseudonymSql(table.name, column.name, pads);
    return exportExpression(column, nullSql(column));
  };
  // Aliases repeat names of columns that they convert; conditions mean the columns.
  const select = (expressions: readonly string[], columns: readonly ColumnDefinition[]) =>
    `SELECT ${expressions.map((sql, i) => `${sql} AS ${quoteName(columns[i]?.name ?? '')}`).join(', ')}`;
  if (table.kind !== 'state' || sinceLsn === null) {
    const range = { after: sinceLsn, upTo: asOfLsn };
    const rows = tableSource(catalog, table, source.where, parameters, range);
    const sql = `${select(declared.map(shownSql), declared)} FROM ${rows.from} WHERE ${rows.where}`;
    return { columns: declared, sql };
  }
  const range = { after: sinceLsn, upTo: asOfLsn };
  const rows = changedRows(catalog, table, source.where, parameters, range);
  const mark = goneMark(columnsOf);
  const kept = new Set([...table.key, 'version', 'position', 'committedAt']);
  const columns = declared.map((column) =>
    kept.has(column.name) ? column : { ...column, optional: true },
  );
  const expressions = columns.map((column) =>
    kept.has(column.name)
      ? exportSql(column)
      : exportSqlUnless(rows.isGone, column, shownSql(column)),
  );
  const all = [...columns, mark];
  const marked = [...expressions, `CAST(${rows.isGone} AS Bool)`];
  return { columns: all, sql: `${select(marked, all)} FROM ${rows.from} WHERE ${rows.where}` };
}

const arrowCompression = { NONE: 'none', LZ4: 'lz4_frame', ZSTD: 'zstd' } as const;
const parquetCompression = { NONE: 'none', LZ4: 'lz4', ZSTD: 'zstd' } as const;

function formatSettings(
  request: Pick<ExportRequest, 'compression'>,
): Record<string, string | number> {
  return {
    output_format_arrow_compression_method: arrowCompression[request.compression],
    output_format_arrow_low_cardinality_as_dictionary: 0,
    output_format_arrow_string_as_string: 1,
    output_format_arrow_fixed_string_as_fixed_byte_array: 1,
    output_format_parquet_compression_method: parquetCompression[request.compression],
    output_format_parquet_string_as_string: 1,
    max_threads: exportThreads,
    max_memory_usage: exportMemoryBytesMax,
    max_execution_time: 0,
  };
}

const exportThreads = 2;
/** What a scan, a sort of keys and a row group need; it does not grow with the rows. */
const exportMemoryBytesMax = 2 * 1024 * 1024 * 1024;

async function* asStream(
  bytes: AsyncIterable<Uint8Array>,
  fields: readonly ArrowField[],
): AsyncGenerator<Uint8Array> {
  for await (const message of readMessages(bytes)) {
    if (message.kind === 'schema') {
      requireSameLayout(message.fields, fields);
      yield schemaMessage(fields);
    } else {
      yield message.metadata;
      yield* message.body();
    }
  }
  yield endOfStream;
}

/** A file is a stream between magic words, with an index of its batches behind it. */
async function* asFile(
  bytes: AsyncIterable<Uint8Array>,
  fields: readonly ArrowField[],
): AsyncGenerator<Uint8Array> {
  const blocks: { offset: number; metadataBytes: number; bodyBytes: number }[] = [];
  const head = new Uint8Array(8);
  head.set(fileMagic);
  yield head;
  let offset = head.byteLength;
  for await (const message of readMessages(bytes)) {
    if (message.kind === 'schema') {
      requireSameLayout(message.fields, fields);
      const schema = schemaMessage(fields);
      yield schema;
      offset += schema.byteLength;
      continue;
    }
    const metadataBytes = message.metadata.byteLength;
    const { bodyBytes } = message;
    blocks.push({ offset, metadataBytes, bodyBytes });
    yield message.metadata;
    yield* message.body();
    offset += metadataBytes + bodyBytes;
  }
  yield endOfStream;
  yield fileFooter(fields, blocks);
}
