import { createHash } from 'node:crypto';
import type { Catalog } from '../model/catalog.ts';
import { kinds } from '../model/kinds.ts';
import { type Lsn, lsnZero } from '../model/position.ts';
import { conflictCodes } from '../model/system-columns.ts';
import type { TableDefinition } from '../model/types.ts';
import { commitTable, shippedCommits } from './commit-rows.ts';
import { quoteName } from './queries/sql-text.ts';
import { deletedColumn, lsnColumn } from './shipping/system-vectors.ts';
import { clickHouseType, enumType } from './stored-kinds.ts';

/** The ClickHouse database of a title. Titles have no underscores, so two never share one. */
export function databaseName(title: string): string {
  return `tickloom_${title.replaceAll('-', '_')}`;
}

/**
 * How the databases begin by which roles see parts of a title (`SeenDatabases`): no title's own, as
 * titles begin with a letter, and no other title's.
 */
export function seenDatabasesOf(title: string): string {
  return `tickloom__${createHash('sha256').update(title).digest('hex').slice(0, 12)}_`;
}

/**
 * The table that holds a manifest table's rows. A state table's is its history, every version of
 * every row; the manifest's own name is a view of the rows as they are now.
 */
export function storedName(table: TableDefinition): string {
  return table.kind === 'state' ? `${table.name}_history` : table.name;
}

/** Where the store notes up to which LSN everything is in, and in how many rows; one row after merges. */
export const shippedTable = '_shipped';
/** How many rows each table has, and up to which LSN, by the table's stored name. */
const countsColumn: StoredColumn = {
  name: 'tables',
  type: 'Map(String, Tuple(lsn UInt64, rows UInt64))',
  rest: '',
};

export interface StoredColumn {
  readonly name: string;
  readonly type: string;
  /** What follows the type: a codec, or `ALIAS …` for a computed column. */
  readonly rest: string;
}

/** The statements that make a title's database, then its tables. Each may be repeated. */
export function createStatements(catalog: Catalog): [string, ...string[]] {
  const database = quoteName(databaseName(catalog.manifest.title));
  const tables = [...catalog.tables.values()];
  return [
    `CREATE DATABASE IF NOT EXISTS ${database}`,
    `CREATE TABLE IF NOT EXISTS ${database}.${quoteName(shippedTable)} (
  shard UInt16, ${quoteName(lsnColumn)} UInt64, ${columnSql(countsColumn)}
) ENGINE = ReplacingMergeTree(${quoteName(lsnColumn)}) ORDER BY shard
SETTINGS ${durable}`,
    createCommits(database),
    ...tables.map((table) => createTable(database, table)),
  ];
}

/** The tables that hold a title's rows, as SQL names them. */
export function storedTables(catalog: Catalog): string[] {
  const database = quoteName(databaseName(catalog.manifest.title));
  const names = [shippedTable, commitTable, ...[...catalog.tables.values()].map(storedName)];
  return names.map((name) => `${database}.${quoteName(name)}`);
}

/** The views of current rows; made anew at each start, so that new columns appear. */
export function viewStatements(catalog: Catalog): string[] {
  const database = quoteName(databaseName(catalog.manifest.title));
  return catalog.stateTables.map(
    (table) =>
      `CREATE OR REPLACE VIEW ${database}.${quoteName(table.name)} AS ${currentRows(database, table)}`,
  );
}

/**
 * The rows of a state table at a position: of each key the last version at or before it, unless
 * that is a deletion. `bound` is SQL for the LSN; null means now.
 */
export function currentRows(database: string, table: TableDefinition, bound?: string): string {
  const key = table.key.map(quoteName).join(', ');
  const columns = storedColumns(table)
    .filter((column) => column.name !== deletedColumn)
    .map((column) => quoteName(column.name))
    .join(', ');
  const until = bound === undefined ? '' : ` WHERE ${quoteName(lsnColumn)} <= ${bound}`;
  return `SELECT ${columns} FROM (SELECT *, position FROM ${database}.${quoteName(storedName(table))}${until} ORDER BY ${key}, ${quoteName(lsnColumn)} DESC LIMIT 1 BY ${key}) WHERE ${quoteName(deletedColumn)} = 0`;
}

/**
 * What brings an existing table up to the manifest: new columns, and enums with more values.
 * `actual` are name and type as `system.columns` tells them.
 */
