import { setTimeout as sleep } from 'node:timers/promises';
import { gentleStorage } from '../disk/gentle-storage.ts';
import { nodeStorage } from '../disk/node-storage.ts';
import type { Storage } from '../disk/storage.ts';
import type { Catalog } from '../model/catalog.ts';
import { EngineError } from '../model/errors.ts';
import { ClickHouseStore } from './clickhouse-store.ts';
import { type ClientTarget, ColumnClient } from './client.ts';
import { ColumnPulse, type PulseTimes } from './column-pulse.ts';
import type { ColumnStore } from './column-store.ts';
import { EmbeddedHost } from './embedded-host.ts';
import { type ColumnLogger, silentLogger } from './logger.ts';
import { MergePause } from './merge-pause.ts';
import {
  alterShippedStatement,
  alterStatements,
  createStatements,
  databaseName,
  shippedTable,
  storedName,
  viewStatements,
} from './schema-sql.ts';
import { ClickHouseTarget } from './shipping/clickhouse-target.ts';
import type { TailerObserver } from './shipping/delivery.ts';
import { shippedTables } from './shipping/shipped-table.ts';
import { Tailer } from './tailer.ts';

export interface ColumnStoreOptions {
  readonly catalog: Catalog;
  /** `url`: `http(s)://user:password@host:8123` of a server or cluster. */
  readonly target: 'embedded' | { readonly url: string };
  /** For the embedded store's data. */
  readonly directory: string;
  /** The server's data directory around it, whose other parts the embedded store cannot read. */
  readonly dataDirectory?: string;
  /** For blocks that ClickHouse lacks: what memory has no room for, and what checkpoints keep. */
  readonly spoolDirectory: string;
  /** Where the spool lies; the file system by default. */
  readonly storage?: Storage;
  readonly logger?: ColumnLogger;
  readonly observer?: TailerObserver;
  /** Goes on without rows that ClickHouse had once and holds no longer; else they are refused. */
  readonly acceptLostRows?: boolean;
  /** When a ClickHouse that does not answer is taken to hang; tests shorten it. */
  readonly pulse?: PulseTimes;
}

/** What an operator can see beside the port's promises. */
export interface OpenColumnStore extends ColumnStore {
  /** The newest LSN it was told of; minus `coveredLsn` that is the lag. */
  readonly advancedLsn: number;
  readonly backlog: { readonly memoryBytes: number; readonly spooledBlocks: number };
  /** Why ClickHouse answers nothing now; null while it does. */
  readonly trouble: string | null;
  /** Merges under way in ClickHouse; rejects where it does not answer soon. */
  mergesActive(): Promise<number>;
  /** Of the embedded child; null while it is down or for a remote store. */
  readonly childPid: number | null;
  /** How long the embedded child took to start; null for a remote store. */
  readonly childStartSeconds: number | null;
}

/** Opens the column store of one title: its process where embedded, its tables, its tailer. */
export async function openColumnStore(options: ColumnStoreOptions): Promise<OpenColumnStore> {
  const { catalog, target, directory, logger = silentLogger, observer = {} } = options;
  const host =
    target === 'embedded'
      ? await EmbeddedHost.start(directory, logger, {
          spoolDirectory: options.spoolDirectory,
          ...(options.dataDirectory ? { dataDirectory: options.dataDirectory } : {}),
        })
      : null;
  const way: ClientTarget = host
    ? { kind: 'socket', socketPath: host.socketPath, secret: host.secret }
    : { kind: 'url', url: (target as { url: string }).url };
  const client = new ColumnClient(way, host ? () => host.whenUp() : undefined);
  const pulse = new ColumnPulse({
    client: new ColumnClient(way),
    isUp: () => host === null || host.pid !== null,
    onHung: () => {
      host?.killHung();
      client.breakOff();
    },
    logger,
    ...(options.pulse ? { times: options.pulse } : {}),
  });
  client.refuseWhile(() => pulse.trouble);
  let mergePause: MergePause | null = null;
  try {
    await despiteRestarts(host, () => prepareDatabase(client, catalog));
    if (host) mergePause = await despiteRestarts(host, () => MergePause.begin(client));
    const database = databaseName(catalog.manifest.title);
    const whenUp = () => (host ? host.whenUp() : whenAlive(client));
    // It reads files of this machine, not those of another storage.
    const files = host && !options.storage ? 'taken' : 'sent';
    const opening = () =>
      Tailer.open({
        tables: shippedTables(catalog),
        target: new ClickHouseTarget(client, database, files, whenUp),
        storage: gentleStorage(options.storage ?? nodeStorage),
        spoolDirectory: options.spoolDirectory,
        logger,
        observer,
        acceptLostRows: options.acceptLostRows ?? false,
      });
    const tailer = await despiteRestarts(host, opening);
    return new ClickHouseStore({ catalog, client, tailer, host, mergePause, pulse });
  } catch (error) {
    mergePause?.close();
    await pulse.close();
    await client.close();
    await host?.close();
    throw error;
  }
}

/** Does again what an embedded child has not finished because it ended: its host starts another. */
async function despiteRestarts<T>(host: EmbeddedHost | null, work: () => Promise<T>): Promise<T> {
  for (let restarts = 0; ; restarts++) {
    try {
      return await work();
    } catch (error) {
      const isDown = error instanceof EngineError && error.code === 'UNAVAILABLE';
      if (!host || !isDown || restarts === restartsMax) throw error;
      // A connection breaks before the host hears of its child's end, and counts as up until then.
      await sleep(exitNoticeMs * 2 ** restarts);
      await host.whenUp();
    }
  }
}

const restartsMax = 3;
const exitNoticeMs = 50;

/** Few round trips, since a start waits for each: statements that do not need each other go together. */
async function prepareDatabase(client: ColumnClient, catalog: Catalog): Promise<void> {
  const [database, ...tables] = createStatements(catalog);
  await client.command(database);
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

async function whenAlive(client: ColumnClient): Promise<void> {
  while (!client.isClosed && !(await client.isAlive().catch(() => false))) await sleep(250);
}
