import type { ColumnMasks } from '../access/column-mask.ts';
import { gentleStorage } from '../disk/gentle-storage.ts';
import { nodeStorage } from '../disk/node-storage.ts';
import type { Storage } from '../disk/storage.ts';
import type { Catalog } from '../model/catalog.ts';
import { EngineError } from '../model/errors.ts';
import { Lifetime } from '../time/lifetime.ts';
import { ClickHouseStore } from './clickhouse-store.ts';
import type { ColumnClient } from './client.ts';
import type { PulseTimes } from './column-pulse.ts';
import type { ColumnStore } from './column-store.ts';
import { ColumnsHost, type ColumnsTarget } from './columns-host.ts';
import { shippedCommits } from './commit-rows.ts';
import { type ColumnLogger, silentLogger } from './logger.ts';
import { MergePause } from './merge-pause.ts';
import {
  alterShippedStatement,
  alterStatements,
  createStatements,
  databaseName,
  shippedTable,
  storedName,
  storedTables,
  viewStatements,
} from './schema-sql.ts';
import { dropSeenDatabases, SeenDatabases } from './seen-databases.ts';
import { ClickHouseTarget } from './shipping/clickhouse-target.ts';
import type { TailerObserver } from './shipping/delivery.ts';
import { shippedTables } from './shipping/shipped-table.ts';
import { Tailer } from './tailer.ts';

export interface ColumnStoreOptions {
  readonly catalog: Catalog;
  /** The ClickHouse that titles share; or where one is that this store has to itself, until it is closed. */
  readonly target: ColumnsHost | ColumnsTarget;
  /** The folder for the data of an embedded ClickHouse of this store's own. */
  readonly directory: string;
  /** The data directory around `directory`, whose other parts that ClickHouse cannot read. */
  readonly dataDirectory?: string;
  /** The folder for blocks that ClickHouse lacks: memory's overflow, and what checkpoints keep. */
  readonly spoolDirectory: string;
  /** Where the spool lies; the file system by default. */
  readonly storage?: Storage;
  readonly logger?: ColumnLogger;
  readonly observer?: TailerObserver;
  /** Goes on without rows that ClickHouse had once and holds no longer; else they are refused. */
  readonly acceptLostRows?: boolean;
  /** What makes pseudonyms of texts; without it SQL and exports have none. */
  readonly masks?: ColumnMasks;
  /** When a ClickHouse of this store's own that does not answer is taken to hang; tests shorten it. */
  readonly pulse?: PulseTimes;
}

/** What an operator can see beside the port's promises. */
export interface OpenColumnStore extends ColumnStore {
  /** The newest LSN it was told of; minus `coveredLsn` that is the lag. */
  readonly advancedLsn: number;
  readonly backlog: { readonly memoryBytes: number; readonly spooledBlocks: number };
  /** Why ClickHouse answers nothing now; null while it does. */
  readonly trouble: string | null;
  /** Merges under way in the title's tables; rejects where ClickHouse does not answer soon. */
  mergesActive(): Promise<number>;
  /** The embedded child's process id; null while it is down or for a remote store. */
  readonly childPid: number | null;
  /** How long the embedded child took to start; null for a remote store. */
  readonly childStartSeconds: number | null;
}

/** Opens the column store of one title: its connections, its tables, its tailer. */
export function openColumnStore(options: ColumnStoreOptions): Promise<OpenColumnStore> {
  return Lifetime.of(async (lifetime) => {
    const { catalog, target, spoolDirectory, logger = silentLogger, observer = {} } = options;
    const host =
      target instanceof ColumnsHost ? target : await ColumnsHost.open({ ...options, target });
    if (host !== target) lifetime.add(() => host.close());
    const client = host.connect();
    lifetime.add(() => host.leave(client));
    // An embedded ClickHouse reads files of this machine, not those of another storage.
    const takesFiles = host.isEmbedded && !options.storage;
    if (takesFiles) await host.lend(spoolDirectory);
    await host.despiteRestarts(() => prepareDatabase(client, catalog));
    const mergePause = host.isEmbedded
      ? await host.despiteRestarts(() => MergePause.begin(client, storedTables(catalog)))
      : null;
    lifetime.add(() => mergePause?.close());
    const opening = () =>
      Tailer.open({
        tables: [...shippedTables(catalog), shippedCommits],
        target: new ClickHouseTarget({
          client,
          database: databaseName(catalog.manifest.title),
          handOver: takesFiles ? (path) => host.handOver(path) : null,
          whenUp: () => host.whenUp(client),
        }),
        storage: gentleStorage(options.storage ?? nodeStorage),
        spoolDirectory,
        logger,
        observer,
        acceptLostRows: options.acceptLostRows ?? false,
      });
    const tailer = await host.despiteRestarts(opening);
    // To make pseudonyms ClickHouse needs the key, which a server of somebody else's would log.
    const masks = host.isEmbedded ? (options.masks ?? null) : null;
    const seen = new SeenDatabases({ client, catalog, masks });
    return new ClickHouseStore({ catalog, client, tailer, host, mergePause, seen, lifetime });
  });
}

/** Few round trips, since a start waits for each: statements that do not need each other go together. */
async function prepareDatabase(client: ColumnClient, catalog: Catalog): Promise<void> {
  const [database, ...tables] = createStatements(catalog);
  await client.command(database);
  await dropSeenDatabases(client, catalog.manifest.title);
  const run = (statements: readonly string[]) =>
    Promise.all(statements.map((statement) => client.command(statement)));
  await run(tables);
  const actual = await columnsByTable(client, catalog);
  const mismatches: string[] = [];
  const alterations = actual.get(shippedTable)?.has('tables')
    ? []
    : [alterShippedStatement(databaseName(catalog.manifest.title))];
  for (const table of catalog.tables.values()) {
    const altered = alterStatements(catalog, table, actual.get(storedName(table)) ?? new Map());
    mismatches.push(...altered.mismatches);
    alterations.push(...altered.statements);
  }
  if (mismatches.length > 0) {
    throw new EngineError(
      'SCHEMA_MISMATCH',
      `the column store holds other types than the manifest: ${mismatches.join('; ')}`,
    );
  }
  // In order: those of one table would meet.
  for (const statement of alterations) await client.command(statement);
  await run(viewStatements(catalog));
}

/** Name to type, by stored table. */
async function columnsByTable(
  client: ColumnClient,
  catalog: Catalog,
): Promise<ReadonlyMap<string, Map<string, string>>> {
  const { rows } = await client.query({
    sql: 'SELECT table, name, type FROM system.columns WHERE database = {database:String}',
    author: 'engine',
    housekeeping: true,
    parameters: { database: databaseName(catalog.manifest.title) },
  });
  const byTable = new Map<string, Map<string, string>>();
  for (const [table, name, type] of rows) {
    const columns = byTable.get(String(table)) ?? new Map<string, string>();
    byTable.set(String(table), columns.set(String(name), String(type)));
  }
  return byTable;
}