export function alterStatements(
  catalog: Catalog,
  table: TableDefinition,
  actual: ReadonlyMap<string, string>,
): { readonly statements: string[]; readonly mismatches: string[] } {
  const target = `${quoteName(databaseName(catalog.manifest.title))}.${quoteName(storedName(table))}`;
  const statements: string[] = [];
  const mismatches: string[] = [];
  for (const column of storedColumns(table)) {
    const type = actual.get(column.name);
    if (type === undefined) {
      statements.push(`ALTER TABLE ${target} ADD COLUMN IF NOT EXISTS ${columnSql(column)}`);
    } else if (type !== column.type) {
      if (column.type.includes('Enum16') && type.includes('Enum16')) {
        statements.push(`ALTER TABLE ${target} MODIFY COLUMN ${columnSql(column)}`);
      } else mismatches.push(`${table.name}.${column.name} is ${type}, not ${column.type}`);
    }
  }
  return { statements, mismatches };
}

/** What brings the notes of an earlier version up to this one. */
export function alterShippedStatement(database: string): string {
  return `ALTER TABLE ${quoteName(database)}.${quoteName(shippedTable)} ADD COLUMN IF NOT EXISTS ${columnSql(countsColumn)}`;
}

/** Deletes a table's rows of every position after `lsn`. */
export function deleteAfterStatement(database: string, table: string, lsn: Lsn): string {
  if (lsn === lsnZero) return `TRUNCATE TABLE ${quoteName(database)}.${quoteName(table)}`;
  return `ALTER TABLE ${quoteName(database)}.${quoteName(table)} DELETE WHERE ${quoteName(lsnColumn)} > ${lsn} SETTINGS mutations_sync = 2`;
}

export function storedColumns(table: TableDefinition): StoredColumn[] {
  const declared = table.columns.map((column) => stored(column.name, clickHouseType(column)));
  const position = stored('position', 'String', `ALIAS concat('0:', toString(${lsnColumn}))`);
  const lsn = stored(lsnColumn, 'UInt64', lsnCodec);
  const committedAt = stored('committedAt', kinds.timestamp.clickHouse, 'CODEC(Delta(8), LZ4)');
  if (table.kind === 'state') {
    return [
      ...declared,
      stored('version', 'UInt32'),
      lsn,
      position,
      committedAt,
      stored(deletedColumn, 'UInt8'),
    ];
  }
  const action = [
    stored('actionId', 'String'),
    stored('accepted', 'Bool'),
    // From 1, as verdicts are stored: 0 is accepted.
    stored('conflict', `Nullable(${enumType(conflictCodes, 1)})`),
  ];
  return [
    stored('sessionId', 'LowCardinality(String)'),
    stored('tick', 'UInt32', 'CODEC(Delta(4), LZ4)'),
    stored('seq', 'UInt32', 'CODEC(Delta(4), LZ4)'),
    lsn,
    position,
    committedAt,
    ...(table.kind === 'action' ? action : []),
    ...declared,
  ];
}

const lsnCodec = 'CODEC(Delta(8), LZ4)';

function stored(name: string, type: string, rest = ''): StoredColumn {
  return { name, type, rest };
}

function columnSql(column: StoredColumn): string {
  return `${quoteName(column.name)} ${column.type}${column.rest === '' ? '' : ` ${column.rest}`}`;
}

/**
 * A part is synced before its insert returns, so the log may be truncated behind it. Merged parts
 * are synced too, since their sources are deleted soon after.
 */
const durable = [
  'fsync_after_insert = 1',
  'fsync_part_directory = 1',
  'min_rows_to_fsync_after_merge = 1',
  'old_parts_lifetime = 60',
].join(', ');

/** The newest are read first: in the order of time, and of the log where times are the same. */
function createCommits(database: string): string {
  const columns = shippedCommits.columns.map((column) => {
    const { name } = column;
    return columnSql(stored(name, clickHouseType(column), name === lsnColumn ? lsnCodec : ''));
  });
  return `CREATE TABLE IF NOT EXISTS ${database}.${quoteName(commitTable)} (
  ${columns.join(',\n  ')},
  INDEX lsn_range ${quoteName(lsnColumn)} TYPE minmax GRANULARITY 1
) ENGINE = MergeTree ORDER BY (committedAt, ${quoteName(lsnColumn)})
SETTINGS ${durable}`;
}

/** No partitions: rows of one insert must become one part, visible as a whole or not at all. */
function createTable(database: string, table: TableDefinition): string {
  const order =
    table.kind === 'state'
      ? [...table.key, lsnColumn].map(quoteName).join(', ')
      : ['sessionId', 'tick', 'seq'].map(quoteName).join(', ');
  return `CREATE TABLE IF NOT EXISTS ${database}.${quoteName(storedName(table))} (
  ${storedColumns(table).map(columnSql).join(',\n  ')},
  INDEX lsn_range ${quoteName(lsnColumn)} TYPE minmax GRANULARITY 1
) ENGINE = MergeTree ORDER BY (${order})
SETTINGS ${durable}`;
}
